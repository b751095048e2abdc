#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "../support/compare.hpp"
#include "../support/small_models.hpp"
#include "explained.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/explain/embedding_gradient.hpp"
#include "slalom/model_io/model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const auto kSpecial = [](TokenId id) { return id <= 2; };
const std::vector<TokenId> kIds = {1, 7, 21, 7, 33, 2};

double sum_of(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0);
}

struct Opened {
  Classifier<double> model;
  ModelBlackBox<double> f;
  ExplainedText text;
  explicit Opened(const ClassifierConfig& config, std::vector<TokenId> ids = kIds)
      : model(config), f(model, 1, 4096), text(std::move(ids), kSpecial) {
    randomise(model, 3);
  }
  Explanation explained(const ExplainOptions& options = {}) {
    return explain(method_named("integrated-gradients"), f, text, options);
  }
};

// Attention without preference, values as they are, no residual: logits (0, w · mean of the embeddings), with
// w = (3, −1) and embeddings 10: (1, 0), 11: (0, 2), 12: (1, 5).
struct BagOfEmbeddings : Opened {
  static ClassifierConfig config() {
    ClassifierConfig c = default_config(Architecture::gpt2, 1, 2, 1, 13);
    c.positions = Positions::none;
    c.norm = Norm::none;
    c.feed_forward_on = c.residual = false;
    return c;
  }
  explicit BagOfEmbeddings(std::vector<TokenId> ids) : Opened(config(), std::move(ids)) {
    ParameterStore<double>& store = model.parameters();
    for (int i = 0; i < store.count(); ++i) std::ranges::fill(store.value({i}).span(), 0.0);
    const auto set = [&](ParameterId id, std::initializer_list<double> values, Index row = 0) {
      std::ranges::copy(values, store.value(id).row(row));
    };
    set(model.embedding().token, {1, 0, 0, 2, 1, 5}, 10);
    set(model.blocks()[0].keys_values.weight, {0, 0, 0, 0, 1, 0, 0, 1});
    set(model.blocks()[0].attention_out.weight, {1, 0, 0, 1});
    set(model.head().out.weight, {0, 0, 3, -1});
  }
};

}  // namespace

// F = (3·1 − 0)/2 + (0 − 2)/2 = 0.5: the parts of a linear function are its terms.
TEST_CASE("integrated gradients: of a linear bag of embeddings they are its terms") {
  BagOfEmbeddings opened({10, 11});
  const Explanation e = opened.explained();
  CHECK(std::abs(e.log_odds - 0.5) <= 1e-15);
  CHECK(relative_error(weights_of(e), std::vector<double>{1.5, -1}) <= 1e-14);
  CHECK(std::abs(check_of(e, "completeness_gap")) <= 1e-14);
  CHECK(check_of(e, "log_odds_baseline") == 0);
  CHECK(check_of(e, "special_tokens") == 0);
  CHECK(check_of(e, "points") == 8);
  CHECK(check_of(e, "backward_passes") == 13);  // the baseline, one panel, and its halves
  CHECK(e.cost.token_forwards == 2 + 13 * 2);
  CHECK(e.warnings.empty());
  // From 12, (1, 5): w · (x − baseline) / 2 = (3·0 + 5)/2 and (−3 + 3)/2.
  const Explanation masked = opened.explained({.baseline = Baseline::mask, .mask_id = 12});
  CHECK(std::abs(weights_of(masked)[0] - 2.5) <= 1e-14);
  CHECK(std::abs(weights_of(masked)[1]) <= 1e-14);
  CHECK(std::abs(check_of(masked, "log_odds_baseline") - -2) <= 1e-15);
}

// Σ 1/29 … 29/29 = 15 times the gradients (3, −1) / 2 ⊙ embeddings (1, 0), (0, 2) where class 1 is on top;
// class 0 has a logit of 0 everywhere.
TEST_CASE("integrated gradients as published: a sum over steps, of whatever class is on top") {
  const auto published = [](std::vector<TokenId> ids, const char* method) {
    BagOfEmbeddings opened(std::move(ids));
    return explain(method_named(method), opened.f, opened.text, {.as_published = true, .held_out = 0});
  };
  const Explanation top = published({1, 10, 11, 2}, "integrated-gradients");
  CHECK(relative_error(weights_of(top), std::vector<double>{22.5, 15}) <= 1e-14);
  CHECK(check_of(top, "backward_passes") == 29);
  CHECK(top.cost.token_forwards == 4 + 29 * 2);
  CHECK(top.warnings.size() == 1);
  const Explanation other = published({12, 11}, "integrated-gradients");
  CHECK(other.log_odds < 0);
  CHECK(weights_of(other) == std::vector<double>{0, 0});
  CHECK(relative_error(weights_of(published({1, 10, 11, 2}, "gradient")),
                       std::vector<double>(2, std::sqrt(10.) / 2)) <= 1e-14);
}

