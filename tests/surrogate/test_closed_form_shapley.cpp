#include <doctest/doctest.h>

#include <bit>
#include <cmath>

#include "../support/compare.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"
#include "slalom/surrogate/closed_form_shapley.hpp"

using namespace slalom;
using test::relative_error;

namespace {

struct Game {
  std::vector<double> value, importance;
  std::optional<Background> background;
  double empty = 0;

  std::vector<double> shapley() const { return slalom_shapley(value, importance, background, empty); }
};

// Importances normal of deviation `spread`, or uniform on ± spread.
Game random_game(std::size_t n, double spread, bool normal, bool background, std::uint64_t seed) {
  Rng rng(seed, Purpose::test, n);
  Game game;
  for (std::size_t i = 0; i < n; ++i) {
    game.value.push_back(2 * rng.normal());
    game.importance.push_back(spread * (normal ? rng.normal() : 2 * rng.uniform() - 1));
  }
  game.empty = rng.normal();
  if (background) game.background = Background{game.empty, spread * rng.normal()};
  return game;
}

double worth(const Game& game, unsigned coalition) {
  double sum = 0, total = 0;
  if (game.background) {
    total = std::exp(game.background->importance);
    sum = total * game.background->value;
  } else if (coalition == 0) {
    return game.empty;
  }
  for (std::size_t j = 0; j < game.value.size(); ++j)
    if ((coalition >> j & 1) != 0) {
      sum += std::exp(game.importance[j]) * game.value[j];
      total += std::exp(game.importance[j]);
    }
  return sum / total;
}

// The definition: Σ_S |S|! (n − |S| − 1)! / n! (v(S ∪ i) − v(S)).
std::vector<double> enumerated(const Game& game) {
  const std::size_t n = game.value.size();
  std::vector<double> v, phi(n);
  for (unsigned s = 0; s < 1u << n; ++s) v.push_back(worth(game, s));
  for (std::size_t i = 0; i < n; ++i)
    for (unsigned s = 0; s < 1u << n; ++s)
      if ((s >> i & 1) == 0) {
        const double size = std::popcount(s), players = static_cast<double>(n);
        phi[i] += std::tgamma(size + 1) * std::tgamma(players - size) / std::tgamma(players + 1) *
                  (v[s | 1u << i] - v[s]);
      }
  return phi;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

double sum(const std::vector<double>& x) {
  double total = 0;
  for (const double v : x) total += v;
  return total;
}

double all_together(const Game& game) {
  SlalomModel model{game.value, game.importance, game.background};
  std::vector<Sample::Token> everybody;
  for (std::size_t i = 0; i < game.value.size(); ++i) everybody.push_back(static_cast<Sample::Token>(i));
  return model.predict(everybody);
}

}  // namespace

// Equal importances average: v(1) = 1, v(2) = 3, v(12) = 2. φ_1 = ½ (1 − 0) + ½ (2 − 3) = 0,
// φ_2 = ½ (3 − 0) + ½ (2 − 1) = 2. With a background of the same importance and value 0: ½, 3/2, 4/3, so
// φ_1 = ½ · ½ + ½ (4/3 − 3/2) = 1/6, φ_2 = ½ · 3/2 + ½ (4/3 − ½) = 7/6.
TEST_CASE("Shapley values of a SLALOM: two tokens by hand") {
  const std::vector<double> phi = Game{{1, 3}, {0.4, 0.4}, {}, 0}.shapley();
  CHECK(largest_difference(phi, {0, 2}) < 1e-14);
  const std::vector<double> behind = Game{{1, 3}, {0.4, 0.4}, Background{0, 0.4}, 0}.shapley();
  CHECK(largest_difference(behind, {1.0 / 6, 7.0 / 6}) < 1e-14);
}

// v = 5, v(∅) = 2: 3. Behind a background of importance s + log 2: (2 · 2 + 5) / 3 − 2 = 1.
TEST_CASE("Shapley values of a SLALOM: one token has the whole difference") {
  CHECK(relative_error(Game{{5}, {-1}, {}, 2}.shapley(), std::vector<double>{3}) < 1e-14);
  const std::vector<double> behind = Game{{5}, {-1}, Background{2, std::log(2) - 1}, 2}.shapley();
  CHECK(relative_error(behind, std::vector<double>{1}) < 1e-14);
}

TEST_CASE("Shapley values of a SLALOM: agree with enumeration") {
  for (const bool background : {false, true})
    for (std::size_t n = 1; n <= 11; ++n) {
      for (const double deviation : {1.0, 2.0}) {
        const Game game = random_game(n, deviation, true, background, 1);
        CHECK(largest_difference(game.shapley(), enumerated(game)) < 1e-12);
      }
      for (const double spread : {8.0, 20.0}) {
        const Game game = random_game(n, spread, false, background, 2);
        CHECK(largest_difference(game.shapley(), enumerated(game)) < 1e-12);
      }
    }
}

TEST_CASE("Shapley values of a SLALOM: sum to the difference that all tokens make") {
  for (const bool background : {false, true})
    for (const std::size_t n : {30u, 100u, 300u})
      for (const double spread : {0.0, 2.0, 20.0}) {
        const Game game = random_game(n, spread, false, background, 3);
        CHECK(std::abs(sum(game.shapley()) - (all_together(game) - game.empty)) < 1e-12);
      }
}

// Tokens i and n − i − 1 are equal: so are their values. A third of weight e^−40 is worth what it is worth
// where all others are absent: 1/n of v_i − v(∅).
TEST_CASE("Shapley values of a SLALOM: equal tokens are worth the same, unimportant ones only alone") {
  Game game = random_game(40, 1, true, false, 4);
  for (std::size_t i = 0; i < 20; ++i) {
    game.value[39 - i] = game.value[i];
    game.importance[39 - i] = game.importance[i];
  }
  std::vector<double> phi = game.shapley();
  for (std::size_t i = 0; i < 20; ++i) CHECK(std::abs(phi[39 - i] - phi[i]) < 1e-13);
  game.importance[7] -= 40;
  phi = game.shapley();
  CHECK(std::abs(phi[7] - (game.value[7] - game.empty) / 40) < 1e-12);
}

TEST_CASE("Shapley values of a SLALOM: a constant added to all importances changes nothing") {
  Game game = random_game(12, 2, true, true, 5);
  const std::vector<double> phi = game.shapley();
  for (double& s : game.importance) s += 500;
  game.background->importance += 500;
  CHECK(largest_difference(game.shapley(), phi) < 1e-11);
}

// A background that outweighs the tokens makes the game additive: e^{s_i − s_0} (v_i − v_0) each.
TEST_CASE("Shapley values of a SLALOM: behind a heavy background every token is worth its own part") {
  Game game = random_game(9, 1, true, true, 6);
  game.background->importance = 20;
  std::vector<double> part;
  for (std::size_t i = 0; i < 9; ++i)
    part.push_back(std::exp(game.importance[i] - 20) * (game.value[i] - game.empty));
  CHECK(relative_error(game.shapley(), part) < 1e-6);
  game.background->importance = -40;  // and an absent one changes nothing but v(∅)
  CHECK(largest_difference(game.shapley(), Game{game.value, game.importance, {}, game.empty}.shapley()) <
        1e-12);
}

TEST_CASE("Shapley values of a SLALOM: refuse games that are none") {
  CHECK_THROWS_AS(slalom_shapley({}, {}, {}, 0), Error);
  const std::vector<double> one = {1}, two = {1, 2}, bad = {NAN}, far = {0, 20000};
  CHECK_THROWS_AS(slalom_shapley(one, two, {}, 0), Error);
  CHECK_THROWS_AS(slalom_shapley(bad, one, {}, 0), Error);
  CHECK_THROWS_AS(slalom_shapley(one, bad, {}, 0), Error);
  CHECK_THROWS_AS(slalom_shapley(one, one, {}, INFINITY), Error);
  CHECK_THROWS_AS(slalom_shapley(two, far, {}, 0), Error);
  CHECK_THROWS_AS(slalom_shapley(one, one, Background{1, 0}, 0), Error);
}
