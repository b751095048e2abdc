// What `make bench` measures: training steps, explanations, and inference.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "../support/experiment.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/kernels/gemm.hpp"

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

/// A call whose time goes into matrix products, beside plain products in the same process.
struct Products {
  Times times;
  double sgemm_gflops;
  double useful_gflop = 0;  // the products of a call that nothing saves
  std::size_t peak_bytes = 0;

  double gflops() const { return useful_gflop / times.median; }
  double efficiency() const { return gflops() / sgemm_gflops; }
  /// Fields useful_gflop to peak_mib.
  JsonRow& add_to(JsonRow& row) const {
    return row.field("useful_gflop", useful_gflop)
        .field("sgemm_gflops", sgemm_gflops)
        .field("efficiency", efficiency())
        .field("core", blas_core())
        .field("threads", threads())
        .field("peak_mib", static_cast<double>(peak_bytes >> 20));
  }
};
/// times_of() between two measurements of the rate of plain products, of which the better counts.
template <class Work>
Products products_of(const Work& work, double seconds, std::size_t fewest) {
  const double before = measure_gemm_rate(0.3);
  const Times times = times_of(work, seconds, fewest);
  return {times, std::max(before, measure_gemm_rate(0.3))};
}

}  // namespace slalom::bench
