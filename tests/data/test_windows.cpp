#include "slalom/data/windows.hpp"

#include <doctest/doctest.h>

#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

const auto kSpecial = [](TokenId id) { return id <= 2; };

// [CLS] 10 … 19 [SEP], a score for each token.
InputRow ten_tokens() {
  InputRow row;
  row.ids = {1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 2};
  for (std::size_t i = 0; i < row.ids.size(); ++i) {
    row.scores.push_back(static_cast<double>(i));
    row.places.push_back({i % 11 == 0 ? -1 : 0, static_cast<Index>(i), static_cast<Index>(i) + 1, 0});
  }
  row.id_json = "7";
  return row;
}

}  // namespace

TEST_CASE(
    "windows: each holds the special tokens, begins a stride further, and the last ends with the text") {
  const std::vector<RowWindow> windows = windows_of(ten_tokens(), 6, 3, kSpecial);
  REQUIRE(windows.size() == 3);  // four tokens of text each: 10-13, 13-16, 16-19
  std::vector<InputRow> parts;
  for (const RowWindow& window : windows) parts.push_back(cut_window(ten_tokens(), window, kSpecial));
  CHECK(parts[0].ids == std::vector<TokenId>{1, 10, 11, 12, 13, 2});
  CHECK(parts[1].ids == std::vector<TokenId>{1, 13, 14, 15, 16, 2});
  CHECK(parts[2].ids == std::vector<TokenId>{1, 16, 17, 18, 19, 2});
  CHECK(parts[2].scores == std::vector<double>{0, 7, 8, 9, 10, 11});
  CHECK(parts[2].places[1].begin == 7);
  CHECK(parts[1].id_json == "7");
  CHECK(windows[2].first == 6);
  CHECK(windows[2].number == 2);
  CHECK(windows[2].of == 3);
  // With a stride of 4 the last window would begin at 8 and is moved back to 6.
  const std::vector<RowWindow> apart = windows_of(ten_tokens(), 6, 4, kSpecial);
  REQUIRE(apart.size() == 3);
  CHECK(apart[1].first == 4);
  CHECK(apart[2].first == 6);
  CHECK(default_stride(ten_tokens(), 6, kSpecial) == 2);
}

TEST_CASE("windows: a text that fits is its only window") {
  const std::vector<RowWindow> windows = windows_of(ten_tokens(), 12, 1, kSpecial);
  REQUIRE(windows.size() == 1);
  CHECK(windows[0].of == 1);
  CHECK(cut_window(ten_tokens(), windows[0], kSpecial).ids == ten_tokens().ids);
}

TEST_CASE("windows: what cannot be cut is refused") {
  CHECK_THROWS_AS(windows_of(ten_tokens(), 6, 5, kSpecial), Error);  // would leave a token out
  CHECK_THROWS_AS(windows_of(ten_tokens(), 6, 0, kSpecial), Error);
  CHECK_THROWS_AS(windows_of(ten_tokens(), 2, 1, kSpecial), Error);  // no place beside the special tokens
  InputRow pair = ten_tokens();
  pair.places[5].part = 1;
  CHECK_THROWS_AS(windows_of(pair, 6, 2, kSpecial), Error);
  CHECK(windows_of(pair, 12, 2, kSpecial).size() == 1);
}
