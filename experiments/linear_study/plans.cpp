#include "study.hpp"

namespace slalom::study {

Size size_named(const std::string& name) {
  if (name == "tiny")
    return {.layers = {1},
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
  Size standard{.layers = {1},
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
  if (name == "paper") {
    standard.layers = {1, 2, 4, 8, 12};
    standard.hidden = {200, 400, 1000};
    standard.keep_models = false;
  }
  return standard;
}

namespace {

Plan transformer(const Options& options, Architecture architecture, Index layers, Index run) {
  Plan plan;
  plan.name = concat(name(architecture), "_", layers);
  plan.title = experiment::title_of(architecture, layers);
  // The vocabulary is set by the data, in train().
  plan.transformer = default_config(architecture, layers, options.sizes.width, options.sizes.heads, 1);
  plan.special_tokens = traits(architecture).special_tokens;
  plan.run = run;
  return plan;
}

// Models for the exact claims: one block, no positions.
Plan without_positions(const Options& options, Architecture architecture, bool special_tokens) {
  Plan plan = transformer(options, architecture, 1, 0);
  plan.transformer->positions = Positions::none;
  plan.special_tokens = special_tokens;
  plan.name += "_no_positions";
  plan.title += ", no positions";
  if (traits(architecture).special_tokens && !special_tokens) {
    plan.name += "_no_cls";
    plan.title += ", no [CLS]";
  }
  plan.probed = false;
  return plan;
}

}  // namespace

std::vector<Plan> plans(const Options& options) {
  std::vector<Plan> list;
  for (Index run = 0; run < options.runs; ++run) {
    for (Architecture a : {Architecture::distilbert, Architecture::bert, Architecture::gpt2})
      for (Index layers : options.sizes.layers) list.push_back(transformer(options, a, layers, run));
    for (Index hidden : options.sizes.hidden) {
      Plan plan;
      plan.name = concat("fully_connected_", hidden);
      plan.title = concat("fully connected, ", hidden);
      plan.hidden = hidden;
      plan.special_tokens = false;
      plan.run = run;
      list.push_back(plan);
    }
  }
  list.push_back(without_positions(options, Architecture::gpt2, false));
  list.push_back(without_positions(options, Architecture::distilbert, false));
  list.push_back(without_positions(options, Architecture::distilbert, true));
  return list;
}

}  // namespace slalom::study
