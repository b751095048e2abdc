// The highlighted text, the pictures and the curves of a page.
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/characters.hpp"
#include "slalom/report/page_parts.hpp"
#include "slalom/report/plane.hpp"
#include "slalom/report/wording.hpp"

namespace slalom {

namespace {

// All scores of a token, for the pointer.
std::string scores_of(const ReportedText& t, const ReportedExplanation& e, std::size_t i,
                      const std::vector<int>& decimals) {
  std::string out = t.tokens[i].piece + ": ";
  for (std::size_t c = 0; c < e.columns.size(); ++c)
    out += concat(c == 0 ? "" : ", ", score_meaning(e.columns[c].first, t.target).label, " ",
                  score_text(e.columns[c].first, e.columns[c].second[i], decimals[c]));
  return out;
}

std::string token_span(const ReportedText& t, const ReportedExplanation& e, const ShownToken& shown,
                       double shade, bool strong, const std::vector<int>& decimals) {
  const auto i = static_cast<std::size_t>(shown.token);
  const double score = e.ranking_scores()[i];
  const std::string letters = escaped(shown.text, true);
  if (!std::isfinite(score)) return concat("<span class=\"t special\">", letters, "</span>");
  const double opacity = shade_opacity(shade);
  const std::string look = opacity == 0 ? concat("<span class=\"t\"")
                                        : concat("<span class=\"t ", side(shade), strong ? " strong" : "",
                                                 "\" style=\"--a:", fixed(opacity, 2), "\"");
  std::string out =
      concat(look, " title=\"", escaped(scores_of(t, e, i, decimals)), "\">", letters, "</span>");
  if (strong)
    out += concat("<span class=\"n\">", signed_number(score, score_decimals(e.ranking_scores())), "</span>");
  return out;
}

std::string scale_caption(const ReportedText& t, const ReportedExplanation& e) {
  const ScoreMeaning m = score_meaning(e.ranking, t.target);
  double largest = 0;
  for (const double x : e.ranking_scores())
    if (std::isfinite(x)) largest = std::max(largest, std::abs(x));
  const int decimals = score_decimals(e.ranking_scores());
  return concat("<figcaption>Colour: ", escaped(m.label), ", ", escaped(m.meaning), ". ",
                signed_number(-largest, decimals),
                " <span class=\"scale\" role=\"img\" aria-label=\"blue to orange\">"
                "</span> ",
                signed_number(largest, decimals), ": blue and dotted ", escaped(m.negative),
                ", orange and underlined ", escaped(m.positive),
                ". The strongest tokens carry their number; resting the pointer on a token shows all its "
                "scores, the table below has them, too.</figcaption>\n");
}

}  // namespace

std::string highlighted_text(const ReportedText& t, const ReportedExplanation& e) {
  const std::vector<double> shade = shades(e);
  const std::vector<bool> strong = strongest(e);
  std::vector<int> decimals;
  for (const auto& [name, scores] : e.columns) decimals.push_back(score_decimals(scores));
  std::string out = "<figure>\n<p class=\"run\" dir=\"auto\">";
  for (const ShownToken& shown : shown_tokens(t)) {
    const auto i = static_cast<std::size_t>(shown.token);
    if (shown.new_part) out += "</p>\n<p class=\"run\" dir=\"auto\">";
    out += escaped(shown.before, true) + token_span(t, e, shown, shade[i], strong[i], decimals);
  }
  return out + "</p>\n" + scale_caption(t, e) + "</figure>\n";
}

std::string explanation_picture(const ReportedText& t, const ReportedExplanation& e) {
  if (distinct_tokens(t, e).empty()) return {};
  const std::string name = has_plane(e)
                               ? "Value and importance of each token"
                               : concat("The strongest tokens by ", score_meaning(e.ranking, t.target).label);
  return concat(
      "<figure class=\"drawn\">\n<div class=\"scroll wide\" tabindex=\"0\" role=\"region\" aria-label=\"",
      escaped(name), "\">\n", draw_explanation(t, e).inline_figure(name + ", " + e.explanation.method),
      "</div>\n<figcaption>", escaped(name), ".",
      has_plane(e) ? " The value is what the token alone would give, the importance how much of the weighted "
                     "mean it takes from the others: what decides lies high and far from 0."
                   : "",
      "</figcaption></figure>\n");
}

namespace {

NamedCurve named(const std::string& name, const RankingCurve& curve, bool dashed) {
  NamedCurve out{name, {}, curve.probability, dashed};
  for (const Index k : curve.k) out.x.push_back(static_cast<double>(k));
  return out;
}

std::string ranking_figure(const ReportedExplanation& e) {
  std::vector<NamedCurve> drawn;
  std::string caption = "Probability of the target when tokens are taken in the order of their scores. ";
  if (e.insertion && !e.insertion->k.empty()) {
    drawn.push_back(named("kept", *e.insertion, false));
    caption += concat("Only the best kept (insertion): mean ", probability_text(e.insertion->area),
                      ", higher is better. ");
  }
  if (e.deletion && !e.deletion->k.empty()) {
    drawn.push_back(named("removed", *e.deletion, true));
    caption += concat("The best removed (deletion): mean ", probability_text(e.deletion->area),
                      ", lower is better.");
  }
  if (drawn.empty()) return {};
  return concat("<figure class=\"drawn\">\n",
                draw_curves(drawn, "number of tokens", "probability", true)
                    .inline_figure("Insertion and deletion curves, " + e.explanation.method),
                "<figcaption>", escaped(caption), "</figcaption></figure>\n");
}

std::string error_figure(const ReportedExplanation& e) {
  if (!e.explanation.fidelity || e.explanation.fidelity->removed.empty()) return {};
  const Fidelity& f = *e.explanation.fidelity;
  NamedCurve curve{"mean squared error", {}, f.mse_removed, false};
  for (const Index k : f.removed) curve.x.push_back(static_cast<double>(k));
  return concat(
      "<figure class=\"drawn\">\n",
      draw_curves({curve}, "tokens removed", "nats²", false)
          .inline_figure("Error by number of removed tokens, " + e.explanation.method),
      "<figcaption>Error of the predicted log-odds when random tokens are removed, by their number (",
      count_text(f.n), " deletions in all).</figcaption></figure>\n");
}

}  // namespace

std::string curves(const ReportedExplanation& e) {
  const std::string both = error_figure(e) + ranking_figure(e);
  return both.empty() ? both : "<div class=\"pair\">\n" + both + "</div>\n";
}

}  // namespace slalom
