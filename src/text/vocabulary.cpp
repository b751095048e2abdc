#include "slalom/text/vocabulary.hpp"

#include <algorithm>
#include <utility>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/text/unicode.hpp"

namespace slalom {

Vocabulary::Vocabulary(std::vector<std::string> tokens) {
  for (std::string& token : tokens) append(std::move(token));
}

void Vocabulary::append(std::string token) {
  ids_[token] = size();
  longest_ = std::max(longest_, token.size());
  tokens_.push_back(std::move(token));
}

Vocabulary Vocabulary::load(const std::string& path) {
  Vocabulary vocabulary;
  LineReader lines(path);
  for (std::string line; lines.next(line);) {
    require_utf8(line, lines.where());
    vocabulary.append(line);
  }
  if (vocabulary.size() == 0) throw Error(concat(path, ": found no token, wanted one a line"));
  return vocabulary;
}

void Vocabulary::save(const std::string& path) const {
  OutputFile file(path);
  for (TokenId id = 0; id < size(); ++id) {
    if (token(id).find_first_of("\r\n") != std::string::npos)
      throw Error(concat(path, ": token ", id, " holds a line end, which vocab.txt cannot say"));
    file.write(token(id));
    file.write("\n");
  }
  file.commit();
}

const std::string& Vocabulary::token(TokenId id) const {
  if (!contains(id))
    throw Error(concat("[vocabulary] token ", id, " does not exist, wanted 0 to ", size() - 1));
  return tokens_[static_cast<std::size_t>(id)];
}

std::optional<TokenId> Vocabulary::find(std::string_view token) const {
  const auto place = ids_.find(token);
  return place == ids_.end() ? std::nullopt : std::optional(place->second);
}

}  // namespace slalom
