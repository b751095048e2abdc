#include <doctest/doctest.h>

#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/optim/schedule.hpp"

using slalom::Schedule;
using slalom::UsageError;

TEST_CASE("schedule: warm-up from 0, then down to 0") {
  // peak 0.8, 4 of 12 steps of warm-up: 0, 0.2, 0.4, 0.6, then 0.8 · (8, 7, …, 1, 0) / 8.
  const Schedule schedule{0.8, 4, 12};
  const double want[] = {0, .2, .4, .6, .8, .7, .6, .5, .4, .3, .2, .1, 0, 0};
  for (int step = 1; step <= 14; ++step)
    CHECK(std::abs(schedule.learning_rate(step) - want[step - 1]) < 1e-15);
}

TEST_CASE("schedule: without an end it stays at its peak, without warm-up it starts there") {
  CHECK(Schedule{5e-5}.learning_rate(1) == 5e-5);
  CHECK(Schedule{5e-5}.learning_rate(1'000'000'000) == 5e-5);
  CHECK(Schedule{1, 2}.learning_rate(2) == 0.5);
  CHECK(Schedule{1, 2}.learning_rate(3) == 1);
  CHECK(Schedule{1, 2}.learning_rate(500) == 1);
  CHECK(Schedule{1, 0, 4}.learning_rate(1) == 1);
  CHECK(Schedule{1, 0, 4}.learning_rate(4) == 0.25);
  CHECK(Schedule{1, 3, 3}.learning_rate(4) == 0);  // all warm-up: no division by zero
}

TEST_CASE("schedule: refuses what makes no sense") {
  CHECK_THROWS_AS((Schedule{0}.validate()), UsageError);
  CHECK_THROWS_AS((Schedule{NAN}.validate()), UsageError);
  CHECK_THROWS_AS((Schedule{INFINITY}.validate()), UsageError);
  CHECK_THROWS_AS((Schedule{1, -1}.validate()), UsageError);
  CHECK_THROWS_AS((Schedule{1, 0, -1}.validate()), UsageError);
  CHECK_THROWS_WITH_AS(
      (Schedule{1, 5, 4}.validate()),
      "[schedule] 4 steps in total with 5 of warm-up, wanted at least the warm-up (or 0: no decay)",
      UsageError);
  CHECK_NOTHROW(Schedule{1, 5, 0}.validate());
}
