// Layer-wise relevance propagation through a transformer: R. Achtibat et al., "AttnLRP: Attention-Aware
// Layer-Wise Relevance Propagation for Transformers" (ICML 2024, arXiv 2402.05602). The method is reported to
// be the subject of a patent application by its authors' institution: check before commercial use.
#pragma once

#include <string>
#include <vector>

#include "slalom/explain/embedding_gradient.hpp"

namespace slalom {

/// What one place of the model did with the relevance it was given, in log-odds (nats): in = out +
/// absorbed(), and `in` is the `out` of the line before.
struct ConservationLine {
  std::string name;
  double in = 0, out = 0;
  double bias = 0;        // of linear layers
  double epsilon = 0;     // of all denominators
  double softmax = 0;     // a softmax's value at its scores is more than its linear part there
  double layer_norm = 0;  // biases of LayerNorm
  double own = 0;         // "log_odds": the linearisation's remainder; "embed.position", "embed.type": theirs
  double absorbed() const { return bias + epsilon + softmax + layer_norm + own; }
};

/// token (S): relevance of the word embedding of each position, special tokens included. Its record of
/// conservation leads from F to the tokens: "log_odds", "head", "blocks.l.mlp" and "blocks.l.attn" from the
/// last block to the first, "embed", and "embed.position" and "embed.type" where the model has them. Σ token
/// + Σ absorbed = F up to rounding.
struct Relevance {
  std::vector<double> token;
  std::vector<ConservationLine> conservation;
  double log_odds = 0;  // F, nats
};

/// Small enough to change no relevance visibly: see attn_lrp.
inline constexpr double kRelevanceEpsilon = 1e-9;

/// What keeps denominators z away from 0.
struct Stabiliser {
  double relative = kRelevanceEpsilon;  // z + ε sign z, ε so many times the root mean square of z's row
  /// As lxt does it instead: z + ε whatever the sign, ε 1e-6 for linear maps and LayerNorm, 1e-8 for sums and
  /// for the 2 z of products.
  bool published = false;
};

/// Explains F, the log-odds of class `target` against the rest (nn/predictor.hpp), which is linear in the
/// logits of two classes; with more its log-sum-exp is replaced by its tangent at the logits, and the rest,
/// minus the entropy of the other classes, is the line "log_odds".
///
/// Rules, for relevance R of outputs z made from inputs x:
///  - linear layers and residual sums, z_j = Σ_i w_ji x_i + b_j:
///    R_i = Σ_j w_ji x_i R_j / (z_j + ε sign z_j), sign 0 = 1; a denominator still 0 passes nothing on;
///  - activations: R as it is;
///  - LayerNorm: the affine map by the rule above, the division by the standard deviation passes R as it is;
///  - softmax s of the scaled scores x = q·k / √d:  R_i = x_i (R_i − s_i Σ_j R_j), over the visible keys;
///  - products z = Σ_i a_i b_i (pattern times values, queries times keys):  each factor of each term gets
///    a_i b_i R / (2 z + ε sign z).
///
/// Two conventions:
///  - LayerNorm is the linear map w (x − mean x) / σ with σ constant, followed by its bias. The mean is a
///    linear function of the row, so that its share returns to the row's elements and only the bias absorbs.
///  - ε is `epsilon` times the root mean square of the denominators' row (of a token; of a query and head,
///    for scores), so that no rescaling of a layer changes a relevance. Nothing is divided by a small number
///    that it is not multiplied by again, so that an epsilon of 0 is stable, too. Trained models of one and
///    two layers: the default moves relevances by 1e-7 of the largest, 1e-3 by some hundredths, and with 0.1
///    ε absorbs more than half of F.
///
/// One forward pass and about the products of one more. `types` (S), or empty: all 0. Throws Error for what
/// the model cannot read, a target that is no class, an epsilon that is negative or not finite, and logits
/// that are not finite.
template <class T>
Relevance attn_lrp(Classifier<T>& model, std::span<const TokenId> ids, std::span<const TokenId> types,
                   Index target, double epsilon = kRelevanceEpsilon);
/// The same of another function of the logits, whose value takes the place of F.
template <class T>
Relevance attn_lrp(Classifier<T>& model, std::span<const TokenId> ids, std::span<const TokenId> types,
                   const Objective& objective, const Stabiliser& stabiliser = {});

}  // namespace slalom
