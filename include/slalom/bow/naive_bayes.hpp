// Naive Bayes: how much more often a token occurs in texts of label 1 (paper, section 6).
#pragma once

#include "slalom/bow/bag_of_words.hpp"

namespace slalom {

/// The multinomial model (Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008, chapter
/// 13): c_y(t) occurrences of token t in texts of label y, P(t | y) = (c_y(t) + a) / Σ_u (c_y(u) + a) over
/// all counted tokens u of the vocabulary, seen or not, a the smoothing, and P(y) the share of the texts. The
/// log-odds log P(1)/P(0) + Σ_i log P(t_i | 1)/P(t_i | 0), in nats, are a linear bag of words. Throws Error
/// for a smoothing that is not positive and if a label has no text.
LinearBag fit_naive_bayes(const LabelledCounts& counts, double smoothing = 1);

/// log((ones + a) / (zeros + a)) for a token that occurs so often in texts of label 1 and in others; a = 20
/// as published.
double naive_bayes_score(double ones, double zeros);
/// (V) of the tokens' occurrences; 0 for those that were not seen and for special ones.
std::vector<double> naive_bayes_scores(const LabelledCounts& counts);

}  // namespace slalom
