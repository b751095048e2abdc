// Times of training and of explaining, as tables and as JSON.
#include <iostream>

#include "bench.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/kernels/gemm.hpp"

namespace {

using namespace slalom;
using namespace slalom::bench;

// Rows first … first + count − 1 of those that are wanted, 0 being all.
std::vector<Index> chosen_rows(Index only, Index first, Index count) {
  std::vector<Index> rows;
  for (Index i = 0; i < count; ++i)
    if (only == 0 || only == first + i) rows.push_back(i);
  return rows;
}

void write_json(const std::string& path, const std::vector<std::string>& rows) {
  if (const auto slash = path.rfind('/'); slash != std::string::npos) make_folders(path.substr(0, slash));
  std::string list;
  for (const std::string& row : rows) list += (list.empty() ? "[" : ",\n ") + row;
  write_file(path, list + "]\n");
}

int run(int argc, char** argv) {
  cxxopts::Options options = common_options("bench", "Times of training steps and of explanations.");
  options.add_options()("seconds", "spent on each row", cxxopts::value<double>()->default_value("4"), "S")(
      "row", "only this row, from 1", cxxopts::value<std::int64_t>()->default_value("0"), "N");
  const auto parsed = parse_options(options, argc, argv);
  if (!parsed) return 0;
  const CommonOptions common = read_common(*parsed);
  const double seconds = (*parsed)["seconds"].as<double>();
  const Index only = integer_option(*parsed, "row", 0, training_rows() + explanation_rows());
  std::vector<std::string> json;
  std::cout << "BLAS kernels " << blas_core() << ", " << threads() << " threads\n";
  const auto show = [&](const Measured& measured) {
    if (measured.json.empty()) return;
    std::cout << '\n' << measured.table << std::flush;
    json.insert(json.end(), measured.json.begin(), measured.json.end());
  };
  show(measure_training(chosen_rows(only, 1, training_rows()), seconds));
  show(measure_explanations(chosen_rows(only, training_rows() + 1, explanation_rows()), seconds));
  if (common.output != "-") write_json(common.output, json);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
