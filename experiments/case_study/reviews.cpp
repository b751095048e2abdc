// Generated reviews: a grammar of a few sentences.
#include <set>
#include <sstream>

#include "case_study.hpp"
#include "slalom/base/random.hpp"

namespace slalom::case_study {

namespace {

using Words = std::vector<std::string>;

constexpr double kSentenceAgrees = 0.7, kRatingIsThere = 0.6, kRatingAgrees = 0.95;

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

const std::string& one_of(const Words& words, Rng& rng) {
  return words[rng.below(static_cast<std::uint32_t>(words.size()))];
}

std::string sentence(const std::string& pattern, bool positive, Rng& rng) {
  std::istringstream in(pattern);
  std::string filled;
  for (std::string word; in >> word;) {
    if (word == "ADJECTIVE") word = one_of(adjectives(positive), rng);
    if (word == "NOUN") word = one_of(nouns(), rng);
    filled += (filled.empty() ? "" : " ") + word;
  }
  return filled;
}

}  // namespace

Review generated_review(std::uint64_t seed, std::uint64_t index) {
  Rng rng(seed, Purpose::data, index);
  Review review;
  review.label = static_cast<int>(rng.below(2));
  const auto agrees = [&](double probability) {
    return (rng.uniform() < probability) == (review.label == 1);
  };
  for (std::uint32_t left = 4 + rng.below(4); left > 0; --left) {
    const bool opinion = rng.below(3) > 0;
    const bool positive = agrees(kSentenceAgrees);
    review.text += sentence(one_of(opinion ? opinions() : remarks(), rng), positive, rng) + " ";
  }
  if (rng.uniform() < kRatingIsThere)
    review.text += text("i give it ", rating_of(agrees(kRatingAgrees)), " .");
  return review;
}

std::vector<std::string> generated_words() {
  std::set<std::string> words = {"i", "give", "it", rating_of(true), rating_of(false), "."};
  for (const Words* list : {&adjectives(true), &adjectives(false), &nouns(), &opinions(), &remarks()})
    for (const std::string& entry : *list) {
      std::istringstream in(entry);
      for (std::string word; in >> word;) words.insert(word);
    }
  words.erase("ADJECTIVE");
  words.erase("NOUN");
  return {words.begin(), words.end()};
}

}  // namespace slalom::case_study
