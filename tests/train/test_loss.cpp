#include "slalom/train/loss.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

// Two texts with three outputs.
const std::vector<double> kLogits = {1, -2, 0.5, 3, 0, -1};

double loss_of_batch(const PackedBatch& texts, ProblemType type) {
  Tape<double> tape(Recording::off);
  const Tensor<double> x = tape.allocate({2, 3});
  std::ranges::copy(kLogits, x.data);
  return tape.value(loss(tape, tape.constant(x), texts, type)).data[0];
}

PackedBatch batch(std::vector<int> labels, std::vector<double> targets) {
  PackedBatch texts;
  texts.labels = std::move(labels);
  texts.targets = std::move(targets);
  return texts;
}

}  // namespace

TEST_CASE("loss: cross-entropy, binary cross-entropy over texts and labels, mean squared error") {
  const auto check = [](const PackedBatch& texts, ProblemType type, double first, double second) {
    CHECK(std::abs(loss_of_batch(texts, type) - (first + second) / 2) < 1e-14);
    const std::span<const double> x = kLogits;
    CHECK(std::abs(loss_of(x.first(3), texts.labels[0], texts.targets_of(0), type) - first) < 1e-14);
    CHECK(std::abs(loss_of(x.subspan(3), texts.labels[1], texts.targets_of(1), type) - second) < 1e-14);
  };
  check(batch({2, 0}, {}), ProblemType::single_label,
        std::log(std::exp(1) + std::exp(-2) + std::exp(0.5)) - 0.5,
        std::log(std::exp(3) + 1 + std::exp(-1)) - 3);
  const auto yes = [](double x) { return -std::log(1 / (1 + std::exp(-x))); };
  check(batch({0, 0}, {1, 0, 1, 0, 1, 0}), ProblemType::multi_label, (yes(1) + yes(2) + yes(0.5)) / 3,
        (yes(-3) + yes(0) + yes(1)) / 3);
  check(batch({0, 0}, {1, 0, 0, 3, 2, -1}), ProblemType::regression, (4 + 0.25) / 3, 4.0 / 3);
  CHECK_THROWS_AS(loss_of_batch(batch({0, 0}, {1, 0, 1}), ProblemType::multi_label), Error);
  CHECK_THROWS_AS(loss_of_batch(batch({3, 0}, {}), ProblemType::single_label), Error);
}

TEST_CASE("loss: a logit far from its target overflows nothing") {
  const std::vector<double> far = {1000, -1000}, wrong = {0, 1};
  CHECK(loss_of<double>(far, 0, wrong, ProblemType::multi_label) == 1000);
}

TEST_CASE("is_right: the largest logit, all signs, never for a number") {
  const std::vector<double> logits = {1, -2, 0.5}, right = {1, 0, 1}, wrong = {1, 0, 0};
  CHECK(is_right<double>(logits, 0, {}, ProblemType::single_label));
  CHECK_FALSE(is_right<double>(logits, 2, {}, ProblemType::single_label));
  CHECK(is_right<double>(logits, 0, right, ProblemType::multi_label));
  CHECK_FALSE(is_right<double>(logits, 0, wrong, ProblemType::multi_label));
  CHECK_FALSE(is_right<double>(logits, 0, logits, ProblemType::regression));
}
