// Derivatives by the word embeddings against finite differences and against Hugging Face's models.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "../support/compare.hpp"
#include "../support/random_values.hpp"
#include "../support/small_models.hpp"
#include "explained.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/explain/embedding_gradient.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/model_io/model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const auto kSpecial = [](TokenId id) { return id <= 2; };
const std::vector<TokenId> kIds = {1, 7, 21, 7, 33, 2};

Encoding encoding(const ClassifierConfig& config) {
  Encoding e{kIds, {}, {}};
  if (config.traits().has_types) e.types = {0, 0, 0, 0, 1, 1};
  return e;
}

template <class T>
struct Opened {
  Classifier<T> model;
  ModelBlackBox<T> f;
  ExplainedText text;
  explicit Opened(const ClassifierConfig& config)
      : model(config), f(model, 1, 4096), text(encoding(config), kSpecial) {
    randomise(model, 3);
  }
  Explanation explained(const char* method) { return explain(method_named(method), f, text, {}); }
};

double log_odds_at(Classifier<double>& model, const ExplainedText& text, std::vector<double> x) {
  const PackedTexts one = text.whole();
  Tape<double> tape(Recording::off);
  const Var words = tape.constant({x.data(), {one.rows(), model.config().table_width()}});
  return log_odds<double>(tape.value(model.forward(tape, one, {.word_rows = words})).span(), 1);
}

// (F(x + h) − F(x − h)) / 2h, number by number.
std::vector<double> differences(Classifier<double>& model, const ExplainedText& text, std::vector<double> x) {
  constexpr double h = 1e-5;
  std::vector<double> slope;
  for (double& element : x) {
    const double kept = element;
    element = kept + h;
    const double above = log_odds_at(model, text, x);
    element = kept - h;
    slope.push_back((above - log_odds_at(model, text, x)) / (2 * h));
    element = kept;
  }
  return slope;
}

}  // namespace

// F = z_1 − log(e^z_0 + e^z_2): slopes 1, and minus the others' shares e^0 and e^log 3 of 4.
TEST_CASE("embedding gradient: the log-odds falls with the other classes by their softmax") {
  std::vector<double> slope(3);
  const double f = log_odds_objective(1)(std::vector<double>{0, 2, std::log(3.0)}, slope);
  CHECK(std::abs(f - (2 - std::log(4.0))) <= 1e-15);
  CHECK(relative_error(slope, std::vector<double>{-0.25, 1, -0.75}) <= 1e-15);
  slope.resize(2);
  CHECK(log_odds_objective(0)(std::vector<double>{5, 2}, slope) == 3);
  CHECK(slope == std::vector<double>{1, -1});
}

TEST_CASE("gradient, input-x-gradient: equal finite differences, in all architectures") {
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    Opened<double> opened(small_config(a, 2));
    const std::vector<double> x = word_embeddings(opened.model, kIds),
                              slope = differences(opened.model, opened.text, x);
    std::vector<double> norm, product;
    for (std::size_t i = 1; i < 5; ++i) {
      norm.push_back(0);
      product.push_back(0);
      const auto E = static_cast<std::size_t>(opened.model.config().table_width());
      for (std::size_t j = E * i; j < E * (i + 1); ++j) {
        norm.back() += slope[j] * slope[j];
        product.back() += slope[j] * x[j];
      }
      norm.back() = std::sqrt(norm.back());
    }
    const Explanation e = opened.explained("gradient");
    CHECK(relative_error(weights_of(e), norm) <= 1e-7);
    CHECK(relative_error(weights_of(opened.explained("input-x-gradient")), product) <= 1e-7);
    CHECK(check_of(e, "backward_passes") == 1);
    CHECK(e.cost.queries == 2);  // the log-odds, and the gradient
    CHECK(e.cost.token_forwards == 2 * 6);
    CHECK(e.warnings.size() == 1);
  }
}

