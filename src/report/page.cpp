#include "slalom/report/page.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/correlation.hpp"
#include "slalom/base/error.hpp"
#include "slalom/report/explanation_text.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

namespace {

using enum Table::Align;

constexpr std::size_t kShownPositions = 4, kTallTable = 20;
constexpr Index kLongestToken = 60;

const char* class_of(Table::Align align) {
  return align == left ? " class=\"left\"" : "";
}

}  // namespace

std::string table_html(const Table& table, const std::string& caption, const CellHtml& cell_html) {
  std::string out = concat("<div class=\"scroll", table.rows().size() > kTallTable ? " tall" : "",
                           "\" tabindex=\"0\" role=\"region\" aria-label=\"", escaped(caption),
                           "\">\n<table><caption>", escaped(caption), "</caption>\n<thead><tr>");
  for (const Table::Column& column : table.columns())
    out += concat("<th scope=\"col\"", class_of(column.align), ">", escaped(column.header), "</th>");
  out += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows()) {
    out += concat("<tr><th scope=\"row\">", escaped(row[0]), "</th>");
    for (std::size_t i = 1; i < row.size(); ++i) {
      const Table::Align align = table.columns()[i].align;
      out += cell_html ? cell_html(row[i], align)
                       : concat("<td", class_of(align), ">", escaped(row[i]), "</td>");
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n</div>\n";
}

namespace {

std::string positions_of(const DistinctToken& token) {
  std::vector<std::string> shown;
  for (const Index position : token.positions) {
    if (shown.size() == kShownPositions) return listed(shown) + ", …";
    shown.push_back(std::to_string(position + 1));
  }
  return listed(shown);
}

}  // namespace

std::string token_table(const ReportedText& t, const ReportedExplanation& e) {
  const std::vector<DistinctToken> tokens = distinct_tokens(t, e);
  const std::vector<std::string> columns = score_columns(e);
  const ScoreTable scores = score_table(t, e, tokens, columns, kLongestToken);
  const bool spelled = std::ranges::any_of(
      t.tokens, [](const ReportedToken& token) { return !token.special && token.piece != token.text; });
  std::vector<Table::Column> heads = scores.table.columns();
  heads.insert(heads.begin() + 1, {"position", right});
  if (spelled) heads.insert(heads.begin() + 1, {"in the vocabulary"});
  Table table(heads);
  for (std::size_t k = 0; k < tokens.size(); ++k) {
    const ReportedToken& named = t.tokens[static_cast<std::size_t>(tokens[k].first)];
    std::vector<std::string> cells = scores.table.rows()[k];
    cells.insert(cells.begin() + 1, positions_of(tokens[k]));
    if (spelled) cells.insert(cells.begin() + 1, named.piece == named.text ? "" : named.piece);
    table.add_row(std::move(cells));
  }
  std::string note;
  for (const std::string& name : columns) {
    const ScoreMeaning m = score_meaning(name, t);
    note += concat("<b>", escaped(m.label), "</b>: ", escaped(m.meaning), ". ");
  }
  return concat(table_html(table, concat("Tokens from the strongest |", score_meaning(e.ranking, t).label,
                                         "| to the weakest; equal tokens with equal scores share a row.")),
                "<p class=\"note\">", note, "Positions count all tokens from 1, special ones included.",
                scores.uncertain ? " (Number): less than its standard error." : "", "</p>\n");
}

namespace {

Table fidelity_table(const ReportedText& t) {
  const std::string unit = unit_of(t);
  Table table({{"method"},
               {"R²", right},
               {"scores alone", right},
               {unit.empty() ? "error" : "error," + unit, right},
               {"deletions", right},
               {"predicts"},
               {"queries", right},
               {"different", right},
               {"token-forwards", right},
               {"seconds", right}});
  for (const ReportedExplanation& e : t.explanations) {
    std::vector<std::string> cells = {e.method, "–", "–", "–", "–"};
    if (e.fidelity)
      cells = {e.method, r2_text(e.fidelity->r2), r2_text(e.fidelity->r2_scores),
               plain_number(std::sqrt(e.fidelity->mse)), count_text(e.fidelity->n)};
    cells.insert(cells.end(),
                 {trust_word(trust(e)), count_text(e.cost.queries), count_text(e.cost.unique_queries),
                  count_text(e.cost.token_forwards), plain_number(e.seconds, 2)});
    table.add_row(std::move(cells));
  }
  return table;
}

double agreement(const ReportedExplanation& a, const ReportedExplanation& b) {
  const std::vector<double>&x = a.ranking_scores(), &y = b.ranking_scores();
  std::vector<double> both_x, both_y;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::isfinite(x[i]) && std::isfinite(y[i])) both_x.push_back(x[i]), both_y.push_back(y[i]);
  return spearman(both_x, both_y);
}

Table agreement_table(const ReportedText& t) {
  std::vector<Table::Column> heads = {{"method"}};
  for (const ReportedExplanation& e : t.explanations) heads.push_back({e.method, right});
  Table table(heads);
  for (const ReportedExplanation& a : t.explanations) {
    std::vector<std::string> cells = {concat(a.method, " (", a.ranking, ")")};
    for (const ReportedExplanation& b : t.explanations) cells.push_back(r2_text(agreement(a, b)));
    table.add_row(std::move(cells));
  }
  return table;
}

}  // namespace

