#include "slalom/data/human_attention.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/data/csv.hpp"
#include "slalom/data/reviews.hpp"
#include "slalom/data/texts.hpp"
#include "slalom/text/unicode.hpp"
#include "slalom/text/word_pieces.hpp"

namespace slalom {

std::vector<int> agreement(const AttendedReview& review) {
  std::vector<int> counts(review.words.size());
  for (const auto& marks : review.marks)
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += marks[i];
  return counts;
}

std::vector<std::uint8_t> consensus(const AttendedReview& review) {
  std::vector<std::uint8_t> all;
  for (const int count : agreement(review)) all.push_back(std::cmp_equal(count, review.marks.size()));
  return all;
}

std::string numbered_id(const std::string& subset, std::size_t number) {
  const std::string digits = std::to_string(number);
  return subset + "-" + std::string(4 - std::min<std::size_t>(4, digits.size()), '0') + digits;
}

namespace {

std::string shown(std::string_view found) {
  return json_string(found.substr(0, 40));
}

void check(const AttendedReview& review, const std::string& where) {
  if (review.words.empty()) throw Error(where + ": found no words, wanted one or more");
  if (review.marks.empty()) throw Error(where + ": found no annotators, wanted one or more");
  for (const std::string& word : review.words) {
    require_utf8(word, where + ": words");
    const auto cut = split_words(word, {WordSplit::white_space});
    if (cut.size() != 1 || cut[0].end - cut[0].begin != word.size())
      throw Error(where + ": found the word " + shown(word) + ", wanted one without white space");
  }
  for (const auto& marks : review.marks)
    if (marks.size() != review.words.size())
      throw Error(concat(where, ": found ", marks.size(), " marks of an annotator, wanted one for each of ",
                         review.words.size(), " words"));
  if (review.answers.size() != review.marks.size())
    throw Error(concat(where, ": found ", review.answers.size(), " answers, wanted one for each of ",
                       review.marks.size(), " annotators"));
  for (const std::string& answer : review.answers)
    if (answer != "yes" && answer != "no" && answer != "idk" && !answer.empty())
      throw Error(where + ": found the answer " + shown(answer) + ", wanted yes, no, idk or nothing");
}

// JSON lines

std::vector<std::string> strings(const Json& object, const char* field, const std::string& where) {
  std::vector<std::string> list;
  for (const Json& item : require_array(object, field, where)) {
    if (!item.is_string())
      throw Error(concat(where, ": field \"", field, "\": found ", shown_value(item), ", wanted strings"));
    list.push_back(item.get<std::string>());
  }
  return list;
}

std::vector<std::uint8_t> json_marks(const Json& vector, const std::string& where) {
  std::vector<std::uint8_t> marks;
  if (!vector.is_array())
    throw Error(concat(where, ": field \"attention\": found ", shown_value(vector), ", wanted arrays"));
  for (const Json& item : vector) {
    if (item != 0 && item != 1)
      throw Error(concat(where, ": field \"attention\": found ", shown_value(item), ", wanted 0 or 1"));
    marks.push_back(item.get<std::uint8_t>());
  }
  return marks;
}

AttendedReview of_json(const Json& object, const std::string& where) {
  AttendedReview review;
  review.id = require_string(object, "id", where);
  review.subset = require_string(object, "subset", where);
  review.label = static_cast<int>(require_integer(object, "label", where, 0, 1));
  review.words = strings(object, "tokens", where);
  review.answers = strings(object, "answers", where);
  for (const Json& vector : require_array(object, "attention", where))
    review.marks.push_back(json_marks(vector, where));
  return review;
}

// TSV

AttendedReview of_tsv(const std::string& line, const std::string& where) {
  constexpr std::size_t kFields = 8, kFirstMarks = 4, kAnswers = 7;
  const std::vector<std::string> fields = split(line, '\t');
  if (fields.size() != kFields)
    throw Error(concat(where, ": found ", fields.size(), " fields, wanted ", kFields,
                       ": id, subset, label, words, three of marks, answers"));
  AttendedReview review{.id = fields[0], .subset = fields[1], .words = split(fields[3], ' ')};
  review.label = sentiment_label(fields[2], "0", "1", where);
  for (std::size_t f = kFirstMarks; f < kAnswers; ++f) {
    if (fields[f].find_first_not_of("01") != std::string::npos)
      throw Error(where + ": marks: found " + shown(fields[f]) + ", wanted digits 0 and 1");
    auto& marks = review.marks.emplace_back();
    for (const char digit : fields[f]) marks.push_back(static_cast<std::uint8_t>(digit - '0'));
  }
  review.answers = split(fields[kAnswers], ',');
  std::ranges::replace(review.answers, "-", "");
  return review;
}

}  // namespace

std::vector<AttendedReview> read_human_attention(const std::string& path) {
  std::vector<AttendedReview> reviews;
  const auto add = [&](AttendedReview review, const std::string& where) {
    check(review, where);
    reviews.push_back(std::move(review));
  };
  if (path.ends_with(".tsv") || path.ends_with(".tsv.gz")) {
    LineReader lines(path);
    for (std::string line; lines.next(line);) add(of_tsv(line, lines.where()), lines.where());
  } else {
    RowObjects objects(path, RowFormat::jsonl);
    for (Json object; objects.next(object);) add(of_json(object, objects.where()), objects.where());
  }
  if (reviews.empty()) throw Error(path + ": found no review, wanted one or more");
  return reviews;
}

// The published files

namespace {

/// The character of "#8217", "#xE9" or a name that browsers write; nothing for others.
std::optional<char32_t> character_of(std::string_view entity) {
  static constexpr std::array<std::pair<std::string_view, char32_t>, 6> kNames = {
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xA0}}};
  for (const auto& [name, character] : kNames)
    if (entity == name) return character;
  if (!entity.starts_with('#')) return std::nullopt;
  const bool hexadecimal = entity.starts_with("#x");
  entity.remove_prefix(hexadecimal ? 2 : 1);
  std::uint32_t code = 0;
  const char* const end = entity.data() + entity.size();
  if (std::from_chars(entity.data(), end, code, hexadecimal ? 16 : 10).ptr != end) return std::nullopt;
  const bool character = code > 0 && code < 0x110000 && (code < 0xD800 || code >= 0xE000);
  return character ? std::optional<char32_t>(code) : std::nullopt;
}