TEST_CASE("integrated gradients: equal the mean over 4,000 points of the way, special tokens beside them") {
  constexpr Index kPoints = 4000;
  for (const Architecture a : {Architecture::bert, Architecture::gpt2}) {
    CAPTURE(std::string(name(a)));
    Opened opened(small_config(a, 1));
    const std::vector<double> x = word_embeddings(opened.model, kIds);
    std::vector<double> mean(kIds.size());
    embedding_gradients<double>(
        opened.model, kIds, {}, kPoints, log_odds_objective(1),
        [&](Index p, std::span<double> row) {
          std::ranges::transform(x, row.begin(),
                                 [&](double e) { return e * (static_cast<double>(p) + 0.5) / kPoints; });
        },
        [&](Index, double, std::span<const double> dx) {
          for (std::size_t i = 0; i < dx.size(); ++i) mean[i / 24] += x[i] * dx[i] / kPoints;
        });
    const Explanation e = opened.explained({.tolerance = 1e-7});
    CHECK(relative_error(weights_of(e), opened.text.summed(mean)) <= 1e-5);
    CHECK(std::abs(check_of(e, "special_tokens") - mean.front() - mean.back()) <= 1e-5);
    CHECK(std::abs(check_of(e, "completeness_gap")) <= 1e-7);
    CHECK(std::abs(sum_of(weights_of(e)) + check_of(e, "special_tokens") + check_of(e, "log_odds_baseline") -
                   e.log_odds) <= 1.1e-7);
  }
}

TEST_CASE("integrated gradients: a smaller tolerance takes more points, and is kept") {
  Opened opened(small_config(Architecture::bert, 2));
  const std::vector<double> exact = weights_of(opened.explained({.tolerance = 1e-10}));
  double points = 0;
  for (const double tolerance : {1e-1, 1e-4, 1e-7}) {
    const Explanation e = opened.explained({.tolerance = tolerance});
    CHECK(std::abs(check_of(e, "completeness_gap")) <= tolerance);
    CHECK(check_of(e, "points") > points);
    points = check_of(e, "points");
    for (std::size_t i = 0; i < exact.size(); ++i) CHECK(std::abs(weights_of(e)[i] - exact[i]) <= tolerance);
  }
}

// Without positions and types LayerNorm makes the model blind to the scale: F is constant but for a jump
// where the embeddings are about as small as √eps.
TEST_CASE("integrated gradients: a jump near the baseline is found") {
  ClassifierConfig config = small_config(Architecture::distilbert, 1);
  config.positions = Positions::none;
  Opened opened(config);
  const Explanation e = opened.explained();
  CHECK(std::abs(check_of(e, "completeness_gap")) <= 1e-3);
  CHECK(check_of(e, "backward_passes") <= 1500);
  CHECK(std::abs(e.log_odds - check_of(e, "log_odds_baseline")) > 0.1);
}

TEST_CASE("integrated gradients: from the pad or mask token special tokens have no part") {
  for (const Baseline baseline : {Baseline::pad, Baseline::mask}) {
    Opened opened(small_config(Architecture::bert, 2));
    const Explanation e = opened.explained({.baseline = baseline, .pad_id = 5, .mask_id = 6});
    const TokenId replacement = baseline == Baseline::pad ? 5 : 6;
    const double empty =
        opened.f.log_odds(std::vector<TokenId>{1, replacement, replacement, replacement, replacement, 2});
    CHECK(std::abs(check_of(e, "log_odds_baseline") - empty) <= 1e-12);
    CHECK(check_of(e, "special_tokens") == 0);
    CHECK(std::abs(sum_of(weights_of(e)) - (e.log_odds - empty)) <= 1e-3);
    CHECK_THROWS_AS(opened.explained({.baseline = baseline}), UsageError);
    CHECK_THROWS_AS(opened.explained({.baseline = baseline, .pad_id = 40, .mask_id = -1}), UsageError);
  }
}

TEST_CASE("integrated gradients: a tolerance out of reach ends with a warning") {
  Opened opened(small_config(Architecture::gpt2, 1), {7, 9});
  const Explanation e = opened.explained({.tolerance = 1e-30});
  CHECK(check_of(e, "backward_passes") <= 4096);
  CHECK(e.warnings.size() == 1);
}

TEST_CASE("integrated gradients: Hugging Face's models give the same") {
  with_reference_attributions([&](BlackBox& f, const ExplainedText& text, const Json& want) {
    const Explanation e = explain(method_named("integrated-gradients"), f, text, {});
    const auto all = want["integrated_gradients_all_positions"].get<std::vector<double>>();
    CHECK(relative_error(weights_of(e), want["integrated_gradients"].get<std::vector<double>>()) <= 2e-3);
    CHECK(std::abs(check_of(e, "special_tokens") + sum_of(weights_of(e)) - sum_of(all)) <= 2e-3);
    CHECK(std::abs(check_of(e, "log_odds_baseline") - want["ig_baseline_log_odds"].get<double>()) <= 1e-9);
  });
}
