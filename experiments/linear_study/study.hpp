// The linear study (paper, section 6.1, Figure 3, and section 4's claims): can attention classifiers learn a
// linear relation?
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../support/experiment.hpp"
#include "../support/models.hpp"
#include "slalom/inspect/audit.hpp"
#include "slalom/nn/classifier.hpp"
#include "slalom/nn/fully_connected.hpp"

namespace slalom::study {

using experiment::LogOdds;
using experiment::repeated;

constexpr Index kMostRepeats = 30;  // of "perfect" in the probe
constexpr double kTrueSlope = 1.5;  // log-odds a "perfect", by construction of the data

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
/// tiny, default or paper.
Size size_named(const std::string& name);

struct Options : experiment::Options {
  Size sizes;
  Index runs = 1;
};

/// One model to train.
struct Plan {
  std::string name;   // "gpt2_1", "fully_connected_200", "gpt2_1_no_positions"
  std::string title;  // "GPT-2, 1 layer"
  std::optional<ClassifierConfig> transformer;
  Index hidden = 0;  // of the fully connected network otherwise
  bool special_tokens = true;
  Index run = 0;
  bool probed = true;  // belongs to Figure 3; the others serve the exact claims
};
std::vector<Plan> plans(const Options& options);

/// A trained model in float64 and float32 form.
struct Trained : experiment::Trained {
  std::unique_ptr<TextClassifier<float>> single;
  std::unique_ptr<TextClassifier<double>> exact;
  SpecialTokens special;

  LogOdds exact_log_odds() const { return experiment::log_odds_of(*exact, special); }
};
/// Trains the model of a plan; saves it where models are kept.
Trained train(const Plan& plan, const Options& options, const SyntheticSource& source);

/// What is measured of a probed model. All numbers are log-odds in nats unless they say otherwise.
struct Probe {
  double the = 0;
  std::vector<double> perfect;  // n = 1 … 30
  double slope_1_20 = 0, slope_2_15 = 0, range = 0;
  double spread = 0;  // standard deviation over fresh texts
  // The best certificate over repetitions of the words (inspect/certificates.hpp).
  double bound = 0, half_range = 0;  // proved; estimated
  double width = 0;                  // of the widest enclosure that it stands on
  std::vector<std::string> witness;  // its texts
  bool collapsed() const { return spread < kCollapsedSpread; }
};
Probe probe(const Trained& model, const SyntheticSource& source);

/// Claims 1 and 2 on a model without positions; names as in expected.tsv.
std::map<std::string, double> check_claims(const Trained& model, const Plan& plan, Index repeats,
                                           const SyntheticSource& source);

/// All that is known of a finished model; kept on disk, so that a killed study goes on where it stopped.
struct Record {
  Plan plan;
  double loss = 0, accuracy = 0, seconds = 0;
  Probe curve;                           // of probed models
  std::map<std::string, double> claims;  // of the others
};
/// The plan's record and checkpoint.
experiment::Part part_of(const Plan& plan, const Options& options);
/// FOLDER/models/NAME_runR; training.json in it holds the settings of the part that made the model.
std::string model_folder(const Plan& plan, const Options& options);
/// Nothing if the plan is not finished, or if its model was to be kept and is not there.
std::optional<Record> load_record(const Plan& plan, const Options& options);
void save_record(const Record& record, const Options& options);

/// Publishes the records; true if every expectation holds.
bool report(const std::vector<Record>& records, const Options& options);

}  // namespace slalom::study
