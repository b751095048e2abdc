#include "slalom/report/reported_text.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

namespace {

std::size_t part_of(const ReportedToken& token) {
  return token.part == 1 ? 1 : 0;
}

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// A token whose bytes are known and were not shown before, as one byte sequence can be several tokens.
bool readable_in_place(const ReportedText& t, const ReportedToken& token, Index shown_to) {
  return token.bytes && !t.text[part_of(token)].empty() && token.bytes->first >= shown_to &&
         token.bytes->second > token.bytes->first;
}

bool continues_word(const ReportedToken& token) {
  return token.piece.size() > 2 && token.piece.starts_with("##") && !token.text.starts_with("##");
}

// Byte-level vocabularies write the space before a word into its first token.
bool tokens_bring_spaces(const ReportedText& t) {
  return std::ranges::any_of(t.tokens, [](const ReportedToken& token) {
    return !token.text.empty() && !token.special && is_space(token.text[0]);
  });
}

void move_leading_space(ShownToken& shown) {
  std::size_t n = 0;
  while (n < shown.text.size() && is_space(shown.text[n])) ++n;
  const std::string space = shown.text.substr(0, n);
  shown.before += space;
  shown.text.erase(0, n);
  if (shown.text.empty()) shown.text = space.find('\n') != std::string::npos ? "↵" : "␣";
}

}  // namespace

std::vector<ShownToken> shown_tokens(const ReportedText& t, bool show_special) {
  const bool spaced = tokens_bring_spaces(t);
  std::vector<ShownToken> all;
  std::optional<Index> shown_to[2];  // bytes of each text; it is shown from its first token on
  for (std::size_t i = 0; i < t.tokens.size(); ++i) {
    const ReportedToken& token = t.tokens[i];
    const std::size_t part = part_of(token);
    const bool in_place = readable_in_place(t, token, shown_to[part].value_or(0));
    if (token.special && !in_place && !show_special) continue;
    ShownToken shown{static_cast<Index>(i), "", token.text, false};
    shown.new_part =
        !all.empty() && part_of(t.tokens[static_cast<std::size_t>(all.back().token)]) != part && part == 1;
    if (in_place) {
      const auto begin = static_cast<std::size_t>(token.bytes->first);
      const auto end = static_cast<std::size_t>(token.bytes->second);
      const auto from = static_cast<std::size_t>(shown_to[part].value_or(token.bytes->first));
      shown.before = t.text[part].substr(from, begin - from);
      shown.text = t.text[part].substr(begin, end - begin);
      shown_to[part] = token.bytes->second;
    } else if (!all.empty() && !token.bytes && !spaced && !continues_word(token)) {
      shown.before = " ";
    } else if (token.special) {
      shown.before = " ";
    }
    move_leading_space(shown);
    all.push_back(std::move(shown));
  }
  return all;
}

namespace {

double absolute(double score) {
  return std::isfinite(score) ? std::abs(score) : -1;
}

// Up to rounding.
bool same(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b)) + 1e-12;
}

bool indistinct(const ReportedText& t, const ReportedExplanation& e, std::size_t i, std::size_t j) {
  return t.tokens[i].ids == t.tokens[j].ids && t.tokens[i].text == t.tokens[j].text &&
         std::ranges::all_of(e.columns,
                             [&](const auto& column) { return same(column.second[i], column.second[j]); });
}

// Positions from the largest absolute score to the smallest, equal ones in order.
std::vector<std::size_t> by_size(const std::vector<double>& scores) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return absolute(scores[i]); });
  return order;
}

}  // namespace

std::vector<DistinctToken> distinct_tokens(const ReportedText& t, const ReportedExplanation& e) {
  std::vector<DistinctToken> all;
  for (const std::size_t i : by_size(shades(e))) {
    if (absolute(e.ranking_scores()[i]) < 0) continue;
    const auto known = std::ranges::find_if(
        all, [&](const DistinctToken& d) { return indistinct(t, e, static_cast<std::size_t>(d.first), i); });
    if (known == all.end())
      all.push_back({static_cast<Index>(i), {static_cast<Index>(i)}});
    else
      known->positions.push_back(static_cast<Index>(i));
  }
  for (DistinctToken& token : all) {
    std::ranges::sort(token.positions);
    token.first = token.positions.front();
  }
  return all;
}

