#include "slalom/data/windows.hpp"

#include <algorithm>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

// Special tokens at the ends of the text, which every window has, and the tokens between them.
struct Layout {
  Index front = 0, back = 0, body = 0;
};

Layout layout(const InputRow& row, const std::function<bool(TokenId)>& is_special) {
  const Index S = std::ssize(row.ids);
  Layout l;
  while (l.front < S && is_special(row.ids[static_cast<std::size_t>(l.front)])) ++l.front;
  while (l.front + l.back < S && is_special(row.ids[static_cast<std::size_t>(S - 1 - l.back)])) ++l.back;
  l.body = S - l.front - l.back;
  return l;
}

template <class T>
std::vector<T> cut(const std::vector<T>& of, const Layout& l, Index first, Index count) {
  if (of.empty()) return {};
  std::vector<T> part(of.begin(), of.begin() + l.front);
  part.insert(part.end(), of.begin() + l.front + first, of.begin() + l.front + first + count);
  part.insert(part.end(), of.end() - l.back, of.end());
  return part;
}

Index room(const InputRow& row, const Layout& l, Index longest) {
  if (longest <= l.front + l.back)
    throw Error(concat("the text has ", row.ids.size(), " tokens, and its ", l.front + l.back,
                       " special tokens leave no place for others in the model's ", longest, " positions"));
  return longest - l.front - l.back;
}

}  // namespace

Index default_stride(const InputRow& row, Index longest, const std::function<bool(TokenId)>& is_special) {
  return std::max<Index>(1, room(row, layout(row, is_special), longest) / 2);
}

std::vector<RowWindow> windows_of(const InputRow& row, Index longest, Index stride,
                                  const std::function<bool(TokenId)>& is_special) {
  if (std::ssize(row.ids) <= longest) return {RowWindow{}};
  const auto second = [](const TokenPlace& place) { return place.part == 1; };
  if (std::ranges::any_of(row.places, second) ||
      std::ranges::any_of(row.types, [](TokenId type) { return type != 0; }))
    throw Error(concat("a pair of texts with ", row.ids.size(), " tokens, the model has ", longest,
                       " positions: a pair is not cut into windows"));
  const Layout l = layout(row, is_special);
  const Index size = room(row, l, longest);
  if (stride < 1 || stride > size)
    throw Error(concat("windows hold ", size, " tokens of the text and begin every ", stride,
                       ", wanted 1 to ", size));
  std::vector<RowWindow> windows;
  for (Index first = 0;; first += stride) {
    first = std::min(first, l.body - size);
    windows.push_back({std::ssize(windows), 0, first, size});
    if (first == l.body - size) break;
  }
  for (RowWindow& window : windows) window.of = std::ssize(windows);
  return windows;
}

InputRow cut_window(const InputRow& row, const RowWindow& window,
                    const std::function<bool(TokenId)>& is_special) {
  if (window.of == 1) return row;
  const Layout l = layout(row, is_special);
  InputRow part;
  part.id_json = row.id_json;
  part.text[0] = row.text[0];
  part.text[1] = row.text[1];
  part.label = row.label;
  part.targets = row.targets;
  part.log_odds = row.log_odds;
  part.line = row.line;
  part.ids = cut(row.ids, l, window.first, window.size);
  part.types = cut(row.types, l, window.first, window.size);
  part.places = cut(row.places, l, window.first, window.size);
  part.scores = cut(row.scores, l, window.first, window.size);
  return part;
}

}  // namespace slalom
