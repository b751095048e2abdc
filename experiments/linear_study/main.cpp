#include <iostream>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/options.hpp"
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
    record.claims = check_claims(model, plan, options.size.claim_repeats, source);
  save_record(record, options);
  if (!options.quiet)
    std::cerr << plan.name << " run " << plan.run << ": loss " << fixed(model.loss, 4) << ", accuracy "
              << fixed(model.accuracy, 3) << ", " << fixed(model.seconds, 1) << " s\n";
  return record;
}

int run(int argc, char** argv) {
  cxxopts::Options cli =
      common_options("linear_study", "Can attention classifiers learn a linear relation? (Figure 3)");
  cli.add_options()("size", "tiny, default or paper", cxxopts::value<std::string>()->default_value("default"),
                    "SIZE")("runs", "seeds for each model",
                            cxxopts::value<std::int64_t>()->default_value("1"), "N")(
      "expected", "values to compare with", cxxopts::value<std::string>()->default_value(""), "TSV")(
      "fresh", "train anew what an earlier run left finished");
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  const CommonOptions common = read_common(*parsed);
  Options options;
  options.size = size_named((*parsed)["size"].as<std::string>());
  options.runs = integer_option(*parsed, "runs", 1, 1000);
  options.seed = common.seed;
  options.folder = common.output == "-" ? "out/linear_study" : common.output;
  std::string expected = (*parsed)["expected"].as<std::string>();
  if (expected.empty())
    expected = text("experiments/linear_study/expected", options.size.name == "tiny" ? "_tiny" : "", ".tsv");
  options.expected = read_expected(expected);
  options.fresh = parsed->count("fresh") > 0;
  options.quiet = common.quiet;
  options.progress = common.progress;
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
