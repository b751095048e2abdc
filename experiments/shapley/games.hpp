// Shapley values of words for models of a linear truth (paper, appendix A): an absent word is replaced by
// "the", which weighs 0, so that of the truth itself every word's Shapley value is its weight.
#pragma once

#include <string>
#include <vector>

#include "../support/experiment.hpp"
#include "../support/models.hpp"
#include "slalom/explain/black_box.hpp"

namespace slalom::shapley {

constexpr Index kMostRepeats = 10;  // of "perfect"
constexpr const char* kFullyConnected = "fully_connected";
constexpr Index kTextWords = 10;  // of a random text; 2^10 coalitions are asked

struct Options : experiment::Options {
  std::string models;  // folder of the linear study's models
  Index texts;         // random ones
};

/// The record {"model", "title", "repeated": {"mean", "lowest", "highest": (10) of the Shapley values of
/// "perfect" among n of them}, "values", "weights": of the words of random texts, "correlation", "slope",
/// "mean_absolute_error"} (nats).
Json play(const std::string& name, const std::string& title, BlackBox& f, const SpecialTokens& special,
          const Options& options);

bool report(const std::vector<Json>& models, const Options& options);

}  // namespace slalom::shapley
