#include "slalom/report/terminal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "slalom/base/error.hpp"
#include "slalom/report/characters.hpp"
#include "slalom/report/wording.hpp"

namespace slalom {

namespace {

constexpr Index kNarrowest = 40, kLongestToken = 20;
constexpr double kMarkedShade = 0.25;  // of the largest score: a sign where there is no colour

// Backgrounds under black letters, from weak to strong; luminance falls along both, so that strength can be
// seen without telling the colours apart.
constexpr std::array<int, 4> kFor = {223, 216, 208, 202}, kAgainst = {153, 117, 75, 33};

struct Look {
  int level = 0;  // −4 … 4, 0: plain
  bool underlined = false, faint = false;
  bool operator==(const Look&) const = default;
};

struct Cell {
  char32_t character;
  Look look;
};

int level(double shade) {
  const int size = static_cast<int>(std::ceil(std::abs(shade) * 4 - 0.32));
  return std::abs(shade) < 0.08 ? 0 : std::max(size, 1) * (shade > 0 ? 1 : -1);
}

std::string codes(const Look& look) {
  std::string out = "\x1b[0";
  if (look.level != 0) {
    const auto& palette = look.level > 0 ? kFor : kAgainst;
    out += concat(";38;5;16;48;5;", palette[static_cast<std::size_t>(std::abs(look.level) - 1)]);
  }
  if (look.underlined) out += ";1;4";
  if (look.faint) out += ";2";
  return out + "m";
}

class Paragraph {
 public:
  explicit Paragraph(const TerminalStyle& style)
      : colour_(style.colour), width_(std::max(style.width, kNarrowest)) {}

  void add(const std::string& visible_text, Look look = {}) {
    for (const char32_t c : code_points(visible_text)) cells_.push_back({c, look});
  }

  /// The cells in lines of at most the width, broken at spaces where there are any. The space at which a line
  /// is broken goes; a line end stays a line end.
  std::string lines() const {
    std::string out;
    for (std::size_t begin = 0; begin < cells_.size();) {
      const std::size_t end = line_end(begin);
      append_line(out, begin, end);
      begin = end;
      if (begin < cells_.size() && (cells_[begin].character == ' ' || cells_[begin].character == '\n'))
        ++begin;
    }
    return out;
  }

 private:
  std::size_t line_end(std::size_t begin) const {
    std::size_t at = begin, space = begin;
    for (Index used = 0; at < cells_.size() && cells_[at].character != '\n'; ++at) {
      if (cells_[at].character == ' ') space = at;
      used += terminal_columns(cells_[at].character);
      if (used > width_) return space > begin ? space : std::max(at, begin + 1);
    }
    return at;
  }

  void append_line(std::string& out, std::size_t begin, std::size_t end) const {
    while (end > begin && cells_[end - 1].character == ' ') --end;
    Look now;
    for (std::size_t i = begin; i < end; ++i) {
      if (colour_ && cells_[i].look != now) out += codes(now = cells_[i].look);
      append_utf8(out, cells_[i].character);
    }
    if (now != Look{}) out += codes({});
    out += '\n';
  }

