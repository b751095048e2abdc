// Tables of a page.
#include <algorithm>
#include <cmath>

#include "slalom/base/correlation.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/characters.hpp"
#include "slalom/report/page_parts.hpp"
#include "slalom/report/wording.hpp"

namespace slalom {

namespace {

constexpr std::size_t kShownPositions = 4, kTallTable = 14;
constexpr std::size_t kPaperRows = 30;  // as the style has it

std::string in_box(const std::string& table, const std::string& label, bool tall = false) {
  return concat("<div class=\"scroll", tall ? " tall" : "", "\" tabindex=\"0\" role=\"region\" aria-label=\"",
                escaped(label), "\">\n", table, "</div>\n");
}

std::string column_head(const std::string& name, const char* attributes = "") {
  return concat("<th scope=\"col\"", attributes, ">", escaped(name), "</th>");
}

// A number as it is shown, and in full for sorting.
std::string number_cell(double x, const std::string& shown, bool faint = false) {
  return concat("<td", faint ? " class=\"faint\"" : "", " data-v=\"", std::isfinite(x) ? shortest(x) : "",
                "\">", shown, "</td>");
}

std::string positions_cell(const DistinctToken& token) {
  std::string list;
  for (std::size_t k = 0; k < std::min(kShownPositions, token.positions.size()); ++k)
    list += concat(k == 0 ? "" : ", ", token.positions[k] + 1);
  if (token.positions.size() > kShownPositions) list += ", …";
  return concat("<td data-v=\"", token.first, "\">", list, "</td>");
}

std::string token_row(const ReportedText& t, const ReportedExplanation& e, const DistinctToken& token,
                      bool with_pieces, const std::vector<int>& decimals) {
  const ReportedToken& named = t.tokens[static_cast<std::size_t>(token.first)];
  std::string row = concat("<tr><th scope=\"row\" class=\"token\">", escaped(token_name(named)), "</th>");
  if (with_pieces)
    row +=
        concat("<td class=\"token left\">", named.piece == named.text ? "" : escaped(named.piece), "</td>");
  row += concat("<td data-v=\"", token.positions.size(), "\">", token.positions.size(), "</td>",
                positions_cell(token));
  for (std::size_t c = 0; c < e.columns.size(); ++c) {
    const double score = e.columns[c].second[static_cast<std::size_t>(token.first)];
    row += number_cell(score, score_text(e.columns[c].first, score, decimals[c]),
                       is_uncertain(e, e.columns[c].first, token.first));
  }
  return row + "</tr>\n";
}

std::string meanings(const ReportedText& t, const ReportedExplanation& e) {
  std::string out = "<p class=\"note\">";
  for (const auto& [name, scores] : e.columns) {
    const ScoreMeaning m = score_meaning(name, t.target);
    out += concat("<b>", escaped(m.label), "</b>: ", escaped(m.meaning), ". ");
  }
  return out + "Positions count all tokens from 1, special ones included.</p>\n";
}

}  // namespace

std::string token_table(const ReportedText& t, const ReportedExplanation& e) {
  const std::vector<DistinctToken> tokens = distinct_tokens(t, e);
  const bool with_pieces = std::ranges::any_of(
      t.tokens, [](const ReportedToken& token) { return !token.special && token.piece != token.text; });
  std::string table =
      concat("<table class=\"sortable\"><caption>Tokens from the strongest |",
             escaped(score_meaning(e.ranking, t.target).label),
             "| to the weakest; equal tokens with equal scores share a row.</caption>\n<thead><tr>",
             column_head("token", " data-first=\"ascending\""));
  if (with_pieces) table += column_head("in the vocabulary", " class=\"left\" data-first=\"ascending\"");
  table += column_head("times") + column_head("position", " data-first=\"ascending\"");
  std::vector<int> decimals;
  for (const auto& [name, scores] : e.columns) {
    table += column_head(score_meaning(name, t.target).label);
    decimals.push_back(score_decimals(scores));
  }
  table += "</tr></thead>\n<tbody>\n";
  for (const DistinctToken& token : tokens) table += token_row(t, e, token, with_pieces, decimals);
  return in_box(table + "</tbody></table>\n", "Scores of the tokens, " + e.explanation.method,
                tokens.size() > kTallTable) +
         (tokens.size() > kPaperRows ? concat("<p class=\"note paper\">The first ", kPaperRows, " of ",
                                              tokens.size(), " rows; the page on a screen has all.</p>\n")
                                     : "") +
         meanings(t, e);
}

namespace {

std::string method_row(const Explanation& e) {
  std::string row = concat("<tr><th scope=\"row\">", escaped(e.method), "</th>");
  if (e.fidelity)
    row += number_cell(e.fidelity->r2, r2_text(e.fidelity->r2)) +
           number_cell(e.fidelity->r2_scores, r2_text(e.fidelity->r2_scores)) +
           number_cell(e.fidelity->mse, plain_number(std::sqrt(e.fidelity->mse))) +
           number_cell(static_cast<double>(e.fidelity->n), count_text(e.fidelity->n));
  else
    for (int missing = 0; missing < 4; ++missing) row += "<td data-v=\"\">–</td>";
  row += concat("<td class=\"left\">", trust_word(trust(e)), "</td>");
  for (const Index n : {e.cost.queries, e.cost.unique_queries, e.cost.token_forwards})
    row += number_cell(static_cast<double>(n), count_text(n));
  return row + number_cell(e.seconds, plain_number(e.seconds, 2)) + "</tr>\n";
}

std::string fidelity_table(const ReportedText& t) {
  std::string table =
      "<table class=\"sortable\"><caption>How well each method predicts the model's answers to deletions of "
      "this text, and what it asked.</caption>\n<thead><tr>";
  table += column_head("method", " data-first=\"ascending\"") + column_head("R²") +
           column_head("scores alone") + column_head("error, nats", " data-first=\"ascending\"") +
           column_head("deletions") + column_head("predicts", " class=\"left\" data-first=\"ascending\"");
  for (const char* name : {"queries", "different", "token-forwards", "seconds"})
    table += column_head(name, " data-first=\"ascending\"");
  table += "</tr></thead>\n<tbody>\n";
  for (const ReportedExplanation& e : t.explanations) table += method_row(e.explanation);
  return in_box(table + "</tbody></table>\n", "Fidelity and cost of the methods") +
         "<p class=\"note\">Scores alone: R² without what a calibration or position effects add to them. "
         "Error: "
         "root mean squared, in nats of log-odds.</p>\n";
}

double agreement(const ReportedExplanation& a, const ReportedExplanation& b) {
  const std::vector<double>&x = a.ranking_scores(), &y = b.ranking_scores();
  std::vector<double> both_x, both_y;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::isfinite(x[i]) && std::isfinite(y[i])) both_x.push_back(x[i]), both_y.push_back(y[i]);
  return spearman(both_x, both_y);
}

std::string agreement_table(const ReportedText& t) {
  std::string table =
      "<table><caption>Spearman rank correlation between the methods' scores of the tokens: 1 is the same "
      "order, 0 none, −1 the reverse.</caption>\n<thead><tr><td></td>";
  for (const ReportedExplanation& e : t.explanations) table += column_head(e.explanation.method);
  table += "</tr></thead>\n<tbody>\n";
  for (const ReportedExplanation& a : t.explanations) {
    table +=
        concat("<tr><th scope=\"row\">", escaped(a.explanation.method), " (", escaped(a.ranking), ")</th>");
    for (const ReportedExplanation& b : t.explanations)
      table += concat("<td>", r2_text(agreement(a, b)), "</td>");
    table += "</tr>\n";
  }
  return in_box(table + "</tbody></table>\n", "Rank agreement of the methods");
}

std::string name_value_table(const std::string& caption, const char* value_class,
                             const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string table = concat("<table><caption>", caption, "</caption>\n<tbody>\n");
  for (const auto& [name, value] : rows)
    table += concat("<tr><th scope=\"row\">", escaped(name), "</th><td", value_class, ">", escaped(value),
                    "</td></tr>\n");
  return in_box(table + "</tbody></table>\n", caption);
}

}  // namespace

std::string method_comparison(const ReportedText& t) {
  return "<h3>The methods compared</h3>\n" + fidelity_table(t) + agreement_table(t);
}

std::string check_table(const Explanation& e) {
  if (e.checks.empty()) return {};
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [name, value] : e.checks) rows.emplace_back(name, plain_number(value, 6));
  return concat("<details><summary>Checks (", rows.size(), ")</summary>\n",
                name_value_table("Numbers that the method reports about itself", "", rows), "</details>\n");
}

std::string parameter_table(const std::vector<std::pair<std::string, std::string>>& parameters) {
  if (parameters.empty()) return {};
  return "<h3>Parameters</h3>\n" +
         name_value_table("What the explanations were made from", " class=\"left\"", parameters);
}

}  // namespace slalom