std::string method_comparison(const ReportedText& t) {
  return concat("<h3>The methods compared</h3>\n",
                table_html(fidelity_table(t),
                           "How well each method predicts the model's answers to deletions of this text, and "
                           "what it asked."),
                "<p class=\"note\">Scores alone: R² without what a calibration or position effects add to "
                "them. Error: root mean squared",
                unit_of(t).empty() ? "" : ", in nats of log-odds", ".</p>\n",
                table_html(agreement_table(t),
                           "Spearman rank correlation between the methods' scores of the tokens: 1 is the "
                           "same order, 0 none, −1 the reverse."));
}

namespace {

const char* const kHowToRead =
    "<details><summary>How to read this page</summary>\n"
    "<p>The <b>log-odds</b> F is the logarithm of how much more probable the model finds the target than all "
    "other classes together, in nats: 0 is undecided, +2.2 is 9 to 1. A label that does not exclude others "
    "has its logit for log-odds, and of a model whose answer is a number, F is the output itself. All scores "
    "explain F.</p>\n"
    "<p><b>Read the fidelity first.</b> It compares the log-odds that an explanation predicts for deletions "
    "of the text with what the model answers: R² is 1 for perfect predictions, and 0 for no better than "
    "their mean. Scores with a low R² describe something else than this model at this text.</p>\n"
    "<p>A <b>SLALOM</b> gives every token a value and an importance. F is the mean of the values, weighted "
    "by exp(importance): a token of high importance takes weight from the others. Its <i>part</i> is its "
    "share of the weight times its value; the parts and that of the <i>background</i>, which stands for "
    "special tokens and read-out, add up to F. A value smaller than its standard error is drawn faint and "
    "stands in brackets.</p>\n"
    "<p>Other methods give one <b>weight</b> a token, its additive part in F.</p>\n</details>\n";

std::string name_of(const ReportedText& t, std::size_t number) {
  return t.id.empty() ? concat("Text ", number) : t.id;
}

std::string contents(const std::vector<ReportedText>& texts) {
  if (texts.size() < 2) return {};
  std::string out = "<nav aria-label=\"Texts\"><ol>\n";
  for (std::size_t i = 0; i < texts.size(); ++i)
    out += concat("<li><a href=\"#text-", i + 1, "\">", escaped(name_of(texts[i], i + 1)),
                  "</a>: ", escaped(target_sentence(texts[i])), "</li>\n");
  return out + "</ol></nav>\n";
}

std::string note(const std::string& words) {
  return concat("<p class=\"note\">", escaped(words), ".</p>\n");
}

std::string trust_paragraph(const ReportedText& t, const Explanation& e) {
  constexpr const char* kClasses[] = {"trust high", "trust medium", "trust low", "trust", "trust"};
  return concat("<p class=\"", kClasses[static_cast<int>(trust(e))], "\"><b>Fidelity: ", trust_word(trust(e)),
                ".</b> ", fidelity_sentence(t, e), ".</p>\n");
}

std::string check_table(const Explanation& e) {
  if (e.checks.empty()) return {};
  Table table({{"check"}, {"value", Table::Align::right}});
  for (const auto& [name, value] : e.checks) table.add_row({name, plain_number(value, 6)});
  return concat("<details><summary>Checks (", e.checks.size(), ")</summary>\n",
                table_html(table, "Numbers that the method reports about itself"), "</details>\n");
}

std::string parameter_table(const ReportedText& t) {
  if (t.parameters.empty()) return {};
  Table table({{"parameter"}, {"value"}});
  for (const auto& [name, value] : t.parameters) table.add_row({name, value});
  return "<h3>Parameters</h3>\n" + table_html(table, "What the explanations were made from");
}

std::string method_part(const ReportedText& t, const ReportedExplanation& e) {
  std::string out = concat("<details class=\"method\" open><summary><h3>", escaped(e.method),
                           "</h3></summary>\n", trust_paragraph(t, e));
  for (const std::string& warning : e.warnings)
    out += concat("<p class=\"warning\"><b>Warning:</b> ", escaped(warning), "</p>\n");
  out += highlighted_text(t, e) + explanation_picture(t, e) + token_table(t, e);
  if (const std::string background = background_sentence(e); !background.empty())
    out += note("The " + background);
  for (const std::string& flip : e.flip_sentences) out += note("Flip by " + flip);
  if (!e.fit.empty()) out += note("Fit: " + e.fit);
  return concat(out, curves(t, e), note("Cost: " + cost_sentence(e)), check_table(e), "</details>\n");
}

std::string text_section(const ReportedText& t, std::size_t number) {
  const std::string id = concat("text-", number);
  std::string out =
      concat("<section aria-labelledby=\"", id, "\">\n<h2 id=\"", id, "\">", escaped(name_of(t, number)),
             "</h2>\n<p class=\"lead\">The model's answer: <strong>", escaped(target_sentence(t)),
             "</strong>.</p>\n");
  if (t.explanations.size() > 1) out += method_comparison(t);
  for (const ReportedExplanation& e : t.explanations) out += method_part(t, e);
  return concat(out, attention_maps(t), parameter_table(t), "</section>\n");
}

}  // namespace

std::string page_html(const std::vector<ReportedText>& texts, const std::string& title) {
  if (texts.empty()) throw Error("[page] no texts, wanted at least one");
  std::string out = concat(page_head(title), "<body>\n<header>\n<h1>", escaped(title), "</h1>\n", kHowToRead,
                           contents(texts), "</header>\n<main>\n");
  for (std::size_t i = 0; i < texts.size(); ++i) out += text_section(texts[i], i + 1);
  return out + page_end();
}

}  // namespace slalom
