// slalom info: what this program is and runs on, and a model's card.
#include <iostream>

#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/report/table.hpp"

namespace slalom {

namespace {

constexpr double kRateSeconds = 0.3;  // spent on measuring the rate

struct Fact {
  std::string name, value;
  bool is_number = false;
};

std::vector<Fact> program_facts() {
  return {{"version", SLALOM_VERSION},
          {"blas_core", blas_core()},
          {"threads", std::to_string(threads()), true},
          {"sgemm_gflops", fixed(measure_gemm_rate(kRateSeconds), 1), true}};
}

std::vector<Fact> model_facts(const std::string& folder) {
  const LoadedModel<float> loaded = load_model<float>(folder);
  const ClassifierConfig& c = loaded.model->config();
  const auto number = [](const char* name, Index value) { return Fact{name, std::to_string(value), true}; };
  std::vector<Fact> facts = {
      {"architecture", name(c.architecture)},
      number("layers", c.layers),
      number("width", c.width),
      number("heads", c.heads),
      number("feed_forward", c.feed_forward),
      number("vocabulary", c.vocabulary),
      {"positions", c.positions == Positions::learned ? std::to_string(c.max_positions) : "none"},
      number("labels", c.labels),
      number("parameters", loaded.model->parameters().scalars()),
      number("ignored_tensors", static_cast<Index>(loaded.ignored.size()))};
  for (std::size_t i = 0; i < c.label_names.size(); ++i)
    facts.push_back({text("label_", i), c.label_names[i]});
  return facts;
}

}  // namespace

int run_info(int argc, char** argv) {
  cxxopts::Options options =
      common_options("info", "Version, BLAS kernels, threads and measured rate; a model's card.");
  const auto parsed = parse_options(options, argc, argv);
  if (!parsed) return 0;
  const CommonOptions common = read_common(*parsed);
  std::vector<Fact> facts = program_facts();
  if (!common.model.empty())
    for (Fact& fact : model_facts(common.model)) facts.push_back(std::move(fact));
  OutputFile output(common.output);
  if (common.json) {
    JsonRow row;
    for (const Fact& f : facts) row.raw(f.name, f.is_number ? f.value : json_string(f.value));
    output.write(row.str() + "\n");
  } else {
    Table table({{"what"}, {"value"}});
    for (const Fact& f : facts) table.add_row({f.name, f.value});
    output.write(table.text());
  }
  output.commit();
  return 0;
}

}  // namespace slalom
