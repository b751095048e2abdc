// What `make bench` measures: training steps, explanations, and inference.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "../support/experiment.hpp"
#include "slalom/base/parallel.hpp"

namespace slalom::bench {

/// Rows as JSON objects, and as a table to read.
struct Measured {
  std::vector<std::string> json;
  std::string table;
};

Index training_rows();
/// Rows by number, from 0; about `seconds` are spent on each.
Measured measure_training(const std::vector<Index>& rows, double seconds);

Index explanation_rows();
Measured measure_explanations(const std::vector<Index>& rows, double seconds);

Index inference_rows();
Measured measure_inference(const std::vector<Index>& rows, double seconds);

/// Of the chosen settings: `measure` takes a setting and the seconds to spend and gives a Row, `json_row` and
/// `table_of` show one and all of them.
template <class Setting, std::size_t N, class Row>
Measured measure_rows(const Setting (&settings)[N], const std::vector<Index>& chosen, double seconds,
                      Row (*measure)(const Setting&, double), std::string (*json_row)(const Row&),
                      std::string (*table_of)(const std::vector<Row>&)) {
  std::vector<Row> rows;
  Measured measured;
  for (const Index i : chosen) {
    rows.push_back(measure(settings[i], seconds));
    measured.json.push_back(json_row(rows.back()));
  }
  measured.table = table_of(rows);
  return measured;
}

/// Seconds of one call.
struct Times {
  double least, median;
  Index calls;
};
/// Calls `work` for about `seconds`, `fewest` times or more.
template <class Work>
Times times_of(const Work& work, double seconds, std::size_t fewest) {
  std::vector<double> times;
  for (double spent = 0; spent < seconds || times.size() < fewest; spent += times.back())
    times.push_back(experiment::seconds_of(work));
  std::ranges::sort(times);
  return {times.front(), times[times.size() / 2], std::ssize(times)};
}

}  // namespace slalom::bench
