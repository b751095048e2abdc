// The linear study (paper, section 6.1, Figure 3, and section 4's claims): can attention classifiers learn a
// linear relation?
#pragma once

#include <vector>

#include "../support/models.hpp"

namespace slalom::linear_study {

constexpr Index kMostRepeats = 30;  // of "perfect" in the probe

/// How large the study is.
struct Size {
  std::string layers;  // as --layers has them
  Index width, heads;
  std::vector<Index> hidden;  // of the fully connected network
  Index epochs, epoch_texts;
  Index fully_connected_epochs;
  Index claim_epochs;   // of the models without positions: the claims hold whatever was learned
  double rate;          // of RMSprop; the fully connected network has Adam with 1e-3
  Index claim_repeats;  // n of the exact claims
  bool keep_models;
};

struct Settings : experiment::Options {
  Size sizes;
  std::vector<experiment::Depth> depths;
};

/// The records of all models. The exit status says whether every expectation holds.
int report(const std::vector<Json>& records, const Settings& options);

}  // namespace slalom::linear_study
