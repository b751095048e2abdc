// Derivatives of what a transformer says of a text by its word embeddings: the rows (S, D) of the embedding
// table that its ids stand for, before positions, segments and LayerNorm are added.
#pragma once

#include <functional>

#include "slalom/explain/explanation.hpp"

namespace slalom {

/// A function of the logits (C) of a text; its derivatives go to `slope` (C).
using Objective = std::function<double(std::span<const double> logits, std::span<double> slope)>;

/// F of class `target`, as log_odds() has it.
Objective log_odds_objective(Index target, ProblemType type = ProblemType::single_label);

/// Word embeddings (S, D) of the ids, each below the vocabulary.
template <class T>
std::vector<double> word_embeddings(const Classifier<T>& model, std::span<const TokenId> ids);

/// The objective and its gradient at `points` sets of word embeddings of one text: write(p, x) fills in x
/// (S, D), read(p, value, dx) gets the results, for p = 0 … points − 1 in order. Texts of about 1,024 rows
/// together make a batch, which the bits of a result may depend on. `types` (S), or empty: all 0. Throws
/// Error as the model does, and for logits that are not finite.
template <class T>
void embedding_gradients(Classifier<T>& model, std::span<const TokenId> ids, std::span<const TokenId> types,
                         Index points, const Objective& objective,
                         const std::function<void(Index p, std::span<double> x)>& write,
                         const std::function<void(Index p, double value, std::span<const double> dx)>& read);

/// (S) inner products of the rows of a and b (S, D).
std::vector<double> row_products(std::span<const double> a, std::span<const double> b, Index width);

/// Counts `passes` forward and backward passes over a text of S tokens, in the cost and in the checks.
void count_passes(BlackBox& f, Index passes, Index S, Explanation& result);

struct GradientAtText {
  Index width = 0;                          // D
  std::vector<double> embedding, gradient;  // (S, D) word embeddings x, and dF / dx
};
/// Of the text as it is. Throws Error naming the method for a black box without transformer.
GradientAtText gradient_at_text(BlackBox& f, const ExplainedText& text, const char* method,
                                Explanation& result);

}  // namespace slalom