std::string error_column(const std::string& column) {
  return column == "weight" ? "standard_error" : column + "_se";
}

bool is_uncertain(const ReportedExplanation& e, const std::string& column, Index token) {
  const std::vector<double>* errors = e.find(error_column(column));
  const auto i = static_cast<std::size_t>(token);
  return errors != nullptr && (*errors)[i] > std::abs(e.column(column)[i]);
}

double largest_score(const ReportedExplanation& e) {
  double largest = 0;
  for (const double score : e.ranking_scores()) largest = std::max(largest, absolute(score));
  return largest;
}

std::vector<double> shades(const ReportedExplanation& e) {
  std::vector<double> all = e.ranking_scores();
  const double largest = largest_score(e);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = absolute(all[i]) < 0 || largest == 0
                 ? 0
                 : all[i] / largest * (is_uncertain(e, e.ranking, static_cast<Index>(i)) ? 0.25 : 1);
  return all;
}

std::vector<bool> strongest(const ReportedExplanation& e) {
  const std::vector<double> shade = shades(e);
  const std::size_t most = std::min<std::size_t>(16, 4 + shade.size() / 12);
  std::vector<bool> marked(shade.size(), false);
  const std::vector<std::size_t> order = by_size(shade);
  for (std::size_t k = 0; k < std::min(most, order.size()); ++k)
    marked[order[k]] = std::abs(shade[order[k]]) >= 1.0 / 3;
  return marked;
}

namespace {

constexpr double kSignedShade = 0.25;  // of the largest score

// What the line breaks of the whole text leave of it, character by character.
std::vector<TextRun> runs_of(const std::u32string& text, const std::vector<const TextRun*>& of_character,
                             std::size_t begin, std::size_t end) {
  std::vector<TextRun> line;
  for (std::size_t i = begin; i < end; ++i) {
    if (i == begin || of_character[i] != of_character[i - 1]) {
      line.push_back(*of_character[i]);
      line.back().text.clear();
    }
    line.back().text += utf8_of({&text[i], 1});
  }
  return line;
}

}  // namespace

std::vector<std::vector<TextRun>> running_text(const ReportedText& t, const ReportedExplanation& e,
                                               Index columns, bool show_special, bool signs) {
  const std::vector<double>& scores = e.ranking_scores();
  const std::vector<double> shade = shades(e);
  const std::vector<bool> strong = strongest(e);
  std::vector<TextRun> whole;
  for (const ShownToken& shown : shown_tokens(t, show_special)) {
    const auto i = static_cast<std::size_t>(shown.token);
    whole.push_back({.text = (shown.new_part ? "\n" : "") + visible(shown.before, true)});
    whole.push_back({shown.token, false, shade[i], strong[i], is_uncertain(e, e.ranking, shown.token),
                     visible(shown.text, true)});
    if (strong[i])
      whole.push_back({.token = shown.token,
                       .is_mark = true,
                       .text = concat("[", signed_number(scores[i], score_decimals(scores)), "]")});
    else if (signs && std::abs(shade[i]) >= kSignedShade)
      whole.push_back({.token = shown.token, .is_mark = true, .text = shade[i] > 0 ? "[+]" : "[−]"});
  }
  std::u32string text;
  std::vector<const TextRun*> of_character;
  for (const TextRun& run : whole) {
    text += code_points(run.text);
    of_character.resize(text.size(), &run);
  }
  std::vector<std::vector<TextRun>> lines;
  for (const auto& [begin, end] : lines_of(text, columns))
    lines.push_back(runs_of(text, of_character, begin, end));
  return lines;
}

}  // namespace slalom
