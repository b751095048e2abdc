#include "slalom/text/unigram.hpp"

#include <algorithm>
#include <limits>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"
#include "slalom/text/unicode.hpp"

namespace slalom {

Unigram::Unigram(std::vector<double> scores, std::optional<TokenId> unk, bool byte_fallback)
    : scores_(std::move(scores)), unk_(unk), byte_fallback_(byte_fallback) {
  constexpr double kPenalty = 10;  // as SentencePiece has it
  unknown_score_ = (scores_.empty() ? 0 : std::ranges::min(scores_)) - kPenalty;
}

// Viterbi: the best cut up to each byte, in the order in which Hugging Face's library breaks ties.
void Unigram::cut_word(std::string_view word, const Vocabulary& vocabulary,
                       std::vector<Piece>& pieces) const {
  struct Step {
    double score = -std::numeric_limits<double>::infinity();  // of the best cut that ends here
    std::size_t begin = SIZE_MAX;                             // of its last piece
    TokenId id = -1;                                          // −1: no piece of the vocabulary
  };
  std::vector<Step> best(word.size() + 1);
  best[0].score = 0;
  for (std::size_t begin = 0; begin < word.size();) {
    std::size_t next = begin;
    next_character(word, next);
    const auto offer = [&](std::size_t end, double score, TokenId id) {
      if (best[end].begin == SIZE_MAX || best[begin].score + score > best[end].score)
        best[end] = {best[begin].score + score, begin, id};
    };
    bool has_character = false;
    for (std::size_t end = next; end - begin <= vocabulary.longest_token();) {
      const std::optional<TokenId> id = vocabulary.find(word.substr(begin, end - begin));
      if (id && *id < std::ssize(scores_)) {
        offer(end, scores_[static_cast<std::size_t>(*id)], *id);
        has_character = has_character || end == next;
      }
      if (end == word.size()) break;
      next_character(word, end);
    }
    if (!has_character) offer(next, unknown_score_, -1);
    if (best[next].id < 0 && !unk_)
      throw Error("the vocabulary has no piece for " + json_string(word.substr(begin, next - begin)) +
                  ", and no unknown-word token");
    begin = next;
  }
  std::vector<Piece> reversed;
  for (std::size_t end = word.size(); end > 0; end = best[end].begin) {
    const Step& step = best[end];
    if (step.id < 0 && !reversed.empty() && reversed.back().id < 0)
      reversed.back().begin = step.begin;  // one unknown piece for neighbours
    else
      reversed.push_back({step.id, step.begin, end});
  }
  for (auto piece = reversed.rbegin(); piece != reversed.rend(); ++piece) {
    if (piece->id < 0 && add_bytes(word, *piece, vocabulary, pieces)) continue;
    pieces.push_back(*piece);
    if (piece->id < 0) pieces.back().id = *unk_;
  }
}

bool Unigram::add_bytes(std::string_view word, Piece unknown, const Vocabulary& vocabulary,
                        std::vector<Piece>& pieces) const {
  if (!byte_fallback_) return false;
  const std::size_t before = pieces.size();
  for (const char c : word.substr(unknown.begin, unknown.end - unknown.begin)) {
    constexpr const char* kDigits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    const std::optional<TokenId> id =
        vocabulary.find(std::string{'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'});
    if (!id) {
      pieces.resize(before);
      return false;
    }
    pieces.push_back({*id, unknown.begin, unknown.end});
  }
  return true;
}

}  // namespace slalom
