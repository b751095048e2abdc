#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "../support/temporary_folder.hpp"
#include "tiny.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

constexpr Index kCells = 5 * 3 * 2 * 2 * 3;

std::map<std::string, Json> cells_of(const std::string& folder) {
  std::map<std::string, Json> cells;
  const std::string lines = read_file(folder + "/cells.jsonl");
  for (std::size_t from = 0; from < lines.size(); from = lines.find('\n', from) + 1) {
    Json cell = parse_json(lines.substr(from, lines.find('\n', from) - from), "cells.jsonl");
    cell.erase("seconds");
    cells[cell["cell"]] = cell;
  }
  return cells;
}

}  // namespace

TEST_CASE(
    "who can add: the theorems hold, every cell has its line, a killed grid goes on to the same cells") {
  const TemporaryFolder folder("who_can_add");
  const Json json = checked_results(run_tiny("who_can_add", folder.path), folder.path,
                                    "cell,seed,n,log_odds\nsoftmax/layer/ff/cls/learned/1,0,1,", kCells * 30);
  const std::map<std::string, Json> cells = cells_of(folder.path);
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
  }
  REQUIRE(json["models"].size() == 2);
  for (const Json& model : json["models"]) {
    double sum = 0;
    for (const double share : model["share"]) sum += share;
    CHECK(std::abs(sum - 1) <= 1e-9);
  }

  // A kill leaves half a line.
  const std::string whole = read_file(folder.file("cells.jsonl"));
  write_file(folder.file("cells.jsonl"), whole.substr(0, whole.size() * 9 / 10));
  const Finished again = run_tiny("who_can_add", folder.path);
  REQUIRE(again.status == 0);
  CHECK(cells_of(folder.path) == cells);
}
