#include "slalom/train/evaluation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "../support/compare.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

/// A text's logits are the row of its first token.
class FixedLogits final : public TextClassifier<double> {
 public:
  explicit FixedLogits(std::vector<std::array<double, 2>> rows) : rows_(std::move(rows)) {}
  ParameterStore<double>& parameters() override { return none_; }
  const ParameterStore<double>& parameters() const override { return none_; }
  Index labels() const override { return 2; }
  void rows_read(const PackedTexts&, ParameterId, std::vector<Index>&) const override {}
  void check(const PackedTexts&) const override {}
  Var forward(Tape<double>& tape, const PackedTexts& texts, const ForwardOptions&) override {
    const Tensor<double> logits = tape.allocate({texts.texts(), 2});
    for (Index b = 0; b < texts.texts(); ++b)
      std::ranges::copy(rows_[static_cast<std::size_t>(
                            texts.ids[static_cast<std::size_t>(texts.begin[static_cast<std::size_t>(b)])])],
                        logits.row(b));
    return tape.constant(logits);
  }

 private:
  ParameterStore<double> none_;
  std::vector<std::array<double, 2>> rows_;
};

}  // namespace

TEST_CASE("Share: Wilson's interval of 8 of 10, and of all and none") {
  // Centre (.8 + z²/20) / (1 + z²/10), half width z / (1 + z²/10) · √(.016 + z²/400), z = 1.959964.
  const auto [low, high] = Share{8, 10}.interval();
  CHECK(std::abs(low - 0.490162) < 1e-6);
  CHECK(std::abs(high - 0.943318) < 1e-6);
  CHECK(std::abs(Share{10, 10}.interval().second - 1) < 1e-15);
  CHECK(std::abs(Share{0, 10}.interval().first) < 1e-15);
  CHECK(Share{811, 1000}.value() == 0.811);
}

TEST_CASE("evaluate: accuracy and cross-entropy of known logits") {
  // Text [0] has logits (0, 0), [1] (0, 2), [2] (1000, 0); labels 1, 1, 1. Losses log 2, log(1 + e^-2), 1000.
  FixedLogits model({{0, 0}, {0, 2}, {1000, 0}});
  PackedBatch texts;
  for (const TokenId id : {0, 1, 2}) texts.add(std::vector<TokenId>{id}, 1);
  const Evaluation found = evaluate<double>(model, texts);
  CHECK(found.accuracy.right == 1);  // of equal logits the first is the answer
  CHECK(found.accuracy.texts == 3);
  CHECK(test::relative_error(found.loss, (std::log(2) + std::log1p(std::exp(-2)) + 1000) / 3) < 1e-15);
}

TEST_CASE("evaluate: no texts, and a label that is no class") {
  FixedLogits model({{0, 0}});
  PackedBatch texts;
  CHECK_THROWS_WITH_AS(evaluate<double>(model, texts), "[evaluate] found no texts, wanted one or more",
                       Error);
  texts.add(std::vector<TokenId>{0}, 2);
  CHECK_THROWS_WITH_AS(evaluate<double>(model, texts), "[evaluate] text 0 has label 2, wanted 0 to 1", Error);
}
