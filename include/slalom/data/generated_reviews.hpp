// Reviews from a grammar of a few sentences, where no others are to be had: which words agree with the label
// is known.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slalom/data/human_attention.hpp"
#include "slalom/data/reviews.hpp"

namespace slalom {

/// Review `index` of a seed, a function of both alone. Every sentence agrees with the label with probability
/// 0.7; in 6 of 10 reviews a rating, "8" or "3", agrees with probability 0.95. The rating is what is planted:
/// it is a label that has leaked into the text, not an opinion of the film.
Review generated_review(std::uint64_t seed, std::uint64_t index);

/// All words of generated reviews, each once.
std::vector<std::string> generated_words();

/// Whether a word, cut at white space, is an opinion or a rating that agrees with the label.
bool is_generated_opinion(const std::string& word, int label);

/// A review of exactly `words` words, the last sentence before a rating being cut, and three annotators who
/// answer with the label and mark each opinion that agrees with it with probability 0.9, and nothing else. A
/// function of seed, index and words alone; no text comes from the stream of a generated_review(). The subset
/// is `words`. Throws Error for fewer words than a rating takes, 5.
AttendedReview generated_attended_review(std::uint64_t seed, std::uint64_t index, Index words);

}  // namespace slalom
