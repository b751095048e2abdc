#include "slalom/text/special_tokens.hpp"

#include <algorithm>

namespace slalom {

bool SpecialTokens::is_special(TokenId id) const {
  return id == cls || id == sep || id == pad || id == begin || id == end ||
         std::ranges::find(others, id) != others.end();
}

std::vector<TokenId> SpecialTokens::ids() const {
  std::vector<TokenId> all = others;
  for (const std::optional<TokenId>& id : {cls, sep, pad, begin, end})
    if (id) all.push_back(*id);
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::optional<TokenId> find_usual(const SpecialTokenField& field, const Vocabulary& vocabulary) {
  for (const char* name : field.usual)
    if (const std::optional<TokenId> id = vocabulary.find(name)) return id;
  return std::nullopt;
}

SpecialTokens usual_special_tokens(const Vocabulary& vocabulary) {
  SpecialTokens special;
  for (const SpecialTokenField& field : kSpecialTokenFields)
    special.*field.id = find_usual(field, vocabulary);
  return special;
}

void wrap(std::span<const TokenId> text, const SpecialTokens& special, std::vector<TokenId>& out) {
  out.clear();
  if (special.cls) out.push_back(*special.cls);
  out.insert(out.end(), text.begin(), text.end());
  if (special.sep) out.push_back(*special.sep);
}

std::vector<TokenId> wrap(std::span<const TokenId> text, const SpecialTokens& special) {
  std::vector<TokenId> out;
  wrap(text, special, out);
  return out;
}

}  // namespace slalom
