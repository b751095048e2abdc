#include "slalom/bow/linear_classifiers.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "slalom/base/error.hpp"
#include "small_corpus.hpp"

using namespace slalom;
using test::all_but_zero;
using test::corpus_of;
using test::relative_error;
using test::Text;

namespace {

constexpr TokenFeature kFeatures[] = {TokenFeature::count, TokenFeature::presence};

/// Features of a text by their definition: x_0 = 1 for the intercept, x_k of token k.
std::vector<double> features_by_hand(std::span<const TokenId> text, Index vocabulary, TokenFeature feature) {
  std::vector<double> x(static_cast<std::size_t>(vocabulary));
  for (const TokenId id : text) {
    double& at = x[static_cast<std::size_t>(id)];
    at = feature == TokenFeature::presence ? 1 : at + 1;
  }
  x[0] = 1;
  return x;
}

struct Loss {
  double (*value)(double);
  double (*slope)(double);
};
constexpr Loss kLogistic = {[](double m) { return std::log1p(std::exp(-m)); },
                            [](double m) { return -1 / (1 + std::exp(m)); }};
constexpr Loss kSquaredHinge = {[](double m) { return std::pow(std::max(0.0, 1 - m), 2); },
                                [](double m) { return -2 * std::max(0.0, 1 - m); }};

/// Norm of the gradient w + C Σ_i loss′(y_i g_i) y_i x_i, w_0 the intercept, over that at w = 0.
double relative_gradient(const LinearBag& bag, double cost, const PackedBatch& corpus, const Loss& loss) {
  std::vector<double> w = bag.weight;
  w[0] = bag.intercept;
  std::vector<double> here = w, start(w.size());
  for (Index b = 0; b < corpus.texts(); ++b) {
    const std::vector<double> x = features_by_hand(corpus.text(b), std::ssize(w), bag.feature);
    const double y = corpus.labels[static_cast<std::size_t>(b)] == 1 ? 1 : -1;
    double g = 0;
    for (std::size_t k = 0; k < x.size(); ++k) g += w[k] * x[k];
    CHECK(std::abs(bag.value(corpus.text(b)) - g) < 1e-13);
    for (std::size_t k = 0; k < x.size(); ++k) {
      here[k] += cost * loss.slope(y * g) * y * x[k];
      start[k] += cost * loss.slope(0) * y * x[k];
    }
  }
  double square = 0, scale = 0;
  for (std::size_t k = 0; k < w.size(); ++k) {
    square += here[k] * here[k];
    scale += start[k] * start[k];
  }
  return std::sqrt(square / scale);
}

/// The first of 4⁻⁶ … 4⁸ whose loss on every fifth text of each label the next one does not improve.
template <class Fit>
double best_cost(const PackedBatch& corpus, const Fit& fit, const Loss& loss) {
  PackedBatch kept, held_out;
  Index seen[2] = {};
  for (Index b = 0; b < corpus.texts(); ++b) {
    const int label = corpus.labels[static_cast<std::size_t>(b)];
    (++seen[label] % 5 == 0 ? held_out : kept).add(corpus.text(b), label);
  }
  double cost = std::pow(4, -6), lowest = INFINITY;
  for (;; cost *= 4) {
    const LinearBag bag = fit(kept, cost);
    double sum = 0;
    for (Index b = 0; b < held_out.texts(); ++b)
      sum += loss.value((held_out.labels[static_cast<std::size_t>(b)] == 1 ? 1 : -1) *
                        bag.value(held_out.text(b)));
    if (sum >= lowest) return cost / 4;
    lowest = sum;
  }
}

}  // namespace

TEST_CASE("linear classifiers: two texts of one token each, by hand") {
  const PackedBatch corpus = corpus_of({{{2, 0}, 0}, {{1}, 1}});
  const CountedTokens tokens = all_but_zero(4);
  // By symmetry b = 0 and the weights are a and −a: ½ · 2 a² + 2 log(1 + e^−a) has its minimum where
  // a = 1 / (1 + e^a).
  const LinearClassifier regression =
      fit_linear_classifier(LinearLoss::logistic, corpus, tokens, {.cost = 1});
  const double a = regression.bag.value(Text{1});
  CHECK(relative_error(a, 0.4010581375415470) < 1e-7);
  CHECK(relative_error(a, 1 / (1 + std::exp(a))) < 1e-7);
  CHECK(relative_error(regression.bag.value(Text{2}), -a) < 1e-7);
  CHECK(std::abs(regression.bag.value({})) < 1e-7);
  CHECK(regression.bag.value(Text{3}) == regression.bag.intercept);
  CHECK(regression.cost == 1);
  // ½ · 2 a² + 2 (1 − a)²: 2 a = 4 (1 − a).
  const LinearClassifier svm = fit_linear_classifier(LinearLoss::squared_hinge, corpus, tokens, {.cost = 1});
  CHECK(relative_error(svm.bag.value(Text{1, 0}), 2.0 / 3) < 1e-7);
  CHECK(relative_error(svm.bag.value(Text{2}), -2.0 / 3) < 1e-7);
}

