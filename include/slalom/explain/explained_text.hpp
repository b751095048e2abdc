// A text and the parts of it that are explained, and the queries that are made of them.
#pragma once

#include <functional>

#include "slalom/explain/black_box.hpp"
#include "slalom/explain/deletions.hpp"
#include "slalom/surrogate/identification.hpp"
#include "slalom/text/encoding.hpp"

namespace slalom {

/// How a token is taken away: deleted, or replaced (by the mask token).
struct Masking {
  std::optional<TokenId> replacement;  // empty: deleted
};

/// What is explained: each token, or each word with all of its tokens together.
enum class Unit { token, word };

/// The n units that are explained are made of all tokens but the special ones; those stay in every query.
/// The K distinct units among them are numbered in the order of their ids. Where this library says token of
/// an explained text, a word takes its place under Unit::word.
class ExplainedText {
 public:
  /// Tokens first … first + size − 1 of the text.
  struct Range {
    Index first = 0, size = 1;
  };
  /// A unit, or a special token.
  struct Item : Range {
    bool special = false;
  };

  /// Throws Error if every token is special: there is nothing to explain; and for Unit::word if the
  /// tokens' places are not known.
  ExplainedText(Encoding encoding, const std::function<bool(TokenId)>& is_special, Unit unit = Unit::token);
  ExplainedText(std::vector<TokenId> ids, const std::function<bool(TokenId)>& is_special)
      : ExplainedText(Encoding{std::move(ids), {}, {}}, is_special) {}

  const Encoding& encoding() const { return encoding_; }
  const std::vector<TokenId>& ids() const { return encoding_.ids; }  // (S)
  const std::vector<Range>& units() const { return units_; }         // (n)
  /// (n) each unit's place among the distinct ones.
  const std::vector<Sample::Token>& tokens() const { return tokens_; }
  Index distinct() const { return std::ssize(distinct_); }  // K
  Index players() const { return std::ssize(units_); }      // n
  /// The longest text of units that a black box can be queried, if every unit were as long as the longest
  /// one.
  Index most_units(const BlackBox& f) const;
  /// Something is left of the text when all explained tokens are deleted.
  bool has_empty_text() const { return special_ > 0; }

  /// The units and, between them, the special tokens one by one: what a reader sees. All S tokens under
  /// Unit::token.
  const std::vector<Item>& items() const { return items_; }
  /// Scores (n) of the units in the places of items(); those of the special tokens, in order, are NaN if
  /// `special` is empty.
  std::vector<double> aligned(std::span<const double> scores, std::span<const double> special = {}) const;
  /// The sums over each unit of numbers that all S tokens have, and those of the special tokens in order.
  std::vector<double> summed(std::span<const double> of_tokens) const;
  std::vector<double> of_special(std::span<const double> of_tokens) const;

  /// The text itself.
  PackedTexts whole() const { return packed(ids(), encoding_.types); }
  /// Appends the text of one coalition (n): units that are not in it are absent. Throws Error if nothing is
  /// left.
  void add_coalition(std::span<const std::uint8_t> member, Masking masking, PackedTexts& to) const;
  /// Appends another text of the same units with the special tokens of this one, each unit on its own side of
  /// them: those of a pair's second text stand in the second text's place.
  void add_tokens(std::span<const Sample::Token> tokens, PackedTexts& to) const;

 private:
  // A unit by what it is made of; the same word in another slot is another one.
  struct Piece {
    std::size_t slot = 0;
    std::vector<TokenId> ids, types;
    bool operator==(const Piece& other) const { return slot == other.slot && ids == other.ids; }
    bool operator<(const Piece& other) const {
      return ids != other.ids ? ids < other.ids : slot < other.slot;
    }
  };
  void find_units(const std::function<bool(TokenId)>& is_special, Unit unit);
  void find_slots();
  void append(Index from, Index to, std::vector<TokenId>& ids, std::vector<TokenId>& types) const;

  Encoding encoding_;
  std::vector<Item> items_;
  std::vector<Range> units_;
  std::vector<Range> slots_;  // from a unit to the last one that no special token separates from it
  std::vector<Piece> distinct_;
  std::vector<Sample::Token> tokens_;
  Index special_ = 0;  // tokens that are not explained
};

/// Those of the n tokens that are in the coalition (n), in order.
std::vector<Sample::Token> kept_tokens(std::span<const Sample::Token> tokens,
                                       std::span<const std::uint8_t> member);

/// F of the whole text.
double log_odds(BlackBox& f, const ExplainedText& text);
/// F of coalitions of the text's units, and of other texts of the same units. All three must outlive them.
ValueFunction coalition_values(BlackBox& f, const ExplainedText& text, Masking masking);
Answers token_values(BlackBox& f, const ExplainedText& text);

}  // namespace slalom
