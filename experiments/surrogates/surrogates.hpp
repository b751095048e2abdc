// Which simple model describes a trained transformer? (paper, section 6.2, Figure 4a and b): linear models,
// position-wise GAMs and SLALOMs, fitted to the answers of the linear study's models.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "../support/models.hpp"

namespace slalom::surrogates {

constexpr Index kMostRepeats = 30;  // of "perfect", Figure 4b

struct Settings : experiment::Options {
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

/// The exit status says whether every expectation holds.
int report(const std::vector<Json>& models, const std::vector<Json>& fits, const Settings& options);

}  // namespace slalom::surrogates