TEST_CASE("linear classifiers: at the minimum the gradient of the regularised loss vanishes") {
  // The solver stops where the loss changes by some 1e-12 of itself; its gradient is then of the order of
  // 1e-6.
  const PackedBatch corpus = test::random_corpus(150, 20, 12, 5);
  for (const TokenFeature feature : kFeatures)
    for (const double cost : {.01, 1., 30.}) {
      CAPTURE(static_cast<int>(feature));
      CAPTURE(cost);
      const LinearClassifierOptions options{.feature = feature, .cost = cost};
      const LinearClassifier regression =
          fit_linear_classifier(LinearLoss::logistic, corpus, all_but_zero(20), options);
      CHECK(relative_gradient(regression.bag, cost, corpus, kLogistic) < 1e-6);
      const LinearClassifier svm =
          fit_linear_classifier(LinearLoss::squared_hinge, corpus, all_but_zero(20), options);
      CHECK(relative_gradient(svm.bag, cost, corpus, kSquaredHinge) < 1e-6);
    }
}

TEST_CASE("linear classifiers: separable texts are separated, with a margin") {
  const PackedBatch corpus =
      corpus_of({{{1, 3}, 1}, {{1, 3, 3, 4}, 1}, {{4, 1}, 1}, {{2, 3}, 0}, {{2, 4, 4}, 0}, {{3, 2, 5}, 0}});
  for (const TokenFeature feature : kFeatures) {
    const LinearClassifierOptions options{.feature = feature, .cost = 1e4};
    const LinearClassifier regression =
        fit_linear_classifier(LinearLoss::logistic, corpus, all_but_zero(6), options);
    const LinearClassifier svm =
        fit_linear_classifier(LinearLoss::squared_hinge, corpus, all_but_zero(6), options);
    for (Index b = 0; b < corpus.texts(); ++b) {
      const double y = corpus.labels[static_cast<std::size_t>(b)] == 1 ? 1 : -1;
      CHECK(y * regression.bag.value(corpus.text(b)) > 3);
      CHECK(y * svm.bag.value(corpus.text(b)) > .99);
    }
  }
}

TEST_CASE("linear classifiers: the cost is chosen on every fifth text of each label") {
  const PackedBatch corpus = test::random_corpus(120, 15, 8, 6);
  const CountedTokens tokens = all_but_zero(15);
  for (const TokenFeature feature : kFeatures) {
    const LinearClassifier regression =
        fit_linear_classifier(LinearLoss::logistic, corpus, tokens, {.feature = feature});
    const auto logistic = [&](const PackedBatch& texts, double cost) {
      return fit_linear_classifier(LinearLoss::logistic, texts, tokens, {.feature = feature, .cost = cost})
          .bag;
    };
    CHECK(regression.cost == best_cost(corpus, logistic, kLogistic));
    CHECK(regression.bag.weight == logistic(corpus, regression.cost).weight);
    const LinearClassifier svm =
        fit_linear_classifier(LinearLoss::squared_hinge, corpus, tokens, {.feature = feature});
    const auto machine = [&](const PackedBatch& texts, double cost) {
      return fit_linear_classifier(LinearLoss::squared_hinge, texts, tokens,
                                   {.feature = feature, .cost = cost})
          .bag;
    };
    CHECK(svm.cost == best_cost(corpus, machine, kSquaredHinge));
  }
}

TEST_CASE("linear classifiers: what is refused") {
  const CountedTokens tokens = all_but_zero(6);
  const PackedBatch one_label = corpus_of({{{1}, 1}, {{2}, 1}}),
                    few = corpus_of({{{1}, 1}, {{2}, 0}, {{1}, 1}, {{1}, 1}, {{1}, 1}, {{1}, 1}});
  CHECK_THROWS_WITH_AS(fit_linear_classifier(LinearLoss::squared_hinge, one_label, tokens, {.cost = 1}),
                       "[linear classifier] found 0 texts of label 0, wanted 1 or more", Error);
  CHECK_THROWS_WITH_AS(fit_linear_classifier(LinearLoss::logistic, few, tokens),
                       "[linear classifier] found 1 texts of label 0, wanted 5 or more to choose the cost",
                       Error);
  CHECK_THROWS_WITH_AS(fit_linear_classifier(LinearLoss::logistic, few, tokens, {.cost = 0}),
                       "[linear classifier] the cost is 0, wanted a positive number", Error);
  CHECK_THROWS_AS(fit_linear_classifier(LinearLoss::logistic, few, tokens, {.cost = INFINITY}), Error);
  CHECK_THROWS_WITH_AS(
      fit_linear_classifier(LinearLoss::squared_hinge, corpus_of({{{6}, 0}}), tokens, {.cost = 1}),
      "[bag of words] found id 6, wanted 0 to 5", Error);
}
