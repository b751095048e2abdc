// The explainers of the published study as its code computes them, where this library does otherwise; random
// numbers are ours. Units are tokens. Unless said otherwise they explain F of class 1 whatever is predicted.
#pragma once

#include "slalom/explain/explanation.hpp"

namespace slalom::published {

/// The numbers of samples of the published tables; linear deletion has its own default.
inline constexpr Index kSamples = 5000, kLinearDeletions = 200;

/// Texts of three of the distinct tokens with repetition, queried again where they come up again, 16 at a
/// time until the budget is reached, and Adam (surrogate/published.hpp).
ExplainText slalom_eff;
/// Deletions of 0 … 5 tokens, drawn so as well, and the published least squares. A text of n ≤ 5 tokens keeps
/// one, where the published code may query nothing.
ExplainText slalom_fidel;
/// The same deletions, 32 at a time; a token's copies share its weight.
ExplainText linear_deletion;
/// Slopes of the class's probability by distinct words: all copies are hidden together, the rest of the text
/// is tokenized anew (options.tokenizer; without one tokens are words). Texts without special tokens keep a
/// word, where the published code queries padding. Throws Error for a text whose tokens are no pieces of
/// it.
ExplainText lime;
/// Kernel SHAP without special tokens, absent tokens being [UNK], else padding; from 15 tokens on (with
/// 5,000 samples) of features that AIC selects. Where the last token is read, the published head takes the
/// text to end behind as many tokens as are no padding, wherever they stand, and so it is read here. Throws
/// UsageError without options.unk_id and options.pad_id.
ExplainText kernel_shap;
/// ‖∂(largest logit) / ∂(word embedding)‖ of the text without special tokens: unsigned.
ExplainText gradient;
/// ‖Σ gradient ⊙ embedding‖ over 30 steps from a zero embedding to the text without special tokens, both ends
/// included and not divided by their number, of the logit that is the largest at each step.
ExplainText integrated_gradients;
/// AttnLRP with lxt's ε from the largest logit, all signs turned where F < 0.
ExplainText attn_lrp;

/// (K) least squares without intercept of the targets on token counts.
std::vector<double> deletion_weights(const Sample& sample);

/// The coalitions of shap's KernelExplainer 0.42.1 and their weights, which sum to 1: sizes from the outside
/// in as long as the samples that are left would on average query all of their coalitions, then random ones
/// in pairs.
struct ShapSample {
  Coalitions kept;
  std::vector<double> weight;
  /// Fewer than a fifth of all coalitions: features are selected.
  bool selects() const;
};
ShapSample shap_sample(Index players, Index budget, std::uint64_t seed);

/// The features (ascending) of the Lasso path's point of least AIC, as scikit-learn's LassoLarsIC has it.
std::vector<Index> shap_selection(const ShapSample& sample, std::span<const double> log_odds, double empty,
                                  double full);
/// (n) of the regression on the features, which share out full − empty; 0 for others.
std::vector<double> shap_values(const ShapSample& sample, std::span<const double> log_odds, double empty,
                                double full, std::span<const Index> features);

}  // namespace slalom::published
