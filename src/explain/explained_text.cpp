#include "slalom/explain/explained_text.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"

namespace slalom {

ExplainedText::ExplainedText(Encoding encoding, const std::function<bool(TokenId)>& is_special, Unit unit)
    : encoding_(std::move(encoding)) {
  if (unit == Unit::word && encoding_.places.empty())
    throw Error("[explain] the words of a text of input_ids are not known, wanted a row with \"text\"");
  find_units(is_special, unit);
  if (units_.empty())
    throw Error("the text is empty, or all of its tokens are special; wanted a token to explain");
  find_slots();
}

void ExplainedText::find_units(const std::function<bool(TokenId)>& is_special, Unit unit) {
  const auto same_word = [&](Index i) {
    const TokenPlace &a = encoding_.places[static_cast<std::size_t>(i - 1)],
                     &b = encoding_.places[static_cast<std::size_t>(i)];
    return a.word == b.word && a.part == b.part;
  };
  for (Index i = 0; i < std::ssize(ids()); ++i) {
    const bool special = is_special(ids()[static_cast<std::size_t>(i)]);
    if (special) ++special_;
    if (unit == Unit::word && !special && i > 0 && !items_.back().special && same_word(i)) {
      ++items_.back().size;
      ++units_.back().size;
      continue;
    }
    items_.push_back({{i, 1}, special});
    if (!special) units_.push_back({i, 1});
  }
}

void ExplainedText::find_slots() {
  std::vector<Piece> pieces;
  for (const Range& u : units_) {
    if (slots_.empty() || slots_.back().first + slots_.back().size != u.first)
      slots_.push_back(u);
    else
      slots_.back().size += u.size;
    Piece& piece = pieces.emplace_back(Piece{slots_.size() - 1, {}, {}});
    append(u.first, u.first + u.size, piece.ids, piece.types);
  }
  distinct_ = pieces;
  std::ranges::sort(distinct_, std::less<>{});
  distinct_.erase(std::unique(distinct_.begin(), distinct_.end()), distinct_.end());
  for (const Piece& piece : pieces)
    tokens_.push_back(static_cast<Sample::Token>(std::lower_bound(distinct_.begin(), distinct_.end(), piece) -
                                                 distinct_.begin()));
}

Index ExplainedText::most_units(const BlackBox& f) const {
  const Index longest = std::ranges::max(units_, {}, &Range::size).size;
  return std::max<Index>(0, f.longest() - special_) / longest;
}

void ExplainedText::append(Index from, Index to, std::vector<TokenId>& ids,
                           std::vector<TokenId>& types) const {
  ids.insert(ids.end(), encoding_.ids.begin() + from, encoding_.ids.begin() + to);
  if (!encoding_.types.empty())
    types.insert(types.end(), encoding_.types.begin() + from, encoding_.types.begin() + to);
}

std::vector<double> ExplainedText::aligned(std::span<const double> scores,
                                           std::span<const double> special) const {
  std::vector<double> all;
  std::size_t u = 0, s = 0;
  for (const Item& item : items_)
    all.push_back(!item.special ? scores[u++] : special.empty() ? std::nan("") : special[s++]);
  return all;
}

std::vector<double> ExplainedText::of_special(std::span<const double> of_tokens) const {
  std::vector<double> special;
  for (const Item& item : items_)
    if (item.special) special.push_back(of_tokens[static_cast<std::size_t>(item.first)]);
  return special;
}

std::vector<double> ExplainedText::summed(std::span<const double> of_tokens) const {
  std::vector<double> sums;
  for (const Range& u : units_) {
    sums.push_back(0);
    for (Index i = u.first; i < u.first + u.size; ++i) sums.back() += of_tokens[static_cast<std::size_t>(i)];
  }
  return sums;
}

void ExplainedText::add_coalition(std::span<const std::uint8_t> member, Masking masking,
                                  PackedTexts& to) const {
  std::vector<TokenId> left, types;
  std::size_t u = 0;
  for (const Item& item : items_) {
    const bool kept = item.special || member[u++] != 0;
    if (!kept && !masking.replacement) continue;
    append(item.first, item.first + item.size, left, types);
    if (!kept) std::fill(left.end() - item.size, left.end(), *masking.replacement);
  }
  if (left.empty())
    throw Error("[explain] no token is left of the text: a text without special tokens has no empty form",
                "replace tokens instead: --absence mask --mask-id N");
  to.add(left, types);
}

void ExplainedText::add_tokens(std::span<const Sample::Token> tokens, PackedTexts& to) const {
  std::vector<TokenId> ids, types;
  Index at = 0;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    append(at, slots_[slot].first, ids, types);
    at = slots_[slot].first + slots_[slot].size;
    for (Sample::Token t : tokens) {
      const Piece& piece = distinct_[static_cast<std::size_t>(t)];
      if (piece.slot != slot) continue;
      ids.insert(ids.end(), piece.ids.begin(), piece.ids.end());
      types.insert(types.end(), piece.types.begin(), piece.types.end());
    }
  }
  append(at, std::ssize(this->ids()), ids, types);
  to.add(ids, types);
}

std::vector<Sample::Token> kept_tokens(std::span<const Sample::Token> tokens,
                                       std::span<const std::uint8_t> member) {
  std::vector<Sample::Token> kept;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (member[i] != 0) kept.push_back(tokens[i]);
  return kept;
}

double log_odds(BlackBox& f, const ExplainedText& text) {
  return f.log_odds(text.whole()).front();
}

ValueFunction coalition_values(BlackBox& f, const ExplainedText& text, Masking masking) {
  return [&f, &text, masking](const Coalitions& coalitions) {
    PackedTexts batch;
    for (Index i = 0; i < coalitions.size(); ++i) text.add_coalition(coalitions.row(i), masking, batch);
    return f.log_odds(batch);
  };
}

Answers token_values(BlackBox& f, const ExplainedText& text) {
  return [&f, &text](const std::vector<std::vector<Sample::Token>>& texts) {
    PackedTexts batch;
    for (const std::vector<Sample::Token>& tokens : texts) text.add_tokens(tokens, batch);
    return f.log_odds(batch);
  };
}

}  // namespace slalom
