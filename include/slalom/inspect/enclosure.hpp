// What a model's log-odds are if its weights are read as real numbers and no operation rounds: an interval
// that is proved to hold them, up to the assumptions in balls.hpp. The forward pass is written once more
// here, on balls, so that a proof stands on this folder alone.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "slalom/inspect/balls.hpp"
#include "slalom/nn/classifier.hpp"
#include "slalom/nn/fully_connected.hpp"

namespace slalom {

/// A number within `radius` of `middle`.
struct Ball {
  double middle, radius;
};

/// [low, high]; its ends are multiples of 2^-40 (9e-13), so that another machine, which may round otherwise,
/// finds the same ones but for a rare chance. Infinite where nothing is known.
struct Interval {
  double low, high;
  bool operator==(const Interval&) const = default;
};
Interval outward(const Ball& ball);
Interval hull(const Interval& a, const Interval& b);

/// An interval of F of a text, its special tokens included.
using Enclose = std::function<Interval(std::span<const TokenId> text)>;

class Encloser {
 public:
  /// The model, a Classifier or a FullyConnected, must outlive it. Throws Error for another model, and if it
  /// has no class `target`.
  Encloser(const TextClassifier<double>& model, Index target);

  /// F of a text, its special tokens included. Throws Error as the model's check() does.
  Ball log_odds(std::span<const TokenId> text);

  /// Whether F of repetitions can be enclosed for all n at once: the model has one block and no positions,
  /// its attention averages all tokens, and the head reads the first of them.
  bool encloses_repetitions() const;
  /// F of prefix, n times the token, suffix, for every n ≥ 1. Throws Error if that cannot be enclosed, also
  /// without a prefix.
  Interval repetitions(std::span<const TokenId> prefix, TokenId token, std::span<const TokenId> suffix);

 private:
  const ClassifierConfig& config() const { return transformer_->config(); }
  const LinearMap& map(const LinearIds& ids);
  /// Of rows [first, first + outputs) of the weight.
  const LinearMap& map(const LinearIds& ids, Index first, Index outputs);
  Balls normalise(const LayerNormIds& ids, Balls x) const;
  Balls embed(std::span<const TokenId> text);
  struct Reading {
    Balls q, k, v;
    Index first = 0;  // key of the first row; before it there may be one that every query sees
  };
  /// What a block's attention is made of: queries of all rows, or of the one that the head reads.
  Reading reading(const BlockIds& ids, const Balls& x, bool read_out_only);
  Balls attention(const Reading& r, std::span<const Index> visible, std::span<const double> counts) const;
  Index read_out(Index rows) const { return config().read_out == ReadOut::first ? 0 : rows - 1; }
  Balls block(const BlockIds& ids, const Balls& x, bool read_out_only);
  Balls after_attention(const BlockIds& ids, const Balls& z, const Balls& stream);
  Balls head(Balls x);
  Balls network_logits(std::span<const TokenId> text);
  Ball log_odds_of(const Balls& logits, Index row) const;

  const TextClassifier<double>& model_;
  const Classifier<double>* transformer_;  // one of these two
  const FullyConnected<double>* network_;
  Index target_;
  std::map<const double*, LinearMap> maps_;  // by their weights
};

}  // namespace slalom
