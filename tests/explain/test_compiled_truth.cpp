// A transformer that is a SLALOM has Shapley values in closed form: what every method has to agree with.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "../support/compare.hpp"
#include "explained.hpp"
#include "slalom/explain/explanation.hpp"
#include "slalom/inspect/compiled_slalom.hpp"
#include "slalom/surrogate/closed_form_shapley.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const std::vector<SlalomWord> kWords = {{"a", 1, 0.6, 1.1},   {"b", 1, -1, 0.7},   {"c", 1, 0.4, -1.6},
                                        {"d", 1, -0.3, 2.2},  {"e", 1, 1.2, -0.5}, {"f", 1, 0, 0.9},
                                        {"g", 1, -0.8, -1.3}, {"h", 1, 0.2, 1.7}};
constexpr TokenId kFirstWord = 5;

// Every word once; attention falls back on the special tokens, whose value is 0, when no word is left.
struct Compiled {
  CompiledSlalom slalom;
  ModelBlackBox<double> f;
  std::vector<double> value, importance;
  ExplainedText text;

  explicit Compiled(Architecture architecture, std::size_t words = kWords.size())
      : slalom(compile_slalom(kWords, architecture, 64)),
        f(*slalom.model, 1, 4096),
        text(wrapped(words), [](TokenId id) { return id < kFirstWord; }) {
    for (std::size_t k = 0; k < words; ++k) {
      value.push_back(kWords[k].value);
      importance.push_back(kWords[k].importance);
    }
  }
  std::vector<TokenId> wrapped(std::size_t words) const {
    std::vector<TokenId> ids(words);
    std::iota(ids.begin(), ids.end(), kFirstWord);
    return wrap(ids, slalom.special);
  }
  Explanation explained(const char* method, const ExplainOptions& options = {}) {
    return explain(method_named(method), f, text, options);
  }
};

constexpr Architecture kEncoders[] = {Architecture::bert, Architecture::distilbert, Architecture::roberta};

}  // namespace

TEST_CASE("compiled SLALOM: every Shapley method converges to the closed form") {
  for (const Architecture a : kEncoders) {
    CAPTURE(std::string(name(a)));
    Compiled c(a);
    const std::vector<double> want = slalom_shapley(c.value, c.importance, std::nullopt, 0);
    const Explanation exact = c.explained("shapley-exact");
    CHECK(relative_error(weights_of(exact), want) <= 1e-9);
    CHECK(std::abs(check_of(exact, "log_odds_empty")) <= 1e-9);
    CHECK(relative_error(weights_of(c.explained("kernel-shap", {.budget = 254})), want) <= 1e-9);
    CHECK(relative_error(weights_of(c.explained("slalom-shapley", {.background = false})), want) <= 1e-6);
    for (const char* method : {"kernel-shap", "permutation-shap", "controlled-shap"}) {
      CAPTURE(std::string(method));
      const bool controlled = method == std::string("controlled-shap");
      const Index few = method == std::string("kernel-shap") ? 100 : 700;
      const Explanation e = c.explained(
          method, {.budget = few, .background = controlled ? std::optional(false) : std::nullopt});
      const std::vector<double>& se = e.column("standard_error");
      for (std::size_t i = 0; i < want.size(); ++i)
        CHECK(std::abs(weights_of(e)[i] - want[i]) <= 4 * se[i] + 1e-9);
      // What the SLALOM leaves of a SLALOM is nothing to sample.
      if (controlled) CHECK(relative_error(weights_of(e), want) <= 1e-6);
    }
    const double rough = relative_error(weights_of(c.explained("permutation-shap", {.budget = 140})), want),
                 fine = relative_error(weights_of(c.explained("permutation-shap", {.budget = 14000})), want);
    CHECK(fine <= 0.05);
    CHECK(fine < rough);
  }
}

// F(t) − F(t without i) = α_i (v_i − F(t)) / (1 − α_i).
TEST_CASE("compiled SLALOM: leave-one-out is the formula") {
  for (const Architecture a : {Architecture::bert, Architecture::gpt2}) {
    Compiled c(a);
    double weight = 0, f = 0;
    for (std::size_t i = 0; i < c.value.size(); ++i) {
      weight += std::exp(c.importance[i]);
      f += std::exp(c.importance[i]) * c.value[i];
    }
    f /= weight;
    std::vector<double> want;
    for (std::size_t i = 0; i < c.value.size(); ++i) {
      const double alpha = std::exp(c.importance[i]) / weight;
      want.push_back(alpha * (c.value[i] - f) / (1 - alpha));
    }
    const Explanation e = c.explained("leave-one-out");
    CHECK(relative_error(e.log_odds, f) <= 1e-9);
    CHECK(relative_error(weights_of(e), want) <= 1e-9);
  }
}

TEST_CASE("compiled SLALOM: integrated gradients are complete, and the relevance of attn-lrp is conserved") {
  for (const Architecture a :
       {Architecture::bert, Architecture::distilbert, Architecture::roberta, Architecture::gpt2}) {
    CAPTURE(std::string(name(a)));
    Compiled c(a, 4);
    for (const Baseline baseline : {Baseline::zero, Baseline::mask}) {
      const Explanation e = c.explained("integrated-gradients", {.baseline = baseline, .mask_id = 4});
      CHECK(std::abs(check_of(e, "completeness_gap")) <= 1e-3);
      CHECK(e.warnings.empty());
    }
    CHECK(std::abs(check_of(c.explained("attn-lrp"), "conservation_gap")) <= 1e-9);
  }
}
