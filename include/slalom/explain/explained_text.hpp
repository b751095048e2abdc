// A text and the tokens of it that are explained, and the questions that can be asked about them.
#pragma once

#include <functional>

#include "slalom/data/batch.hpp"
#include "slalom/explain/black_box.hpp"
#include "slalom/explain/deletions.hpp"
#include "slalom/surrogate/identification.hpp"

namespace slalom {

/// How a token is taken away: deleted, or replaced by a filler (the mask token).
struct Absence {
  std::optional<TokenId> filler;  // empty: deleted
};

/// The n tokens that are explained are all but the special ones; those stay in every question. The K distinct
/// ones among them are numbered in the order of their ids.
class ExplainedText {
 public:
  /// Throws Error if every token is special: there is nothing to explain.
  ExplainedText(std::vector<TokenId> ids, const std::function<bool(TokenId)>& is_special);

  const std::vector<TokenId>& ids() const { return ids_; }            // (S)
  const std::vector<Index>& positions() const { return positions_; }  // (n) of the explained tokens in ids()
  const std::vector<TokenId>& distinct() const { return distinct_; }  // (K)
  const std::vector<Sample::Token>& tokens() const { return tokens_; }  // (n) each one's place in distinct()
  Index players() const { return std::ssize(positions_); }              // n
  /// Something is left of the text when all explained tokens are deleted.
  bool has_empty_text() const { return positions_.size() < ids_.size(); }

  /// Appends the text of one coalition (n): tokens that are not in it are absent. Throws Error if nothing is
  /// left.
  void add_coalition(std::span<const std::uint8_t> member, Absence absence, PackedBatch& to) const;
  /// Appends another text of the same tokens between the special tokens that surround this one.
  void add_tokens(std::span<const Sample::Token> tokens, PackedBatch& to) const;

 private:
  std::vector<TokenId> ids_, distinct_;
  std::vector<Index> positions_;
  std::vector<Sample::Token> tokens_;
};

/// F of coalitions of the text's tokens, and of other texts of the same tokens. All three must outlive them.
GameValues coalition_values(BlackBox& f, const ExplainedText& text, Absence absence);
Answers token_answers(BlackBox& f, const ExplainedText& text);

}  // namespace slalom
