#include "../../experiments/text_study/removed_shares.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "slalom/inspect/compiled_slalom.hpp"

using namespace slalom;
using namespace slalom::text_study;

namespace {

constexpr TokenId kFirstWord = 5;
const std::vector<SlalomWord> kWords = {{"a", 1, 0.6, 1.1},  {"b", 1, -1, 0.7},   {"c", 1, 0.4, -1.6},
                                        {"d", 1, -0.3, 2.2}, {"e", 1, 1.2, -0.5}, {"f", 1, 0, 0.9}};

/// Every word four times, in turn, between special tokens.
ExplainedText text_of_words(const SpecialTokens& special) {
  std::vector<TokenId> ids;
  for (int i = 0; i < 24; ++i) ids.push_back(kFirstWord + i % 6);
  return {wrap(ids, special), [](TokenId id) { return id < kFirstWord; }};
}

/// The surrogate's largest share of the error of predicting no change, over all levels of removal.
double worst_share(const Json& record, const std::string& fit, const std::string& surrogate) {
  const auto errors = [&](const std::string& name) {
    for (const Json& e : record["errors"])
      if (e["fit"] == fit && e["surrogate"] == name) return e["mse"].get<std::vector<double>>();
    FAIL("no surrogate " << name);
    return std::vector<double>();
  };
  const std::vector<double> mine = errors(surrogate), none = errors("zero");
  REQUIRE(mine.size() == record["levels"].size());
  double worst = 0;
  for (std::size_t l = 0; l < mine.size(); ++l) worst = std::max(worst, mine[l] / none[l]);
  return worst;
}

}  // namespace

TEST_CASE(
    "removed shares: a compiled SLALOM is found at every share, and no additive surrogate holds there") {
  const CompiledSlalom compiled = compile_slalom(kWords, Architecture::distilbert, 64);
  ModelBlackBox<double> f(*compiled.model, 1, 4096);
  const Json record = removed_shares(f, text_of_words(compiled.special), 300, 5, 1);
  for (const char* fit : {"small", "mixed", "all"}) {
    CAPTURE(std::string(fit));
    for (const char* slalom : {"slalom", "slalom, no background"})
      CHECK(worst_share(record, fit, slalom) < 1e-6);
    for (const char* additive : {"ridge", "lime"}) CHECK(worst_share(record, fit, additive) > 0.01);
  }
}

TEST_CASE("removed shares: an additive model is ridge's at every share, and no change is predicted by zero") {
  FunctionBlackBox f([](std::span<const TokenId> ids) {
    double sum = 0.3;
    for (const TokenId id : ids)
      if (id >= kFirstWord) sum += kWords[static_cast<std::size_t>(id - kFirstWord)].value;
    return sum;
  });
  const Json record = removed_shares(f, text_of_words({.cls = 1, .sep = 2}), 300, 5, 1);
  for (const char* fit : {"small", "mixed", "all"}) {
    CAPTURE(std::string(fit));
    for (const char* additive : {"ridge", "least squares", "slalom"})
      CHECK(worst_share(record, fit, additive) < 1e-6);
    CHECK(worst_share(record, fit, "slalom, no background") > 0.01);
    CHECK(worst_share(record, fit, "zero") == 1);
  }
  CHECK(worst_share(record, "all", "kernel-shap") < 1e-6);
}

TEST_CASE("removed shares: a level removes as many tokens as its name says, never all") {
  const std::map<std::string, Index> removed = {{"1", 1},     {"10", 10},   {"10 %", 2}, {"25 %", 6},
                                                {"50 %", 12}, {"75 %", 18}, {"90 %", 22}};
  Index found = 0;
  for (const RemovalLevel& level : removal_levels(24, 5, 1)) {
    const auto known = removed.find(level.name);
    if (known != removed.end()) ++found;
    for (Index i = 0; i < level.kept.size(); ++i) {
      if (known != removed.end()) CHECK(level.kept.absent(i) == known->second);
      CHECK(level.kept.absent(i) < 24);
    }
  }
  CHECK(found == std::ssize(removed));
  for (const RemovalLevel& level : removal_levels(3, 5, 1))
    for (Index i = 0; i < level.kept.size(); ++i) CHECK(level.kept.absent(i) < 3);
}
