#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "../support/small_models.hpp"
#include "explained.hpp"
#include "slalom/explain/explanation.hpp"
#include "slalom/explain/relevance.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const auto kSpecial = [](TokenId id) { return id <= 2; };
const std::vector<TokenId> kIds = {1, 7, 21, 7, 33, 2};

}  // namespace

TEST_CASE("attn-lrp: tokens, special tokens and what the conservation record names adds up to the log-odds") {
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    Classifier<double> model(small_config(a, 2));
    randomise(model, 4);
    ModelBlackBox<double> f(model, 1, 4096);
    Encoding encoding{kIds, {}, {}};
    if (model.config().traits().has_types) encoding.types = {0, 0, 0, 0, 1, 1};
    const Explanation e = explain(method_named("attn-lrp"), f, {encoding, kSpecial}, {});
    const Relevance want = attn_lrp(model, kIds, encoding.types, 1);
    CHECK(weights_of(e) == std::vector<double>(want.token.begin() + 1, want.token.end() - 1));
    CHECK(check_of(e, "special_tokens") == want.token.front() + want.token.back());
    CHECK(std::abs(check_of(e, "conservation_gap")) <= 1e-9);
    double sum = 0;
    for (const double x : weights_of(e)) sum += x;
    for (const auto& [name, value] : e.checks)
      if (name != "conservation_gap" && name != "backward_passes") sum += value;
    CHECK(std::abs(sum - e.log_odds) <= 1e-9);
    for (const char* share : {"log_odds.log_sum_exp", "head.epsilon", "blocks.0.attn.softmax",
                              "blocks.1.mlp.bias", "blocks.0.attn.layer_norm", "embed.position"})
      CHECK(std::isfinite(check_of(e, share)));
    CHECK(std::isfinite(check_of(e, "head.bias")) == (a != Architecture::gpt2));
    CHECK(std::isfinite(check_of(e, "embed.type")) == model.config().traits().has_types);
    CHECK(e.cost.token_forwards == 12);
  }
}

TEST_CASE("attn-lrp: a word's relevance is its tokens' together") {
  Classifier<double> model(small_config(Architecture::distilbert, 1));
  randomise(model, 4);
  ModelBlackBox<double> f(model, 1, 4096);
  const Encoding encoding{kIds, {}, {{}, {0, 0, 1, 0}, {0, 1, 2, 0}, {0, 3, 4, 1}, {0, 5, 6, 2}, {}}};
  const std::vector<double> tokens = weights_of(explain(method_named("attn-lrp"), f, {kIds, kSpecial}, {})),
                            words = weights_of(
                                explain(method_named("attn-lrp"), f, {encoding, kSpecial, Unit::word}, {}));
  CHECK(words == std::vector<double>{tokens[0] + tokens[1], tokens[2], tokens[3]});
}
