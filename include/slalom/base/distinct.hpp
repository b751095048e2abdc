// Equal things are told from new ones in one way: each gets the number of the first that equals it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "slalom/base/index.hpp"

namespace slalom {

/// Numbers the different lists among those that it is shown, 0, 1, 2 … in the order of their first coming.
class DistinctLists {
 public:
  /// The list's number; size() as it was before if the list is new.
  template <class T>
  Index number(std::span<const T> list) {
    return number_.try_emplace(bytes(list), size()).first->second;
  }
  template <class T>
  std::optional<Index> find(std::span<const T> list) const {
    const auto found = number_.find(bytes(list));
    return found == number_.end() ? std::nullopt : std::optional(found->second);
  }
  Index size() const { return std::ssize(number_); }
  void clear() { number_.clear(); }

 private:
  template <class T>
  static std::string bytes(std::span<const T> list) {
    return {reinterpret_cast<const char*>(list.data()), list.size_bytes()};
  }

  std::unordered_map<std::string, Index> number_;
};

}  // namespace slalom
