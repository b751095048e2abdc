#include "slalom/metrics/metric.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "../support/compare.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::relative_error;

TEST_CASE("metrics: each has a name of its own, a unit and a line of description") {
  std::set<std::string> names;
  for (const MetricInfo& metric : metrics()) {
    CHECK(names.insert(metric.name).second);
    CHECK_FALSE(metric.unit.empty());
    CHECK_FALSE(metric.description.empty());
    CHECK(metric.description.find('\n') == std::string::npos);
    CHECK(&metric_named(metric.name) == &metric);
  }
  CHECK(names == std::set<std::string>{"insertion", "deletion", "removal-mse", "removal-mse-single",
                                       "removal-rank", "spearman", "pearson", "kendall", "roc-auc",
                                       "insertion-published", "deletion-published", "removal-mse-published",
                                       "spearman-published", "roc-auc-published"});
}

TEST_CASE("metrics: direction and unit") {
  CHECK(metric_named("insertion").direction == Direction::higher_is_better);
  CHECK(metric_named("deletion").direction == Direction::lower_is_better);
  CHECK(metric_named("deletion").unit == "probability");
  CHECK(metric_named("removal-mse").direction == Direction::lower_is_better);
  CHECK(metric_named("removal-mse").unit == "nats²");
  CHECK(metric_named("removal-rank").direction == Direction::higher_is_better);
  CHECK(std::string(name(Direction::higher_is_better)) == "higher is better");
  CHECK(std::string(name(Direction::lower_is_better)) == "lower is better");
}

TEST_CASE("metrics: an unknown name is answered with those there are") {
  try {
    metric_named("accuracy");
    FAIL("no error");
  } catch (const UsageError& error) {
    CHECK(std::string(error.what()).find("accuracy") != std::string::npos);
    CHECK(error.hint().find("roc-auc") != std::string::npos);
  }
}

// 1, 2, 3, 6: mean 3, squared deviations 4 + 1 + 0 + 9 = 14, variance 14 / 3, standard error √(14 / 3 / 4).
TEST_CASE("summary: mean and standard error, NaN left out") {
  const double values[] = {1, NAN, 2, 3, 6, NAN};
  const Summary summary = summarise(values);
  CHECK(summary.n == 4);
  CHECK(summary.mean == 3);
  CHECK(relative_error(summary.standard_error, std::sqrt(14.0 / 12)) < 1e-15);
}

TEST_CASE("summary: one value has no standard error, none has no mean") {
  const double one[] = {5}, none[] = {NAN};
  CHECK(summarise(one).mean == 5);
  CHECK(std::isnan(summarise(one).standard_error));
  CHECK(summarise(none).n == 0);
  CHECK(std::isnan(summarise(none).mean));
  CHECK(std::isnan(summarise({}).standard_error));
}
