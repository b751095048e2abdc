// The linear study (paper, section 6.1, Figure 3, and section 4's claims): can attention classifiers learn a
// linear relation?
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../support/models.hpp"
#include "slalom/nn/classifier.hpp"
#include "slalom/nn/fully_connected.hpp"

namespace slalom::linear_study {

constexpr Index kMostRepeats = 30;  // of "perfect" in the probe

/// How large the study is.
struct Size {
  std::vector<Index> layers;
  Index width, heads;
  std::vector<Index> hidden;  // of the fully connected network
  Index epochs, epoch_texts;
  Index fully_connected_epochs;
  Index claim_epochs;   // of the models without positions: the claims hold whatever was learned
  double rate;          // of RMSprop; the fully connected network has Adam with 1e-3
  Index claim_repeats;  // n of the exact claims
  bool keep_models;
};

struct Options : experiment::Options {
  Size sizes;
  Index runs = 1;
};

/// One model to train; its seed is that of the options.
struct Plan {
  std::string name;   // "gpt2_1", "fully_connected_200", "gpt2_1_no_positions"
  std::string title;  // "GPT-2, 1 layer"
  std::optional<ClassifierConfig> transformer;
  Index hidden = 0;  // of the fully connected network otherwise
  bool special_tokens = false;
  bool probed = true;  // belongs to Figure 3; the others serve the exact claims

  double rate(const Size& size) const { return transformer ? size.rate : 1e-3; }
  Index epochs(const Size& size) const {
    return !transformer ? size.fully_connected_epochs : probed ? size.epochs : size.claim_epochs;
  }
};

/// A trained model in float32 and float64, and how the training ended.
struct Trained {
  SpecialTokens special;
  std::unique_ptr<TextClassifier<float>> single;
  std::unique_ptr<TextClassifier<double>> exact;
  Json record;  // "loss", "accuracy", "seconds"

  experiment::LogOdds log_odds() const { return experiment::log_odds_of(*exact, special); }
};
/// Writes the model into the folder, if there is one.
Trained train(const Plan& plan, const Options& options, const experiment::Part& part,
              const SyntheticSource& source, const std::string& folder);

/// What is measured of a probed model, in nats: "log_odds_the", "log_odds_perfect" (n = 1 … 30), slopes over
/// n, "range", "spread" over fresh texts, "collapsed", and the certificate: "bound", "half_range",
/// "enclosure_width", "witness".
Json probe(const Trained& model, const SyntheticSource& source);
/// Claims 1 and 2 on a model without positions; names as in expected.tsv.
Json check_claims(const Trained& model, const Plan& plan, Index repeats, const SyntheticSource& source);

/// The exit status says whether every expectation holds.
int report(const std::vector<Json>& records, const Options& options);

}  // namespace slalom::linear_study
