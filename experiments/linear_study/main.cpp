#include <iostream>

#include "../support/command_line.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"
#include "study.hpp"

namespace {

using namespace slalom;
using namespace slalom::study;

Record run_one(const Plan& plan, const Options& options) {
  if (std::optional<Record> done = load_record(plan, options)) {
    if (!options.quiet) std::cerr << plan.name << " run " << plan.run << ": done before, kept\n";
    return *done;
  }
  const BagOfWordsSource source(options.seed + static_cast<std::uint64_t>(plan.run));
  const Trained model = train(plan, options, source);
  Record record{.plan = plan, .loss = model.loss, .accuracy = model.accuracy, .seconds = model.seconds};
  if (plan.probed)
    record.curve = probe(model, source);
  else
    record.claims = check_claims(model, plan, options.sizes.claim_repeats, source);
  save_record(record, options);
  if (!options.quiet)
    std::cerr << plan.name << " run " << plan.run << ": loss " << fixed(model.loss, 4) << ", accuracy "
              << fixed(model.accuracy, 3) << ", " << fixed(model.seconds, 1) << " s\n";
  return record;
}

int run(int argc, char** argv) {
  const Command cli = experiment::command_line(
      "linear_study", "Can attention classifiers learn a linear relation? (Figure 3)",
      {{"runs", "N", "1", "seeds for each model"},
       {"layers", "A,B", "", "depths of the transformers (default: the size's); their models are kept"}});
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  Options options{experiment::read_options(*parsed, "linear_study")};
  options.sizes = size_named(options.size);
  options.runs = integer_option(*parsed, "runs", 1, 1000);
  if (parsed->count("layers") > 0) {
    options.sizes.layers = experiment::read_depths((*parsed)["layers"].as<std::string>());
    options.sizes.keep_models = true;
  }
  std::vector<Record> records;
  for (const Plan& plan : plans(options)) {
    check_interrupt();
    records.push_back(run_one(plan, options));
  }
  return static_cast<int>(report(records, options) ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
