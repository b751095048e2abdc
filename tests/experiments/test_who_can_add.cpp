#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "../support/temporary_folder.hpp"
#include "tiny.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

constexpr Index kCells = 5 * 3 * 2 * 2 * 3;

std::map<std::string, Json> cells_of(const Json& results) {
  std::map<std::string, Json> cells;
  for (const Json& cell : results["models"]) cells[cell["model"]] = cell;
  return cells;
}

}  // namespace

TEST_CASE(
    "who can add: the theorems hold, every cell has its record, a killed grid goes on to the same cells") {
  const TemporaryFolder folder("who_can_add");
  // A panel for each attention and norm; the truth, and a curve with a feed-forward network and one without.
  const auto results = [&](const Finished& run) {
    return checked_results(run, folder.path, "panel,curve,n,log_odds\n", 5 * 3 * 3 * 30);
  };
  const Json json = results(run_tiny("who_can_add", folder.path));
  const std::map<std::string, Json> cells = cells_of(json);
  REQUIRE(std::ssize(cells) == kCells);
  for (const auto& [name, cell] : cells) {
    CAPTURE(name);
    const auto curve = cell["curve"].get<std::vector<double>>();
    REQUIRE(curve.size() == 30);
    // The slope again, by the textbook formula over n = 1 … 20: mean of n is 10.5, Σ (n − 10.5)² = 665. The
    // curve is kept in six digits.
    double slope = 0, largest = 0;
    for (int n = 1; n <= 20; ++n) slope += (n - 10.5) * curve[static_cast<std::size_t>(n - 1)] / 665 / 1.5;
    for (const double value : curve) largest = std::max(largest, std::abs(value));
    CHECK(std::abs(slope - cell["slope"].get<double>()) <= 1e-6 * largest);
    CHECK(cell["excess_loss"].get<double>() >= 0);
    CHECK(cell["bound"].get<double>() >= cell["positionwise_bound"].get<double>());
  }
  CHECK(cells.at("sum/none/no-ff/cls/none/1")["bound"] == 0);
  CHECK(cells.at("softmax/none/no-ff/cls/none/1")["bound"] > .1);
  REQUIRE(json["apart"].size() == 2);
  for (const Json& model : json["apart"]) {
    double sum = 0;
    for (const double share : model["share"]) sum += share;
    CHECK(std::abs(sum - 1) <= 1e-9);
  }

  const std::size_t all = files_in(folder.file("work")).size();
  for (const std::string& name : files_in(folder.file("work")))
    if (name.starts_with("sum_none_") || name.starts_with("apart_"))
      std::filesystem::remove(folder.file("work/" + name));
  std::size_t kept = files_in(folder.file("work")).size();
  std::filesystem::remove(folder.file("results.json"));
  for (const char* shard : {"2/3", "1/3", "3/3"}) {  // each does some of the missing parts, none reports
    CHECK(run_tiny("who_can_add", folder.path, {"--shard", shard}).status == 0);
    const std::size_t now = files_in(folder.file("work")).size();
    CHECK(now > kept);
    CHECK((now == all) == (std::string(shard) == "3/3"));
    kept = now;
  }
  CHECK_FALSE(std::filesystem::exists(folder.file("results.json")));
  CHECK(cells_of(results(run_tiny("who_can_add", folder.path))) == cells);
}

TEST_CASE("who can add: seeds are a number, or one for each depth") {
  const TemporaryFolder folder("who_can_add_seeds");
  for (const char* runs : {"0", "", "x", "1,2", "1,2,1,1"})
    CHECK(run_tiny("who_can_add", folder.path, {"--layers", "1,2,4", "--runs", runs}).status == 2);
}
