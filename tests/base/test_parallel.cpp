#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"

using namespace slalom;

TEST_CASE("parallel: every block runs once, ranges end where the work ends") {
  std::vector<int> runs(1000);
  parallel_for(1000, [&](Index block) { ++runs[static_cast<std::size_t>(block)]; });
  parallel_ranges(999, 7, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) ++runs[static_cast<std::size_t>(i)];
  });
  for (std::size_t i = 0; i < runs.size(); ++i) CHECK(runs[i] == (i < 999 ? 2 : 1));
}

TEST_CASE("parallel: what a block throws arrives, of several the first block's, on any number of threads") {
  const int before = threads();
  for (const int count : {1, 2, 4}) {
    set_threads(count);
    for (int repeat = 0; repeat < 50; ++repeat) try {
        parallel_for(100, [&](Index outer) {
          parallel_for(10, [&](Index inner) {
            if (outer >= 13 && inner == 4) throw Error(concat("block ", outer));
          });
        });
        FAIL("nothing was thrown");
      } catch (const Error& e) {
        CHECK(std::string(e.what()) == "block 13");
      }
  }
  set_threads(before);
}
