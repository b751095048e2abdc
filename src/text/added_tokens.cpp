#include "slalom/text/added_tokens.hpp"

#include <algorithm>
#include <tuple>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"
#include "slalom/text/unicode.hpp"

namespace slalom {

namespace {

std::size_t first_byte(std::string_view text) {
  return static_cast<unsigned char>(text.front());
}

/// Offset of the character that ends at `end` > 0.
std::size_t previous_character(std::string_view text, std::size_t end) {
  do --end;
  while (end > 0 && (text[end] & 0xC0) == 0x80);
  return end;
}

char32_t character_at(std::string_view text, std::size_t at) {
  return next_character(text, at);
}

bool is_single_word(std::string_view text, WordRange name) {
  const bool word_before =
      name.begin > 0 && is_word_character(character_at(text, previous_character(text, name.begin)));
  const bool word_after = name.end < text.size() && is_word_character(character_at(text, name.end));
  return !word_before && !word_after;
}

std::size_t without_space_before(std::string_view text, std::size_t begin, std::size_t least) {
  while (begin > least) {
    const std::size_t before = previous_character(text, begin);
    if (!is_white_space(character_at(text, before))) break;
    begin = before;
  }
  return begin;
}

std::size_t without_space_behind(std::string_view text, std::size_t end) {
  while (end < text.size() && is_white_space(character_at(text, end))) next_character(text, end);
  return end;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::span<const AddedToken> tokens,
                                   const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (!names[i].empty())
      entries_.push_back({names[i], i, tokens[i].single_word, tokens[i].lstrip, tokens[i].rstrip});
  std::ranges::stable_sort(entries_, [](const Entry& a, const Entry& b) {
    return std::tuple(first_byte(a.name), b.name.size()) < std::tuple(first_byte(b.name), a.name.size());
  });
  for (const Entry& entry : entries_) ++first_[first_byte(entry.name) + 1];
  for (std::size_t b = 0; b < 256; ++b) first_[b + 1] += first_[b];
}

const AddedTokenFinder::Entry* AddedTokenFinder::longest_at(std::string_view text, std::size_t at) const {
  const std::size_t b = first_byte(text.substr(at));
  for (std::size_t i = first_[b]; i < first_[b + 1]; ++i)
    if (text.substr(at).starts_with(entries_[i].name)) return &entries_[i];
  return nullptr;
}

std::vector<AddedMatch> AddedTokenFinder::find(std::string_view text) const {
  std::vector<AddedMatch> matches;
  if (empty()) return matches;
  std::size_t taken = 0;  // the end of the last match
  for (std::size_t at = 0; at < text.size();) {
    const Entry* entry = longest_at(text, at);
    if (entry == nullptr) {
      ++at;
      continue;
    }
    const WordRange name{at, at + entry->name.size()};
    at = name.end;
    if (entry->single_word && !is_single_word(text, name)) continue;
    AddedMatch match{entry->token, name, name.begin, name.end};
    if (entry->lstrip) match.begin = without_space_before(text, name.begin, taken);
    if (entry->rstrip) match.end = without_space_behind(text, name.end);
    matches.push_back(match);
    taken = match.end;
    at = std::max(at, taken);
  }
  return matches;
}

Vocabulary numbered_vocabulary(std::vector<NumberedToken> tokens, const std::string& where) {
  std::ranges::stable_sort(tokens, {}, &NumberedToken::id);
  std::vector<std::string> list;
  list.reserve(tokens.size());
  for (NumberedToken& t : tokens) {
    const auto next = static_cast<TokenId>(list.size());
    if (next > 0 && t.id == next - 1 && list.back() == t.token) continue;
    if (next > 0 && t.id < next)
      throw Error(concat(where, ": tokens ", json_string(list.back()), " and ", json_string(t.token),
                         " have the same id"));
    if (t.id > next)
      throw Error(concat(where, ": found ", json_string(t.token), " with id ", t.id, " and no token with id ",
                         next, ", wanted ids without gaps"));
    list.push_back(std::move(t.token));
  }
  return Vocabulary(std::move(list));
}

}  // namespace slalom
