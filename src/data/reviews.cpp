#include "slalom/data/reviews.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <tuple>
#include <utility>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/data/csv.hpp"
#include "slalom/data/texts.hpp"
#include "slalom/text/unicode.hpp"

namespace slalom {

namespace {

std::vector<Review> some_of(std::vector<Review> reviews, const std::string& path) {
  if (reviews.empty()) throw Error(path + ": found no review, wanted one or more");
  return reviews;
}

}  // namespace

int sentiment_label(std::string_view found, std::string_view negative, std::string_view positive,
                    const std::string& where) {
  if (found == negative) return 0;
  if (found == positive) return 1;
  throw Error(concat(where, ": label: found ", json_string(found.substr(0, 40)), ", wanted ", negative,
                     " or ", positive));
}

// Lines

std::vector<Review> read_reviews(const std::string& path, Index most) {
  TextReader reader(path, RowFormat::tsv);
  std::vector<Review> reviews;
  for (TextRow row; std::ssize(reviews) < most && reader.next(row);) {
    const std::string where = concat(path, ": line ", row.line);
    const int label = sentiment_label(std::to_string(row.label.value_or(0)), "0", "1", where);
    require_utf8(row.text, where + ": text");
    reviews.push_back({std::move(row.text), label});
  }
  return some_of(std::move(reviews), path);
}

std::vector<Review> read_sst2(const std::string& path, Index most) {
  constexpr std::string_view kHeader = "sentence\tlabel";
  LineReader lines(path);
  std::string line;
  if (!lines.next(line) || line != kHeader)
    throw Error(concat(path, ": line 1: found ", json_string(line.substr(0, 40)), ", wanted the header ",
                       json_string(kHeader)));
  std::vector<Review> reviews;
  while (std::ssize(reviews) < most && lines.next(line)) {
    const std::ptrdiff_t tabs = std::ranges::count(line, '\t');
    if (tabs != 1) throw Error(concat(lines.where(), ": found ", tabs, " tabs, wanted sentence<TAB>label"));
    const std::size_t tab = line.find('\t');
    const int label = sentiment_label(std::string_view(line).substr(tab + 1), "0", "1", lines.where());
    line.resize(tab);
    require_utf8(line, lines.where() + ": sentence");
    reviews.push_back({line, label});
  }
  return some_of(std::move(reviews), path);
}

std::string one_line(std::string_view text) {
  const auto breaks = [](char32_t c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F) || c == 0x85 || c == 0x2028 || c == 0x2029;
  };
  std::string line;
  std::size_t end = 0;  // of what is not white space
  bool in_run = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t before = at;
    const char32_t c = next_character(text, at);
    const bool inside = std::exchange(in_run, breaks(c)), space = in_run || is_white_space(c);
    if (space && line.empty()) continue;
    if (!in_run)
      line += text.substr(before, at - before);
    else if (!inside)
      line += ' ';
    if (!space) end = line.size();
  }
  line.resize(end);
  return line;
}

// Large Movie Review Dataset

std::vector<std::string> acl_imdb_files(const std::string& folder) {
  std::vector<std::string> paths;
  for (const char* label : {"neg", "pos"}) {
    std::vector<std::tuple<std::uint64_t, std::string>> names;
    const std::string part = folder + "/" + label;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(part, error)) {
      const std::string name = entry.path().filename().string();
      if (!name.ends_with(".txt")) continue;
      const std::string digits = name.substr(0, name.find_first_not_of("0123456789"));
      names.emplace_back(parse_number<std::uint64_t>(digits).value_or(UINT64_MAX), name);  // others come last
    }
    if (error) throw_file_error(part, "read the folder", error.value());
    if (names.empty()) throw Error(part + ": found no review, wanted files NUMBER_RATING.txt");
    std::ranges::sort(names);
    for (const auto& [number, name] : names) paths.push_back(concat(part, "/", name));
  }
  return paths;
}

std::vector<Review> read_acl_imdb(const std::string& folder) {
  std::vector<Review> reviews;
  for (const std::string& path : acl_imdb_files(folder)) {
    const std::string bytes = read_file(path);
    require_utf8(bytes, path);
    reviews.push_back({one_line(bytes), path.starts_with(folder + "/pos/") ? 1 : 0});
    if (reviews.back().text.empty()) throw Error(path + ": found no text, wanted a review");
  }
  return reviews;
}

// Yelp review polarity

namespace {

/// The UTF-16 unit of an escape \uXXXX at the beginning of `text`.
std::optional<char32_t> escaped_unit(std::string_view text) {
  if (text.size() < 6 || !text.starts_with("\\u")) return std::nullopt;
  std::uint32_t unit = 0;
  const auto [stop, code] = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  return code == std::errc{} && stop == text.data() + 6 ? std::optional<char32_t>(unit) : std::nullopt;
}

/// Undoes the escape at the beginning of `text`; its length, 0 if there is none.
std::size_t append_unescaped(std::string_view text, std::string& out) {
  if (text.starts_with("\\\"")) {
    out += '"';
    return 2;
  }
  if (text.starts_with("\\n") || text.starts_with("\\r") || text.starts_with("\\t")) {
    out += '\n';
    return 2;
  }
  const std::optional<char32_t> unit = escaped_unit(text);
  if (!unit || (*unit >= 0xDC00 && *unit < 0xE000)) return 0;
  if (*unit < 0xD800 || *unit >= 0xE000) {
    append_utf8(*unit, out);
    return 6;
  }
  const std::optional<char32_t> low = escaped_unit(text.substr(6));
  if (!low || *low < 0xDC00 || *low >= 0xE000) return 0;
  append_utf8(0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00), out);
  return 12;
}

std::string without_escapes(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    const std::size_t escape = append_unescaped(text, out);
    if (escape == 0) out += text.substr(0, 1);
    text.remove_prefix(std::min(std::max<std::size_t>(escape, 1), text.size()));
  }
  return out;
}

}  // namespace

std::vector<Review> read_polarity_csv(const std::string& path) {
  CsvReader reader(path);
  std::vector<Review> reviews;
  for (std::vector<std::string> fields; reader.next(fields);) {
    const std::string where = reader.where();
    if (fields.size() != 2)
      throw Error(concat(where, ": found ", fields.size(), " fields, wanted 2: class and text"));
    const int label = sentiment_label(fields[0], "1", "2", where);
    require_utf8(fields[1], where + ": text");
    reviews.push_back({one_line(without_escapes(fields[1])), label});
  }
  return some_of(std::move(reviews), path);
}

}  // namespace slalom
