#include "slalom/cli/messages.hpp"

#include <iostream>

#include "slalom/report/characters.hpp"

namespace slalom {

namespace {

std::string without_middle(const std::string& visible_text) {
  constexpr std::size_t kHalf = 498;
  const std::u32string all = code_points(visible_text);
  if (all.size() <= 2 * kHalf + 3) return visible_text;
  std::string out;
  for (const char32_t c : all.substr(0, kHalf)) append_utf8(out, c);
  out += "...";
  for (const char32_t c : all.substr(all.size() - kHalf)) append_utf8(out, c);
  return out;
}

}  // namespace

void say(const std::string& line) {
  std::cerr << without_middle(visible(line)) + "\n";
}

void say_error(const Error& error) {
  say(concat("error: ", error.what()));
  if (!error.hint().empty()) std::cerr << without_middle(visible("hint: " + error.hint(), true)) + "\n";
}

}  // namespace slalom
