#include "slalom/data/generated_reviews.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"

namespace slalom {

namespace {

using Words = std::vector<std::string>;

constexpr double kSentenceAgrees = 0.7, kRatingIsThere = 0.6, kRatingAgrees = 0.95, kWordIsMarked = 0.9;
constexpr int kAnnotators = 3;

const Words& adjectives(bool positive) {
  static const Words good = {"great", "excellent", "wonderful", "lovely", "clever", "moving"},
                     bad = {"worst", "awful", "boring", "terrible", "dull", "silly"};
  return positive ? good : bad;
}

const Words& nouns() {
  static const Words words = {"film",   "movie",  "plot",  "story", "cast",
                              "acting", "script", "music", "ending"};
  return words;
}

// ADJECTIVE and NOUN are filled in; every other word stands for itself.
const Words& opinions() {
  static const Words patterns = {"the NOUN was ADJECTIVE .", "a truly ADJECTIVE NOUN !",
                                 "i thought the NOUN was ADJECTIVE , and so did my friends .",
                                 "ADJECTIVE NOUN , ADJECTIVE NOUN .", "it has a rather ADJECTIVE NOUN ."};
  return patterns;
}

const Words& remarks() {
  static const Words patterns = {"we saw it last week .", "the NOUN is about a family in a small town .",
                                 "my friends chose the film .", "it lasts two hours ."};
  return patterns;
}

const char* rating_of(bool positive) {
  return positive ? "8" : "3";
}

std::string rating_sentence(bool positive) {
  return concat("i give it ", rating_of(positive), " .");
}

void append_words(const std::string& sentence, Words& words) {
  std::istringstream in(sentence);
  for (std::string word; in >> word;) words.push_back(word);
}

const std::string& one_of(const Words& words, Rng& rng) {
  return words[rng.below(static_cast<std::uint32_t>(words.size()))];
}

std::string filled_in(const std::string& pattern, bool positive, Rng& rng) {
  std::istringstream in(pattern);
  std::string filled;
  for (std::string word; in >> word;) {
    if (word == "ADJECTIVE") word = one_of(adjectives(positive), rng);
    if (word == "NOUN") word = one_of(nouns(), rng);
    filled += (filled.empty() ? "" : " ") + word;
  }
  return filled;
}

/// True for what speaks for a positive review; it agrees with the label so often.
bool draw_side(int label, double probability, Rng& rng) {
  return (rng.uniform() < probability) == (label == 1);
}

std::string draw_sentence(int label, Rng& rng) {
  const bool opinion = rng.below(3) > 0;
  const bool positive = draw_side(label, kSentenceAgrees, rng);
  return filled_in(one_of(opinion ? opinions() : remarks(), rng), positive, rng);
}

}  // namespace

Review generated_review(std::uint64_t seed, std::uint64_t index) {
  Rng rng(seed, Purpose::data, index);
  Review review;
  review.label = static_cast<int>(rng.below(2));
  for (std::uint32_t left = 4 + rng.below(4); left > 0; --left)
    review.text += draw_sentence(review.label, rng) + " ";
  if (rng.uniform() < kRatingIsThere)
    review.text += rating_sentence(draw_side(review.label, kRatingAgrees, rng));
  return review;
}

Words generated_words() {
  Words all;
  for (const Words* list : {&adjectives(true), &adjectives(false), &nouns(), &opinions(), &remarks()})
    for (const std::string& entry : *list) append_words(entry, all);
  for (const bool positive : {true, false}) append_words(rating_sentence(positive), all);
  std::set<std::string> words(all.begin(), all.end());
  words.erase("ADJECTIVE");
  words.erase("NOUN");
  return {words.begin(), words.end()};
}

bool is_generated_opinion(const std::string& word, int label) {
  const bool positive = label == 1;
  return word == rating_of(positive) || std::ranges::count(adjectives(positive), word) > 0;
}

AttendedReview generated_attended_review(std::uint64_t seed, std::uint64_t index, Index words) {
  if (words < 5) throw Error(concat("generated review: ", words, " words, wanted 5 or more"));
  Rng rng(stream_key(seed, Purpose::held_out, static_cast<std::uint64_t>(words)), Purpose::data, index);
  AttendedReview review{.id = numbered_id(std::to_string(words), index), .subset = std::to_string(words)};
  review.label = static_cast<int>(rng.below(2));
  Words rating;
  if (rng.uniform() < kRatingIsThere)
    append_words(rating_sentence(draw_side(review.label, kRatingAgrees, rng)), rating);
  const Index rest = words - std::ssize(rating);
  while (std::ssize(review.words) < rest) append_words(draw_sentence(review.label, rng), review.words);
  review.words.resize(static_cast<std::size_t>(rest));
  review.words.insert(review.words.end(), rating.begin(), rating.end());
  review.answers.assign(kAnnotators, review.label == 1 ? "yes" : "no");
  for (int annotator = 0; annotator < kAnnotators; ++annotator) {
    auto& marks = review.marks.emplace_back();
    for (const std::string& word : review.words)
      marks.push_back(is_generated_opinion(word, review.label) && rng.uniform() < kWordIsMarked ? 1 : 0);
  }
  return review;
}

}  // namespace slalom
