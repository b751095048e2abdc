// Which models are trained, and how large.
#include "linear_study.hpp"

namespace {

using namespace slalom;
using namespace slalom::linear_study;

constexpr int kFormat = 1;  // of the records

Size size_named(const std::string& name) {
  const Size tiny{.layers = {1},
                  .width = 64,
                  .heads = 4,
                  .hidden = {32},
                  .epochs = 2,
                  .epoch_texts = 1500,
                  .fully_connected_epochs = 10,
                  .claim_epochs = 2,
                  .rate = 1e-3,
                  .claim_repeats = 64,
                  .keep_models = true};
  const Size standard{.layers = {1},
                      .width = 768,
                      .heads = 12,
                      .hidden = {200},
                      .epochs = 5,
                      .epoch_texts = 5000,
                      .fully_connected_epochs = 20,
                      .claim_epochs = 2,
                      .rate = 5e-5,
                      .claim_repeats = 512,
                      .keep_models = true};
  Size paper = standard;
  paper.layers = {1, 2, 4, 8, 12};
  paper.hidden = {200, 400, 1000};
  paper.keep_models = false;
  return experiment::of_size(name, tiny, standard, paper);
}

Plan transformer(const Options& options, Architecture architecture, Index layers) {
  return {.name = concat(name(architecture), "_", layers),
          .title = experiment::title_of(architecture, layers),
          // The vocabulary is set by the data, in train().
          .transformer = default_config(architecture, layers, options.sizes.width, options.sizes.heads, 1),
          .special_tokens = traits(architecture).special_tokens};
}

// Models for the exact claims: one block, no positions.
Plan without_positions(const Options& options, Architecture architecture, bool special_tokens) {
  Plan plan = transformer(options, architecture, 1);
  plan.transformer->positions = Positions::none;
  plan.name += "_no_positions";
  plan.title += ", no positions";
  if (plan.special_tokens && !special_tokens) {
    plan.name += "_no_cls";
    plan.title += ", no [CLS]";
  }
  plan.special_tokens = special_tokens;
  plan.probed = false;
  return plan;
}

std::vector<Plan> probed_models(const Options& options) {
  std::vector<Plan> list;
  for (const Architecture architecture : experiment::kArchitectures)
    for (const Index layers : options.sizes.layers)
      list.push_back(transformer(options, architecture, layers));
  for (const Index hidden : options.sizes.hidden)
    list.push_back({.name = concat("fully_connected_", hidden),
                    .title = concat("fully connected, ", hidden),
                    .hidden = hidden});
  return list;
}

Json record_of(const Plan& plan, Index run, Options options) {
  options.seed += static_cast<std::uint64_t>(run);
  const Size& size = options.sizes;
  const std::string part_name = concat(plan.name, "_run", run);
  const std::string folder = size.keep_models ? concat(options.folder, "/models/", part_name) : "";
  const Json settings = {{"model", plan.name},
                         {"seed", options.seed},
                         {"special_tokens", plan.special_tokens},
                         {"width", size.width},
                         {"heads", size.heads},
                         {"epochs", plan.epochs(size)},
                         {"epoch_texts", size.epoch_texts},
                         {"rate", plan.rate(size)},
                         {"claim_repeats", size.claim_repeats}};
  const auto compute = [&](const experiment::Part& part) {
    const BagOfWordsSource source(options.seed);
    const Trained model = train(plan, options, part, source, folder);
    Json record = {{"model", plan.name}, {"title", plan.title}, {"run", run}, {"seed", options.seed}};
    if (plan.transformer)
      record.update(
          {{"architecture", name(plan.transformer->architecture)}, {"layers", plan.transformer->layers}});
    record.update(model.record);
    record.update(plan.probed ? probe(model, source) : check_claims(model, plan, size.claim_repeats, source));
    return record;
  };
  return folder.empty() ? experiment::finished(options, part_name, settings, compute)
                        : experiment::finished_model(options, part_name, settings, folder, compute);
}

int run(const ParsedOptions& parsed) {
  Options options{experiment::read_options(parsed, "linear_study", kFormat)};
  options.sizes = size_named(options.size);
  options.runs = integer_option(parsed, "runs", 1, 1000);
  if (parsed.count("layers") > 0) {
    options.sizes.layers = experiment::read_depths(parsed["layers"].word);
    options.sizes.keep_models = true;
  }
  std::vector<Json> records;
  for (Index i = 0; i < options.runs; ++i)
    for (const Plan& plan : probed_models(options)) records.push_back(record_of(plan, i, options));
  for (const Plan& plan : {without_positions(options, Architecture::gpt2, false),
                           without_positions(options, Architecture::distilbert, false),
                           without_positions(options, Architecture::distilbert, true)})
    records.push_back(record_of(plan, 0, options));
  return report(records, options);
}

}  // namespace

int main(int argc, char** argv) {
  return experiment::run_command(
      argc, argv,
      experiment::study(
          "linear_study", "Can attention classifiers learn a linear relation? (Figure 3)",
          {{"runs", "N", "1", "seeds for each model"},
           {"layers", "A,B", "", "depths of the transformers (default: the size's); their models are kept"}},
          run));
}
