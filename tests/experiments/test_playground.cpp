// The playground's models through their C interface, without WebAssembly.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "../../experiments/playground/playground.cpp"

namespace {

constexpr int kPerfect = 5, kAllSteps = 1250;
constexpr double kWeight = 1.5;

struct Switches {
  AttentionKind attention = AttentionKind::softmax;
  bool small = false;  // no LayerNorm, feed-forward network and layer before the output
};

struct Model {
  PlaygroundModel* model;
  explicit Model(const Switches& s, unsigned seed = 1)
      : model(playground_create(static_cast<int>(Architecture::distilbert), static_cast<int>(s.attention),
                                static_cast<int>(s.small ? Norm::none : Norm::layer),
                                static_cast<int>(Positions::none), 1, 2, 16, !s.small, 1, !s.small, seed)) {}
  ~Model() { playground_destroy(model); }

  std::vector<double> curve() const {
    const double* f = playground_curve(model, kPerfect);
    return {f, f + 30};
  }
  void type(const std::vector<int>& words) const { std::ranges::copy(words, playground_text(model)); }
};

}  // namespace

TEST_CASE("playground: trained attention is flat over copies of a word, a sum has its weight as slope") {
  const Model attention({}), sum({AttentionKind::sum, true});
  for (const Model* m : {&attention, &sum}) {
    const double before = playground_loss(m->model), best = playground_best_loss(m->model);
    playground_train(m->model, kAllSteps);
    const double after = playground_loss(m->model);
    CHECK(std::abs(before - std::log(2)) < 0.02);
    CHECK(after < best + 0.1 * (before - best));
    CHECK(after >= best);
  }
  const std::vector<double> flat = attention.curve(), rising = sum.curve();
  CHECK(flat[0] > 2);
  CHECK(std::abs(flat[29] - flat[0]) < 1);
  CHECK(std::abs((rising[29] - rising[0]) / 29 - kWeight) < 0.15 * kWeight);
  for (std::size_t n = 1; n < 29; ++n)
    CHECK(std::abs(rising[n + 1] - 2 * rising[n] + rising[n - 1]) < 1e-4 * rising[29]);

  playground_train(sum.model, 1);  // there is no step behind the last
  CHECK(sum.curve() == rising);
}

TEST_CASE("playground: a seed gives the same bits, however its steps are grouped") {
  const Model whole({}), parts({}), other({}, 2);
  playground_train(whole.model, 60);
  for (const int steps : {1, 24, 35}) playground_train(parts.model, steps);
  playground_train(other.model, 60);
  CHECK(whole.curve() == parts.curve());
  CHECK(whole.curve() != other.curve());
}

TEST_CASE("playground: n copies share n o / (1 + n o) of [CLS]'s attention, and the SLALOM has its texts") {
  const Model m({});
  playground_train(m.model, 300);
  double odds = 0;
  for (const int n : {1, 2, 7, 30}) {
    m.type(std::vector<int>(static_cast<std::size_t>(n), kPerfect));
    const double *row = playground_pattern(m.model, n, 0), *copies = row + 1;
    CHECK(std::abs(std::accumulate(row, row + n + 2, 0.0) - 1) < 1e-6);
    const double weight = std::accumulate(copies, copies + n, 0.0);
    if (n == 1) odds = weight / (1 - weight);
    CHECK(std::abs(weight - n * odds / (1 + n * odds)) < 1e-6);
  }

  const std::vector<int> words = {0, kPerfect, 7};
  m.type(words);
  const double* found = playground_slalom(m.model, 3);
  const std::vector<double> slalom(found, found + 8);
  const double background = std::exp(slalom[7]);
  for (std::size_t i = 0; i < 3; ++i) {
    m.type({words[i]});
    const double share = std::exp(slalom[3 + i]),
                 predicted = (background * slalom[6] + share * slalom[i]) / (background + share);
    CHECK(std::abs(predicted - playground_log_odds(m.model, 1)) < 1e-3);
  }
}
