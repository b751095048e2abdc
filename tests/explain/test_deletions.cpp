#include "slalom/explain/deletions.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

Index kept_tokens(const RandomDeletions& deletions, Index i) {
  const auto row = deletions.kept.row(i);
  return std::accumulate(row.begin(), row.end(), Index{0});
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
  CHECK(ask([](const Coalitions&) { return std::vector<double>{7}; }, coalitions) == std::vector<double>{7});
  CHECK_THROWS_AS(ask([](const Coalitions&) { return std::vector<double>{}; }, coalitions), Error);
  CHECK_THROWS_AS(ask([](const Coalitions&) { return std::vector<double>{NAN}; }, coalitions), Error);
}

TEST_CASE("random deletions: as many sets of each size as asked for, the right number of tokens removed") {
  const RandomDeletions deletions = random_deletions(12, 10, 7, false, Purpose::held_out, 3);
  REQUIRE(deletions.kept.size() == 70);
  for (Index i = 0; i < 70; ++i) {
    CHECK(deletions.removed[i] == 1 + i / 7);
    CHECK(kept_tokens(deletions, i) == 12 - deletions.removed[i]);
  }
}

TEST_CASE("random deletions: all tokens are removed only where an empty text exists") {
  CHECK(random_deletions(4, 10, 2, false, Purpose::held_out, 0).removed ==
        std::vector<Index>{1, 1, 2, 2, 3, 3});
  CHECK(random_deletions(4, 10, 1, true, Purpose::held_out, 0).removed == std::vector<Index>{1, 2, 3, 4});
  CHECK(random_deletions(1, 10, 5, false, Purpose::held_out, 0).removed.empty());
  CHECK(random_deletions(0, 10, 5, true, Purpose::held_out, 0).removed.empty());
}

TEST_CASE("random deletions: the same seed gives the same sets, however many are drawn") {
  const RandomDeletions few = random_deletions(30, 4, 3, true, Purpose::held_out, 9),
                        many = random_deletions(30, 9, 8, true, Purpose::held_out, 9);
  CHECK(few.kept.member == random_deletions(30, 4, 3, true, Purpose::held_out, 9).kept.member);
  CHECK(few.kept.member != random_deletions(30, 4, 3, true, Purpose::held_out, 10).kept.member);
  CHECK(few.kept.member != random_deletions(30, 4, 3, true, Purpose::query, 9).kept.member);
  for (Index k = 0; k < 4; ++k)
    for (Index i = 0; i < 3; ++i) {
      const auto a = few.kept.row(3 * k + i), b = many.kept.row(8 * k + i);
      CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
    }
}

// 6000 draws of 2 of 4 tokens: each of the 6 pairs 1000 times, deviation √(6000 · 1/6 · 5/6) = 28.9.
TEST_CASE("random deletions: every set of a size is as likely") {
  const RandomDeletions deletions = random_deletions(4, 2, 6000, false, Purpose::held_out, 1);
  std::map<std::string, Index> times;
  for (Index i = 6000; i < 12000; ++i) {
    const auto row = deletions.kept.row(i);
    ++times[{row.begin(), row.end()}];
  }
  CHECK(times.size() == 6);
  for (const auto& [set, count] : times) CHECK(std::abs(static_cast<double>(count) - 1000) < 4 * 28.9);
}
