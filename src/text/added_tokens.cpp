#include "slalom/text/added_tokens.hpp"

#include <algorithm>

#include "slalom/text/unicode.hpp"

namespace slalom {

namespace {

std::size_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
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

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::span<const AddedToken> tokens,
                                   const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (!names[i].empty())
      entries_[byte_at(names[i], 0)].push_back(
          {names[i], i, tokens[i].special, tokens[i].single_word, tokens[i].lstrip, tokens[i].rstrip});
  for (std::vector<Entry>& list : entries_)
    std::ranges::stable_sort(list, std::greater<>(),
                             [](const Entry& entry) { return std::pair(entry.name.size(), entry.special); });
}

std::vector<AddedMatch> AddedTokenFinder::find(std::string_view text) const {
  std::vector<AddedMatch> matches;
  std::size_t taken = 0;  // the end of the last match
  for (std::size_t at = 0; at < text.size();) {
    const std::vector<Entry>& list = entries_[byte_at(text, at)];
    const auto entry =
        std::ranges::find_if(list, [&](const Entry& e) { return text.substr(at).starts_with(e.name); });
    if (entry == list.end()) {
      ++at;
      continue;
    }
    const WordRange name{at, at + entry->name.size()};
    at = name.end;
    if (entry->single_word && !is_single_word(text, name)) continue;
    AddedMatch match{entry->token, name, name.begin, name.end};
    for (std::size_t before = name.begin; entry->lstrip && before > taken; match.begin = before) {
      before = previous_character(text, before);
      if (!is_white_space(character_at(text, before))) break;
    }
    while (entry->rstrip && match.end < text.size() && is_white_space(character_at(text, match.end)))
      next_character(text, match.end);
    matches.push_back(match);
    at = taken = match.end;
  }
  return matches;
}

}  // namespace slalom
