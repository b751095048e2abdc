#include "slalom/explain/explained_text.hpp"

#include <algorithm>

#include "slalom/base/error.hpp"

namespace slalom {

ExplainedText::ExplainedText(std::vector<TokenId> ids, const std::function<bool(TokenId)>& is_special)
    : ids_(std::move(ids)) {
  for (std::size_t i = 0; i < ids_.size(); ++i)
    if (!is_special(ids_[i])) {
      positions_.push_back(static_cast<Index>(i));
      distinct_.push_back(ids_[i]);
    }
  if (positions_.empty())
    throw Error("[explain] the text holds special tokens only, wanted a token to explain");
  std::ranges::sort(distinct_);
  distinct_.erase(std::unique(distinct_.begin(), distinct_.end()), distinct_.end());
  for (Index p : positions_) {
    const auto place = std::ranges::lower_bound(distinct_, ids_[static_cast<std::size_t>(p)]);
    tokens_.push_back(static_cast<Sample::Token>(place - distinct_.begin()));
  }
}

void ExplainedText::add_coalition(std::span<const std::uint8_t> member, Absence absence,
                                  PackedBatch& to) const {
  std::vector<TokenId> left;
  std::size_t player = 0;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    const bool explained = player < positions_.size() && positions_[player] == static_cast<Index>(i);
    if (!explained || member[player] != 0)
      left.push_back(ids_[i]);
    else if (absence.filler)
      left.push_back(*absence.filler);
    if (explained) ++player;
  }
  if (left.empty())
    throw Error("[explain] no token is left of the text: a text without special tokens has no empty form",
                "replace tokens instead: --absence mask --mask-id N");
  to.add(left);
}

void ExplainedText::add_tokens(std::span<const Sample::Token> tokens, PackedBatch& to) const {
  std::vector<TokenId> ids(ids_.begin(), ids_.begin() + positions_.front());
  for (Sample::Token t : tokens) ids.push_back(distinct_[static_cast<std::size_t>(t)]);
  ids.insert(ids.end(), ids_.begin() + positions_.back() + 1, ids_.end());
  to.add(ids);
}

GameValues coalition_values(BlackBox& f, const ExplainedText& text, Absence absence) {
  return [&f, &text, absence](const Coalitions& coalitions) {
    PackedBatch batch;
    for (Index i = 0; i < coalitions.size(); ++i) text.add_coalition(coalitions.row(i), absence, batch);
    return f.log_odds(batch);
  };
}

Answers token_answers(BlackBox& f, const ExplainedText& text) {
  return [&f, &text](const std::vector<std::vector<Sample::Token>>& asked) {
    PackedBatch batch;
    for (const std::vector<Sample::Token>& tokens : asked) text.add_tokens(tokens, batch);
    return f.log_odds(batch);
  };
}

}  // namespace slalom