  bool colour_;
  Index width_;
  std::vector<Cell> cells_;
};

// A sentence of our own around words of the text's.
std::string paragraph(const std::string& words, const TerminalStyle& style) {
  Paragraph out(style);
  out.add(visible(words));
  return out.lines();
}

std::string mark(double shade, bool strong, double score, int decimals, bool colour) {
  if (strong) return concat("[", signed_number(score, decimals), "]");
  if (colour || std::abs(shade) < kMarkedShade) return {};
  return shade > 0 ? "[+]" : "[−]";
}

std::string running_text(const ReportedText& t, const ReportedExplanation& e, const TerminalStyle& style) {
  const std::vector<double>& scores = e.ranking_scores();
  const std::vector<double> shade = shades(e);
  const std::vector<bool> strong = strongest(e);
  const int decimals = score_decimals(scores);
  Paragraph out(style);
  for (const ShownToken& shown : shown_tokens(t, style.show_special)) {
    const auto i = static_cast<std::size_t>(shown.token);
    if (shown.new_part) out.add("\n");
    out.add(visible(shown.before, true));
    out.add(visible(shown.text, true), {level(shade[i]), strong[i], is_uncertain(e, e.ranking, shown.token)});
    out.add(mark(shade[i], strong[i], scores[i], decimals, style.colour), {0, false, true});
  }
  return out.lines();
}

std::string legend(const ReportedText& t, const ReportedExplanation& e, const TerminalStyle& style) {
  const ScoreMeaning m = score_meaning(e.ranking, t.target);
  const char* plus = style.colour ? "orange, +: " : "+: ";
  const char* minus = style.colour ? "blue, −: " : "−: ";
  const char* marks = style.colour
                          ? ". Underlined, with its number: the strongest"
                          : ". With a number: the strongest; with a sign: a quarter of the largest or more";
  return paragraph(concat(m.label, " (", m.meaning, "); ", plus, m.positive, "; ", minus, m.negative, marks),
                   style);
}

std::string padded(const std::string& cell, Index width, bool right) {
  const std::string space(static_cast<std::size_t>(std::max(Index{0}, width - terminal_columns(cell))), ' ');
  return right ? space + cell : cell + space;
}

// Every column fits by itself, the first one being always there.
struct ScoreColumn {
  std::string header;
  std::vector<std::string> cells;
  Index width = 0;
};

ScoreColumn score_column(const std::string& name, const ReportedExplanation& e,
                         const std::vector<DistinctToken>& rows) {
  const std::vector<double>& scores = e.column(name);
  ScoreColumn out{score_meaning(name, "").label, {}, 0};
  const int decimals = score_decimals(scores);
  out.width = terminal_columns(out.header);
  for (const DistinctToken& row : rows) {
    const double score = scores[static_cast<std::size_t>(row.first)];
    const std::string number = score_text(name, score, decimals);
    out.cells.push_back(is_uncertain(e, name, row.first) ? concat("(", number, ")") : number);
    out.width = std::max(out.width, terminal_columns(out.cells.back()));
  }
  return out;
}

std::vector<ScoreColumn> fitting_columns(const ReportedExplanation& e, const std::vector<DistinctToken>& rows,
                                         Index room) {
  std::vector<std::string> names = {e.ranking};
  for (const auto& [name, scores] : e.columns)
    if (name != e.ranking) names.push_back(name);
  std::vector<ScoreColumn> out;
  for (const std::string& name : names) {
    ScoreColumn next = score_column(name, e, rows);
    room -= next.width + 2;
    if (room < 0 && !out.empty()) break;
    out.push_back(std::move(next));
  }
  return out;
}

std::string token_cell(const ReportedText& t, const DistinctToken& row) {
  std::string name = token_name(t.tokens[static_cast<std::size_t>(row.first)]);
  while (terminal_columns(name) > kLongestToken) name = shortened(name, std::ssize(code_points(name)) - 1);
  if (row.positions.size() > 1) name += concat(" ×", row.positions.size());
  return name;
}

std::string top_table(const ReportedText& t, const ReportedExplanation& e, const TerminalStyle& style) {
  std::vector<DistinctToken> rows = distinct_tokens(t, e);
  const std::size_t all = rows.size();
  if (std::ssize(rows) > style.top) rows.resize(static_cast<std::size_t>(std::max(style.top, Index{0})));
  std::vector<std::string> tokens;
  Index width = 5;
  for (const DistinctToken& row : rows) {
    tokens.push_back(token_cell(t, row));
    width = std::max(width, terminal_columns(tokens.back()));
  }
  const std::vector<ScoreColumn> columns =
      fitting_columns(e, rows, std::max(style.width, kNarrowest) - width);
  std::string out = padded("token", width, false);
  for (const ScoreColumn& c : columns) out += "  " + padded(c.header, c.width, true);
  out += '\n';
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out += padded(tokens[i], width, false);
    for (const ScoreColumn& c : columns) out += "  " + padded(c.cells[i], c.width, true);
    out += '\n';
  }
  const bool uncertain = out.find("  (") != std::string::npos;
  if (uncertain) out += "(number): less than its standard error\n";
  if (all > rows.size()) out += concat("(", rows.size(), " of ", all, ")\n");
  return out;
}

std::string closing_lines(const ReportedExplanation& reported, const TerminalStyle& style) {
  const Explanation& e = reported.explanation;
  std::string out;
  for (const std::string& flip : reported.flips) out += paragraph("flip by " + flip, style);
  if (const std::string background = background_sentence(e); !background.empty())
    out += paragraph(background, style);
  const std::string numbers = fidelity_numbers(e);
  out +=
      paragraph(concat("fidelity: ", numbers, numbers.empty() ? "" : ": ", trust_sentence(trust(e))), style);
  if (!e.fit.empty()) out += paragraph("fit: " + e.fit, style);
  out += paragraph("cost: " + cost_sentence(e), style);
  for (const std::string& warning : e.warnings) out += paragraph("warning: " + warning, style);
  return out;
}

}  // namespace

std::string terminal_view(const ReportedText& t, const TerminalStyle& style) {
  check(t);
  std::string out = paragraph((t.id.empty() ? "" : t.id + ": ") + target_sentence(t), style);
  for (const ReportedExplanation& e : t.explanations) {
    out += '\n' + paragraph(e.explanation.method, style) + '\n';
    out += running_text(t, e, style) + '\n';
    out += legend(t, e, style) + '\n';
    out += top_table(t, e, style) + '\n';
    out += closing_lines(e, style);
  }
  return out;
}

}  // namespace slalom
