// Times of training, explaining and inference, as tables and as JSON.
#include <iostream>

#include "bench.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/kernels/gemm.hpp"

namespace {

using namespace slalom;
using namespace slalom::bench;

struct Kind {
  Index rows;
  Measured (*measure)(const std::vector<Index>& rows, double seconds);
};

void write_json(const std::string& path, const std::vector<std::string>& rows) {
  if (const auto slash = path.rfind('/'); slash != std::string::npos) make_folders(path.substr(0, slash));
  std::string list;
  for (const std::string& row : rows) list += (list.empty() ? "[" : ",\n ") + row;
  write_file(path, list + "]\n");
}

int run(int argc, char** argv) {
  const Command cli{
      .name = "bench",
      .summary = "Times of training steps and of explanations, rates of inference.",
      .options = {{"seconds", "S", "4", "spent on each row"}, {"row", "N", "0", "only this row, from 1"}},
      .program = ""};
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  const CommonOptions common = read_common(*parsed);
  const double seconds = number_option(*parsed, "seconds");
  const Kind kinds[] = {{training_rows(), measure_training},
                        {explanation_rows(), measure_explanations},
                        {inference_rows(), measure_inference}};
  const Index all = training_rows() + explanation_rows() + inference_rows();
  const Index only = integer_option(*parsed, "row", 0, all);
  std::vector<std::string> json;
  std::cout << "BLAS kernels " << blas_core() << ", " << threads() << " threads\n";
  for (Index first = 1; const Kind& kind : kinds) {
    std::vector<Index> chosen;
    for (Index i = 0; i < kind.rows; ++i)
      if (only == 0 || only == first + i) chosen.push_back(i);
    first += kind.rows;
    if (chosen.empty()) continue;
    const Measured measured = kind.measure(chosen, seconds);
    std::cout << '\n' << measured.table << std::flush;
    json.insert(json.end(), measured.json.begin(), measured.json.end());
  }
  if (common.output != "-") write_json(common.output, json);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
