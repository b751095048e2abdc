// Which simple model describes a trained transformer? (paper, section 6.2, Figure 4a and b): linear models,
// position-wise GAMs and SLALOMs, fitted to the answers of the linear study's models.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "../support/experiment.hpp"
#include "../support/models.hpp"

namespace slalom::surrogates {

constexpr Index kMostRepeats = 30;  // of "perfect", Figure 4b
constexpr double kTrueSlope = 1.5;  // log-odds a "perfect", by construction of the data

struct Options : experiment::Options {
  std::string models;    // folder of the linear study's models
  Index fitted, scored;  // texts
  Index queries;         // of SLALOM-eff and SLALOM-fidel in the comparison of fits
  Index width, heads;    // of the model with random weights
};

/// A fitted surrogate answers a sample's texts.
using Predictor = std::function<std::vector<double>(const Sample&)>;
struct Surrogate {
  std::string name;   // "slalom_background"
  std::string title;  // "SLALOM, background"
  Predictor (*fit)(const Sample& sample);
};
const std::vector<Surrogate>& surrogates();

/// One model's record: {"model", "title", "layers", "run", "spread", "collapsed", "bound", "half_range",
/// "mse": {surrogate: nats²}, "seconds": {surrogate: s}, "repeated": {"model" and surrogates: (30)}}.
Json examine(const experiment::SavedTransformer& saved, const Options& options);

/// The fit of this library against the published optimisers, at the same answers to the same queries; rows
/// {"source", "set", "queries", "texts", "published", "mse", "published_mse", "seconds",
/// "published_seconds"}.
std::vector<Json> compare_fits(const std::vector<experiment::SavedTransformer>& models,
                               const Options& options);

bool report(const std::vector<Json>& models, const std::vector<Json>& fits, const Options& options);

}  // namespace slalom::surrogates
