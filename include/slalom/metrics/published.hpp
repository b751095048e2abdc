// The metrics of the published study as its code computes them (paper, section 6), where that differs from
// this library's own: they rank by the true label, count a token once, and take scores for signed that are
// not.
#pragma once

#include <string>

#include "slalom/data/human_attention.hpp"
#include "slalom/data/reviews.hpp"
#include "slalom/metrics/removal.hpp"
#include "slalom/text/tokenizer.hpp"

namespace slalom::published {

/// Tokens from the best for the text's true label (0 or 1) to the worst; equal scores in order of position.
/// Norms and importances, which have no side, come out backwards where the label is 0.
std::vector<Index> ranking(std::span<const double> scores, int label);

/// The probability of the true label with the k best-ranked tokens kept (insertion) or the k worst
/// (deletion), k = step, 2 step, … ≤ n, and its mean; `f` are log-odds of class 1. The published tables print
/// 1 − mean: there insertion is better lower and deletion better higher.
RankingCurve insertion(std::span<const double> scores, int label, const ValueFunction& f, Index step = 5);
RankingCurve deletion(std::span<const double> scores, int label, const ValueFunction& f, Index step = 5);

/// `draws` random orders of the players, a function of their number and the seed alone.
std::vector<std::vector<Index>> removal_orders(Index players, Index draws, std::uint64_t seed);
/// Of each order its first r players removed, r = 1 … most (at most n − 1): the draws are nested in r.
Coalitions nested_deletions(Index players, std::span<const std::vector<Index>> orders, Index most = 10);

/// Spearman of F(all without i) against −score, ties ranked by place (a constant score has a correlation),
/// and the mean square of (F(all) − F(all without i)) − score.
SingleRemoval single_removal(std::span<const double> scores, double whole, std::span<const double> without);

/// (V) log((c_1 + 20) / (c_0 + 20)), c the occurrences of a token in the reviews of a label; NaN of a token
/// that does not occur. The reviews are lower-cased first, whatever the tokenizer: GPT-2's capitalised tokens
/// do not.
std::vector<double> naive_bayes_scores(std::span<const Review> reviews, const Tokenizer& tokenizer);
/// Spearman of the scores (n) against (V) naive_bayes_scores, of importances against their absolute values:
/// over the distinct tokens that have one, each at its first place. NaN where undefined.
double naive_bayes_spearman(std::span<const TokenId> tokens, std::span<const double> scores,
                            std::span<const double> naive_bayes, bool importances);

/// The tokens of a review that human attention is compared on, and which of them are marked.
struct AttendedTokens {
  std::vector<Index> place;  // among the review's tokens, special ones not counted
  std::vector<bool> marked;
};
/// Words by white space with a mark each (1 where people marked it), cut into tokens one by one. A token has
/// the mark of the last word that contains it, and counts once, at its first place; a byte-level token behind
/// a space counts as unmarked if only the same token without it occurs in words; all others are left out, and
/// so are the tokens ! . , ; : ?. Throws Error unless there is a mark for each word.
AttendedTokens attended_tokens(const std::string& review, std::span<const std::uint8_t> marks,
                               const Tokenizer& tokenizer);
/// ROC-AUC of |score| (n), of importances as they are; NaN unless there are marked and unmarked tokens.
double attention_auc(std::span<const double> scores, const AttendedTokens& tokens, bool importances);

}  // namespace slalom::published
