#include "slalom/explain/deletions.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

std::vector<Index> removed(const Coalitions& kept) {
  std::vector<Index> numbers;
  for (Index i = 0; i < kept.size(); ++i) {
    const auto row = kept.row(i);
    numbers.push_back(kept.players - std::accumulate(row.begin(), row.end(), Index{0}));
    CHECK(kept.absent(i) == numbers.back());
  }
  return numbers;
}

}  // namespace

TEST_CASE("coalitions: rows are added with everybody or nobody") {
  Coalitions coalitions{3, {}};
  CHECK(coalitions.size() == 0);
  coalitions.add(1)[1] = 0;
  coalitions.add(0)[2] = 1;
  CHECK(coalitions.size() == 2);
  CHECK(coalitions.member == std::vector<std::uint8_t>{1, 0, 1, 0, 0, 1});
}

TEST_CASE("coalitions: a game that does not answer with numbers is refused") {
  Coalitions coalitions{2, {}};
  coalitions.add(1);
  CHECK(checked_values([](const Coalitions&) { return std::vector<double>{7}; }, coalitions) ==
        std::vector<double>{7});
  CHECK_THROWS_AS(checked_values([](const Coalitions&) { return std::vector<double>{}; }, coalitions), Error);
  CHECK_THROWS_AS(checked_values([](const Coalitions&) { return std::vector<double>{NAN}; }, coalitions),
                  Error);
}

TEST_CASE("random deletions: as many sets of each size as asked for, the right number of tokens removed") {
  const std::vector<Index> numbers = removed(random_deletions(12, 10, 7, false, Purpose::held_out, 3));
  REQUIRE(numbers.size() == 70);
  for (Index i = 0; i < 70; ++i) CHECK(numbers[i] == 1 + i / 7);
}

TEST_CASE("random deletions: all tokens are removed only where an empty text exists") {
  const auto drawn = [](Index players, Index texts, bool empty_text) {
    return removed(random_deletions(players, 10, texts, empty_text, Purpose::held_out, 0));
  };
  CHECK(drawn(4, 2, false) == std::vector<Index>{1, 1, 2, 2, 3, 3});
  CHECK(drawn(4, 1, true) == std::vector<Index>{1, 2, 3, 4});
  CHECK(drawn(1, 5, false).empty());
  CHECK(drawn(0, 5, true).empty());
}

TEST_CASE("random deletions: the same seed gives the same sets, however many are drawn") {
  const Coalitions few = random_deletions(30, 4, 3, true, Purpose::held_out, 9),
                   many = random_deletions(30, 9, 8, true, Purpose::held_out, 9);
  CHECK(few.member == random_deletions(30, 4, 3, true, Purpose::held_out, 9).member);
  CHECK(few.member != random_deletions(30, 4, 3, true, Purpose::held_out, 10).member);
  CHECK(few.member != random_deletions(30, 4, 3, true, Purpose::query, 9).member);
  for (Index k = 0; k < 4; ++k)
    for (Index i = 0; i < 3; ++i) {
      const auto a = few.row(3 * k + i), b = many.row(8 * k + i);
      CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
    }
}

TEST_CASE("deletions in turn: one of each size after the other, the same sets") {
  Coalitions turns{9, {}};
  add_deletions_in_turn(1, 4, 7, Purpose::query, 5, turns);
  CHECK(removed(turns) == std::vector<Index>{1, 2, 3, 4, 1, 2, 3});
  const Coalitions drawn = random_deletions(9, 4, 2, false, Purpose::query, 5);
  for (Index i = 0; i < 7; ++i) CHECK(std::ranges::equal(turns.row(i), drawn.row(i % 4 * 2 + i / 4)));
  add_deletions_in_turn(1, 0, 3, Purpose::query, 5, turns);
  CHECK(turns.size() == 7);
}

TEST_CASE("single deletions and complements") {
  Coalitions kept = single_deletions(3);
  CHECK(kept.member == std::vector<std::uint8_t>{0, 1, 1, 1, 0, 1, 1, 1, 0});
  kept.add_complement();
  CHECK(std::vector<std::uint8_t>(kept.row(3).begin(), kept.row(3).end()) ==
        std::vector<std::uint8_t>{0, 0, 1});
}

// 6000 draws of 2 of 4 tokens: each of the 6 pairs 1000 times, deviation √(6000 · 1/6 · 5/6) = 28.9.
TEST_CASE("random deletions: every set of a size is as likely") {
  const Coalitions deletions = random_deletions(4, 2, 6000, false, Purpose::held_out, 1);
  std::map<std::string, Index> times;
  for (Index i = 6000; i < 12000; ++i) {
    const auto row = deletions.row(i);
    ++times[{row.begin(), row.end()}];
  }
  CHECK(times.size() == 6);
  for (const auto& [set, count] : times) CHECK(std::abs(static_cast<double>(count) - 1000) < 4 * 28.9);
}