TEST_CASE("gradient, input-x-gradient: a word takes its tokens together") {
  Opened<double> opened(small_config(Architecture::gpt2, 2));
  Encoding e = encoding(opened.model.config());
  e.places = {{}, {0, 0, 1, 0}, {0, 1, 2, 0}, {0, 3, 4, 1}, {0, 5, 6, 2}, {}};
  const ExplainedText words(e, kSpecial, Unit::word);
  const auto of_words = [&](const char* method) {
    return weights_of(explain(method_named(method), opened.f, words, {}));
  };
  const std::vector<double> norm = weights_of(opened.explained("gradient")),
                            product = weights_of(opened.explained("input-x-gradient"));
  CHECK(relative_error(of_words("gradient"), std::vector{std::hypot(norm[0], norm[1]), norm[2], norm[3]}) <=
        1e-14);
  CHECK(relative_error(of_words("input-x-gradient"),
                       std::vector{product[0] + product[1], product[2], product[3]}) <= 1e-14);
}

TEST_CASE("embedding gradient: many points are one after the other, for any number of threads") {
  constexpr Index kPoints = 400;  // 2,400 rows: more than a batch
  Opened<double> opened(small_config(Architecture::bert, 2));
  const std::vector<double> x = word_embeddings(opened.model, kIds);
  const auto at = [&](Index first, Index points, std::vector<double>& gradients) {
    std::vector<double> values;
    embedding_gradients<double>(
        opened.model, kIds, opened.text.encoding().types, points, log_odds_objective(1),
        [&](Index p, std::span<double> row) {
          std::ranges::transform(x, row.begin(),
                                 [&](double e) { return e * (1 + 0.01 * static_cast<double>(first + p)); });
        },
        [&](Index p, double value, std::span<const double> dx) {
          CHECK(p == std::ssize(values));
          values.push_back(value);
          gradients.insert(gradients.end(), dx.begin(), dx.end());
        });
    return values;
  };
  const int before = threads();
  std::vector<double> together, again, alone;
  const std::vector<double> values = at(0, kPoints, together);
  set_threads(before == 1 ? 2 : 1);
  CHECK(at(0, kPoints, again) == values);
  set_threads(before);
  CHECK(again == together);
  for (const Index p : {Index{0}, Index{211}, kPoints - 1}) {
    alone.clear();
    CHECK(relative_error(at(p, 1, alone)[0], values[p]) <= 1e-12);
    CHECK(relative_error(alone, std::span(together).subspan(p * 144, 144)) <= 1e-11);
  }
}

TEST_CASE("gradient: float follows double") {
  for (const Architecture a : kArchitectures) {
    Opened<float> narrow(small_config(a, 2));
    Opened<double> wide(small_config(a, 2));
    CHECK(relative_error(weights_of(narrow.explained("gradient")), weights_of(wide.explained("gradient"))) <=
          1e-4);
  }
}

TEST_CASE("methods that look inside refuse a black box that is none of our transformers") {
  FunctionBlackBox f([](std::span<const TokenId>) { return 1.0; });
  const ExplainedText text(kIds, kSpecial);
  for (const std::string method :
       {"gradient", "input-x-gradient", "integrated-gradients", "attn-lrp", "attention-rollout"}) {
    const std::string message =
        "[" + method + "] a classifier command can only be asked, wanted a model folder";
    CHECK_THROWS_WITH_AS(explain(method_named(method), f, text, {}), message.c_str(), Error);
  }
}

TEST_CASE("gradient, input-x-gradient: Hugging Face's models give the same") {
  with_reference_attributions([&](BlackBox& f, const ExplainedText& text, const Json& want) {
    const Explanation gradient = explain(method_named("gradient"), f, text, {}),
                      product = explain(method_named("input-x-gradient"), f, text, {});
    CHECK(relative_error(gradient.log_odds, want["log_odds"].get<double>()) <= 1e-9);
    CHECK(relative_error(weights_of(gradient), want["gradient_norm"].get<std::vector<double>>()) <= 1e-9);
    CHECK(relative_error(weights_of(product), want["input_x_gradient"].get<std::vector<double>>()) <= 1e-9);
  });
}
