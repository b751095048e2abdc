// Which part of a transformer takes addition away: theorems T1 to T7 as programs, a grid of trained models
// over the switches of the classifier, and attention weights of one run patched into another.
#pragma once

#include <memory>

#include "../support/experiment.hpp"
#include "../support/models.hpp"
#include "slalom/nn/classifier.hpp"

namespace slalom::who_can_add {

using namespace experiment;

constexpr Index kMostRepeats = 30;  // of a word

struct Size {
  Index width, heads, epochs, epoch_texts;
  double rate;           // of RMSprop, at its highest
  Index fitted, scored;  // texts that surrogates are fitted to, and that everything is scored on
};

struct Options : experiment::Options {
  Size sizes;
  std::vector<Depth> depths;
};

/// Settings of a model; all of them have one linear map for a head.
struct Setting {
  AttentionKind attention;
  Norm norm;
  bool feed_forward, cls;
  Positions positions;
  Index layers;

  /// "softmax-plus-one/layer/ff/cls/learned/1".
  std::string name() const;
};
/// The first depth first.
std::vector<Setting> cells(const std::vector<Depth>& depths);
/// An encoder without dropout, DistilBERT but for the cell's switches.
ClassifierConfig config_of(const Setting& cell, const Size& size);

struct Model {
  std::unique_ptr<Classifier<double>> exact;
  SpecialTokens special;

  LogOdds log_odds() const { return log_odds_of(*exact, special); }
};
/// What a record depends on beside its model.
Json settings_of(const Options& options);

/// Trained in float32 on fresh texts of the linear truth, `config.vocabulary` being set to theirs.
Model train(ClassifierConfig config, bool cls, Index seed, const Options& options);

/// One record a cell and seed, the first seed first: {"model", "title", "seed", "diverged", "excess_loss",
/// "slope", "spread", "bound", "estimated_bound", "half_range", "positionwise_bound", "collapsed",
/// "unexplained": {surrogate: share}, "curve": [F(perfect), F(perfect perfect), …]}. A diverged
/// one has no numbers, a collapsed one no surrogates.
std::vector<Json> run_grid(const Options& options);

/// What is found of T1 to T7 on random models (lowest and highest of three) and on a trained one.
std::vector<Json> check_theorems(const Options& options);

/// Records of the models that were taken apart.
std::vector<Json> take_apart(const Options& options);

/// Publishes; the exit status says whether every expectation holds.
int report(const std::vector<Json>& grid, const std::vector<Json>& theorems, const std::vector<Json>& apart,
           const Options& options);

}  // namespace slalom::who_can_add
