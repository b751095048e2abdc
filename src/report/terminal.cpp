#include "slalom/report/terminal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "slalom/base/error.hpp"
#include "slalom/report/explanation_text.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

namespace {

constexpr Index kNarrowest = 40, kLongestToken = 20;

// Backgrounds under black letters, from weak to strong; luminance falls along both, so that strength can be
// seen without telling the colours apart.
constexpr std::array<int, 4> kFor = {223, 216, 208, 202}, kAgainst = {153, 117, 75, 33};

std::string codes(const TextRun& run) {
  std::string out;
  if (const double size = std::abs(run.shade); size >= 0.08) {
    const double level = std::max(1.0, std::ceil(size * 4 - 0.32));
    out += concat(";38;5;16;48;5;", (run.shade > 0 ? kFor : kAgainst)[static_cast<std::size_t>(level) - 1]);
  }
  return out + (run.strong ? ";1;4" : "") + (run.uncertain || run.is_mark ? ";2" : "");
}

Index width_of(const TerminalStyle& style) {
  return std::max(style.width, kNarrowest);
}

// A sentence of our own around words of the text's.
std::string paragraph(const std::string& words, const TerminalStyle& style) {
  const std::u32string all = code_points(visible(words));
  std::string out;
  for (const auto& [begin, end] : lines_of(all, width_of(style)))
    out += utf8_of(all.substr(begin, end - begin)) + '\n';
  return out;
}

std::string coloured_text(const ReportedText& t, const ReportedExplanation& e, const TerminalStyle& style) {
  std::string out;
  for (const auto& line : running_text(t, e, width_of(style), style.show_special, !style.colour)) {
    std::string now;
    const auto change_to = [&](const std::string& look) {
      if (style.colour && look != now) out += concat("\x1b[0", now = look, "m");
    };
    for (const TextRun& run : line) {
      change_to(codes(run));
      out += run.text;
    }
    change_to("");
    out += '\n';
  }
  return out;
}

std::string legend(const ReportedText& t, const ReportedExplanation& e, const TerminalStyle& style) {
  return paragraph(style.colour ? colour_sentence(t, e, "Orange, +", "blue, −") +
                                      " Underlined, with its number: the strongest."
                                : colour_sentence(t, e, "+", "−") +
                                      " With a number: the strongest; with a sign: a quarter of "
                                      "the largest or more.",
                   style);
}

Index widest_line(const std::string& text) {
  Index widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, terminal_columns(line));
  return widest;
}

// As many columns of scores as fit, and the first one.
std::string top_table(const ReportedText& t, const ReportedExplanation& e, const TerminalStyle& style) {
  std::vector<DistinctToken> rows = distinct_tokens(t, e);
  const Index all = std::ssize(rows), shown = std::clamp<Index>(style.top, 0, all);
  rows.resize(static_cast<std::size_t>(shown));
  std::vector<std::string> columns = score_columns(e);
  ScoreTable scores = score_table(t, e, rows, columns, kLongestToken);
  while (columns.size() > 1 && widest_line(scores.table.text()) > width_of(style)) {
    columns.pop_back();
    scores = score_table(t, e, rows, columns, kLongestToken);
  }
  std::string out = scores.table.text();
  if (scores.uncertain) out += "(number): less than its standard error\n";
  if (all > shown) out += concat("(", shown, " of ", all, ")\n");
  return out;
}

std::string closing_lines(const ReportedText& t, const ReportedExplanation& e, const TerminalStyle& style) {
  std::string out;
  for (const std::string& flip : e.flip_sentences) out += paragraph("flip by " + flip, style);
  if (const std::string background = background_sentence(e); !background.empty())
    out += paragraph(background, style);
  out += paragraph("fidelity: " + fidelity_sentence(t, e), style);
  if (!e.fit.empty()) out += paragraph("fit: " + e.fit, style);
  out += paragraph("cost: " + cost_sentence(e), style);
  for (const std::string& warning : e.warnings) out += paragraph("warning: " + warning, style);
  return out;
}

}  // namespace

std::string terminal_view(const ReportedText& t, const TerminalStyle& style) {
  std::string out = paragraph((t.id.empty() ? "" : t.id + ": ") + target_sentence(t), style);
  for (const ReportedExplanation& e : t.explanations) {
    out += '\n' + paragraph(e.method, style) + '\n';
    out += coloured_text(t, e, style) + '\n';
    out += legend(t, e, style) + '\n';
    out += top_table(t, e, style) + '\n';
    out += closing_lines(t, e, style);
  }
  return out;
}

}  // namespace slalom
