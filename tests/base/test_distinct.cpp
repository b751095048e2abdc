#include "slalom/base/distinct.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace slalom;

TEST_CASE("distinct lists: numbered in the order of their first coming, the empty one among them") {
  using List = std::vector<int>;
  DistinctLists lists;
  const List a = {1, 2}, b = {1}, none, c = {2, 1}, same = {1, 2};
  CHECK(lists.number<int>(a) == 0);
  CHECK(lists.number<int>(b) == 1);
  CHECK(lists.number<int>(none) == 2);
  CHECK(lists.number<int>(same) == 0);
  CHECK(lists.size() == 3);
  CHECK(lists.find<int>(b) == 1);
  CHECK_FALSE(lists.find<int>(c));
  CHECK(lists.number<int>(c) == 3);
  lists.clear();
  CHECK_FALSE(lists.find<int>(a));
}
