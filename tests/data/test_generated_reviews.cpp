#include "slalom/data/generated_reviews.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"

using namespace slalom;

namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

}  // namespace

TEST_CASE("generated reviews: those of seed 0 never change") {
  CHECK(
      generated_review(0, 0).text ==
      "it has a rather lovely story . we saw it last week . it has a rather clever movie . i thought the "
      "plot "
      "was silly , and so did my friends . the ending was clever . the acting was wonderful . i thought the "
      "ending was wonderful , and so did my friends . i give it 8 .");
  CHECK(generated_review(0, 0).label == 1);
  std::string all;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Review review = generated_review(0, i);
    all += std::to_string(review.label) + review.text;
  }
  CHECK(fingerprint(all) == "831a1bad2cdaced8");
  CHECK(generated_review(1, 0).text != generated_review(0, 0).text);
}

TEST_CASE("generated reviews: opinions and ratings agree with the label as often as promised") {
  double opinions = 0, agreeing = 0, ratings = 0, agreeing_ratings = 0, positive = 0, both = 0;
  constexpr int kReviews = 4000;
  for (std::uint64_t i = 0; i < kReviews; ++i) {
    const Review review = generated_review(3, i);
    positive += review.label;
    for (const std::string& word : words_of(review.text)) {
      const bool agrees = is_generated_opinion(word, review.label);
      const bool disagrees = is_generated_opinion(word, 1 - review.label);
      both += agrees && disagrees;
      const bool rating = word == "8" || word == "3";
      (rating ? ratings : opinions) += agrees || disagrees;
      (rating ? agreeing_ratings : agreeing) += agrees;
    }
  }
  CHECK(both == 0);
  // Five standard errors: of a share p of n draws sqrt(p (1 − p) / n). A pattern with two adjectives counts
  // twice, hence the factor.
  CHECK(std::abs(positive / kReviews - 0.5) < 5 * std::sqrt(0.25 / kReviews));
  CHECK(std::abs(ratings / kReviews - 0.6) < 5 * std::sqrt(0.24 / kReviews));
  CHECK(std::abs(agreeing_ratings / ratings - 0.95) < 5 * std::sqrt(0.0475 / ratings));
  CHECK(std::abs(agreeing / opinions - 0.7) < 5 * std::sqrt(2 * 0.21 / opinions));
}

TEST_CASE("generated reviews: every word is in the list of words, and none is there twice") {
  const std::vector<std::string> words = generated_words();
  const std::set<std::string> set(words.begin(), words.end());
  CHECK(set.size() == words.size());
  std::set<std::string> used;
  for (std::uint64_t i = 0; i < 2000; ++i)
    for (const std::string& word : words_of(generated_review(0, i).text)) used.insert(word);
  CHECK(used == set);
}

TEST_CASE("generated attention: reviews have the words asked for, and annotators mark opinions alone") {
  double opinions = 0, marked = 0, beyond = 0;
  for (const Index words : {50, 100, 200})
    for (std::uint64_t i = 0; i < 200; ++i) {
      const AttendedReview review = generated_attended_review(0, i, words);
      REQUIRE(std::ssize(review.words) == words);
      REQUIRE(review.subset == std::to_string(words));
      REQUIRE(review.answers == std::vector<std::string>(3, review.label == 1 ? "yes" : "no"));
      REQUIRE(review.marks.size() == 3);
      for (const auto& marks : review.marks) {
        REQUIRE(marks.size() == review.words.size());
        for (std::size_t w = 0; w < marks.size(); ++w) {
          const bool opinion = is_generated_opinion(review.words[w], review.label);
          opinions += opinion;
          marked += marks[w];
          beyond += !opinion && marks[w] == 1;
        }
      }
    }
  CHECK(beyond == 0);
  CHECK(std::abs(marked / opinions - 0.9) < 5 * std::sqrt(0.09 / opinions));
}

TEST_CASE("generated attention: a review is a function of seed, index and words") {
  const AttendedReview review = generated_attended_review(0, 0, 50),
                       again = generated_attended_review(0, 0, 50);
  CHECK(listed(review.words) ==
        "it, has, a, rather, boring, acting, ., it, has, a, rather, silly, plot, ., it, has, a, rather, "
        "terrible, "
        "movie, ., it, has, a, rather, silly, script, ., the, music, was, awful, ., it, has, a, rather, "
        "boring, "
        "story, ., terrible, acting, ,, dull, ending, i, give, it, 3, .");
  CHECK(review.id == "50-0000");
  CHECK(review.label == 0);
  CHECK(again.words == review.words);
  CHECK(again.marks == review.marks);
  CHECK(generated_attended_review(0, 1, 50).words != review.words);
  CHECK(generated_attended_review(1, 0, 50).words != review.words);
  CHECK(generated_attended_review(0, 0, 5).words.size() == 5);
  CHECK_THROWS_WITH_AS(generated_attended_review(0, 0, 4), "generated review: 4 words, wanted 5 or more",
                       Error);
}
