// Tokens by number, and numbers by token.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "slalom/base/index.hpp"

namespace slalom {

class Vocabulary {
 public:
  Vocabulary() = default;
  /// The id of a token is its place in the list, and of one that comes twice its last place.
  explicit Vocabulary(std::vector<std::string> tokens);

  /// vocab.txt: one token a line, UTF-8, id = line number − 1. load() throws Error with file and line for a
  /// token that is not UTF-8 and for a file without tokens; save() for a token that holds a line end.
  static Vocabulary load(const std::string& path);
  void save(const std::string& path) const;

  TokenId size() const { return static_cast<TokenId>(tokens_.size()); }
  bool contains(TokenId id) const { return id >= 0 && id < size(); }
  /// Throws Error for an id that is not in the vocabulary.
  const std::string& token(TokenId id) const;
  std::optional<TokenId> find(std::string_view token) const;
  /// Bytes of the longest token.
  std::size_t longest_token() const { return longest_; }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  void append(std::string token);

  std::vector<std::string> tokens_;
  std::unordered_map<std::string, TokenId, Hash, std::equal_to<>> ids_;
  std::size_t longest_ = 0;
};

}  // namespace slalom
