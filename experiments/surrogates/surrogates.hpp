// Which simple model describes a trained transformer? (paper, section 6.2, Figure 4a and b): linear models,
// position-wise GAMs and SLALOMs, fitted to the answers of the linear study's models.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "../support/models.hpp"

namespace slalom::surrogates {

constexpr Index kMostRepeats = 30;  // of "perfect", Figure 4b

struct Options : experiment::Options {
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

/// One model's record: {"model", "title", "architecture", "layers", "run", "spread", "collapsed", "bound",
/// "half_range", "repeated": {"model" and surrogates: (30)}, "seconds": {surrogate: s}, "mse":
/// {surrogate: nats²}}.
Json examine(const experiment::SavedTransformer& saved, const Options& options);

/// The fit of this library against the published optimisers, at the same answers to the same queries; rows
/// {"source", "set", "queries", "texts", "published", "mse", "published_mse", "seconds",
/// "published_seconds"}.
std::vector<Json> compare_fits(const std::vector<experiment::SavedTransformer>& models,
                               const Options& options);

/// The exit status says whether every expectation holds.
int report(const std::vector<Json>& models, const std::vector<Json>& fits, const Options& options);

}  // namespace slalom::surrogates
