#include "slalom/text/unigram.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/error_of.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"

using namespace slalom;

namespace {

// The largest sum of scores over all cuts into pieces; single characters without a piece count `unknown`.
double best_sum(std::string_view word, const Vocabulary& vocabulary, const std::vector<double>& scores,
                double unknown) {
  if (word.empty()) return 0;
  double best = -INFINITY;
  for (std::size_t n = 1; n <= word.size(); ++n) {
    const std::optional<TokenId> id = vocabulary.find(word.substr(0, n));
    if (!id && n > 1) continue;
    const double own = id ? scores[static_cast<std::size_t>(*id)] : unknown;
    best = std::max(best, own + best_sum(word.substr(n), vocabulary, scores, unknown));
  }
  return best;
}

}  // namespace

TEST_CASE("unigram: no cut of a word has a larger sum of scores, and the pieces are the word") {
  Rng rng(1, Purpose::test);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> tokens = {"<unk>"};
    std::vector<double> scores = {0};
    for (int k = 0; k < 12; ++k) {
      std::string token;
      for (std::uint32_t n = 1 + rng.below(3); n > 0; --n) token += static_cast<char>('a' + rng.below(3));
      tokens.push_back(token);
      scores.push_back(-1 - 5 * rng.uniform());
    }
    const Vocabulary vocabulary(tokens);
    const Unigram model(scores, TokenId{0}, false);
    const double unknown = *std::ranges::min_element(scores) - 10;
    std::string word;
    for (std::uint32_t n = 1 + rng.below(9); n > 0; --n) word += static_cast<char>('a' + rng.below(4));
    std::vector<Piece> pieces;
    model.cut_word(word, vocabulary, pieces);
    double sum = 0;
    std::size_t end = 0;
    for (const Piece& piece : pieces) {
      CHECK(piece.begin == end);
      end = piece.end;
      sum += piece.id == 0 ? unknown * static_cast<double>(piece.end - piece.begin)
                           : scores[static_cast<std::size_t>(piece.id)];
      if (piece.id != 0)
        CHECK(vocabulary.token(piece.id) == word.substr(piece.begin, piece.end - piece.begin));
    }
    CHECK(end == word.size());
    CHECK(std::abs(sum - best_sum(word, vocabulary, scores, unknown)) < 1e-12);
  }
}

TEST_CASE("unigram: characters without a piece: one unknown token, their bytes, or an error") {
  const std::vector<std::string> tokens = {"<unk>", "a", "<0xC3>", "<0xA9>"};
  const Vocabulary vocabulary(tokens);
  const std::vector<double> scores(4, -1);
  const auto ids = [&](const Unigram& model, const char* word) {
    std::vector<Piece> pieces;
    model.cut_word(word, vocabulary, pieces);
    std::vector<TokenId> list;
    for (const Piece& piece : pieces) list.push_back(piece.id);
    return list;
  };
  using Ids = std::vector<TokenId>;
  CHECK(ids(Unigram(scores, TokenId{0}, false), "aééa") == Ids{1, 0, 1});
  CHECK(ids(Unigram(scores, TokenId{0}, true), "aé") == Ids{1, 2, 3});
  CHECK(ids(Unigram(scores, TokenId{0}, true), "aü") == Ids{1, 0});  // a byte of it has no token
  CHECK(test::error_of([&] { ids(Unigram(scores, {}, false), "é"); }) ==
        "the vocabulary has no piece for \"é\", and no unknown-word token");
  CHECK(test::error_of([&] { ids(Unigram(scores, {}, true), "aé"); }) ==  // as in Hugging Face's library
        "the vocabulary has no piece for \"é\", and no unknown-word token");
}