/// HTML's text without entities; a "&" that begins none stands for itself.
std::string without_entities(std::string_view html) {
  std::string out;
  while (!html.empty()) {
    const std::size_t plain = std::min(html.find('&'), html.size()), end = html.find(';', plain);
    out += html.substr(0, plain);
    std::optional<char32_t> character;
    if (end != std::string_view::npos) character = character_of(html.substr(plain + 1, end - plain - 1));
    if (character)
      append_utf8(*character, out);
    else
      out += html.substr(plain, 1);
    html.remove_prefix(character ? end + 1 : std::min(plain + 1, html.size()));
  }
  return out;
}

/// Reads "<span>word</span> <span class="active">word</span> …"; the last span may be empty.
void read_spans(std::string_view html, std::vector<std::string>& words, std::vector<std::uint8_t>& marks,
                const std::string& where) {
  constexpr std::string_view kEnd = "</span>";
  for (;;) {
    html.remove_prefix(std::min(html.find_first_not_of(" \r\n"), html.size()));
    if (html.empty()) break;
    std::optional<std::uint8_t> mark;
    for (const auto& [begin, marked] : {std::pair<std::string_view, std::uint8_t>{"<span>", 0},
                                        {"<span class=\"\">", 0},
                                        {"<span class=\"active\">", 1}})
      if (html.starts_with(begin)) {
        mark = marked;
        html.remove_prefix(begin.size());
        break;
      }
    const std::size_t end = html.find('<');
    if (!mark || end == std::string_view::npos || !html.substr(end).starts_with(kEnd))
      throw Error(where + ": Answer.html_output: found " + shown(html) +
                  ", wanted <span>word</span> or <span class=\"active\">word</span>");
    words.push_back(without_entities(html.substr(0, end)));
    marks.push_back(*mark);
    html.remove_prefix(end + kEnd.size());
  }
  if (!words.empty() && words.back().empty()) {
    words.pop_back();
    marks.pop_back();
  }
}

std::vector<std::string> words_of(const std::string& review) {
  std::vector<std::string> words;
  for (const WordRange& word : split_words(review, {WordSplit::white_space}))
    words.push_back(review.substr(word.begin, word.end - word.begin));
  return words;
}

}  // namespace

std::vector<AttendedReview> read_human_attention_csv(const std::string& path, const std::string& subset) {
  const std::vector<std::string> header = {"Input.label", "Input.text", "Answer.Q1Answer",
                                           "Answer.html_output"};
  CsvReader reader(path);
  std::vector<std::string> fields;
  if (!reader.next(fields) || fields != header)
    throw Error(
        concat(path, ": line 1: found ", shown(listed(fields)), ", wanted the header ", listed(header)));
  std::vector<AttendedReview> reviews;
  std::map<std::pair<std::string, int>, std::size_t> places;  // of a text and its label
  while (reader.next(fields)) {
    const std::string where = reader.where();
    if (fields.size() != header.size())
      throw Error(concat(where, ": found ", fields.size(), " fields, wanted ", header.size()));
    for (const std::string& field : fields) require_utf8(field, where);
    const int label = sentiment_label(fields[0], "0", "1", where);
    const auto [place, is_new] = places.try_emplace({fields[1], label}, reviews.size());
    if (is_new)
      reviews.push_back({numbered_id(subset, reviews.size()), subset, label, words_of(fields[1]), {}, {}});
    AttendedReview& review = reviews[place->second];
    std::vector<std::string> words;
    read_spans(fields[3], words, review.marks.emplace_back(), where);
    review.answers.push_back(fields[2]);
    check(review, where);
    const auto [found, wanted] = std::ranges::mismatch(words, review.words);
    if (found != words.end())
      throw Error(where + ": Answer.html_output: found the word " + shown(*found) +
                  ", wanted that of Input.text, " + shown(*wanted));
  }
  if (reviews.empty()) throw Error(path + ": found no review, wanted one or more");
  return reviews;
}

}  // namespace slalom
