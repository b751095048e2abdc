// The highlighted text, the pictures, the curves and the attention maps of a page.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/explanation_svg.hpp"
#include "slalom/report/explanation_text.hpp"
#include "slalom/report/figure.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/report/page.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

std::string figure_html(const Drawing& drawing, const std::string& label, const std::string& caption,
                        bool wide) {
  return concat("<figure class=\"drawn\">\n<div class=\"scroll", wide ? " wide" : "",
                "\" tabindex=\"0\" role=\"region\" aria-label=\"", escaped(label), "\">\n",
                drawing.inline_figure(label), "</div>\n<figcaption>", escaped(caption),
                "</figcaption></figure>\n");
}

namespace {

// All scores of a token, for the pointer.
std::string scores_of(const ReportedText& t, const ReportedExplanation& e, std::size_t i) {
  return concat(t.tokens[i].piece, ": ", listed(e.columns, [&](const auto& column) {
                  const auto& [name, scores] = column;
                  return concat(score_meaning(name, t).label, " ",
                                score_text(name, scores[i], score_decimals(scores)));
                }));
}

std::string token_span(const ReportedText& t, const ReportedExplanation& e, const ShownToken& shown,
                       double shade, bool strong) {
  const auto i = static_cast<std::size_t>(shown.token);
  const double score = e.ranking_scores()[i];
  const std::string letters = escaped(shown.text, true);
  if (!std::isfinite(score)) return concat("<span class=\"t special\">", letters, "</span>");
  const double opacity = shade_opacity(shade);
  const std::string look = opacity == 0 ? "t\""
                                        : concat("t ", side(shade), strong ? " strong" : "",
                                                 "\" style=\"--a:", fixed(opacity, 2), "\"");
  std::string out =
      concat("<span class=\"", look, " title=\"", escaped(scores_of(t, e, i)), "\">", letters, "</span>");
  if (strong)
    out += concat("<span class=\"n\">", signed_number(score, score_decimals(e.ranking_scores())), "</span>");
  return out;
}

std::string scale_caption(const ReportedText& t, const ReportedExplanation& e) {
  const double largest = largest_score(e);
  const int decimals = score_decimals(e.ranking_scores());
  return concat("<figcaption>", escaped(colour_sentence(t, e, "Orange, underlined", "blue, dotted")), " ",
                signed_number(-largest, decimals),
                " <span class=\"scale\" role=\"img\" aria-label=\"blue to orange\"></span> ",
                signed_number(largest, decimals),
                ". The strongest tokens carry their number; resting the pointer on a token shows all its "
                "scores, the table below has them, too.</figcaption>\n");
}

}  // namespace

std::string highlighted_text(const ReportedText& t, const ReportedExplanation& e) {
  const std::vector<double> shade = shades(e);
  const std::vector<bool> strong = strongest(e);
  std::string out = "<figure>\n<p class=\"run\" dir=\"auto\">";
  for (const ShownToken& shown : shown_tokens(t)) {
    const auto i = static_cast<std::size_t>(shown.token);
    if (shown.new_part) out += "</p>\n<p class=\"run\" dir=\"auto\">";
    out += escaped(shown.before, true) + token_span(t, e, shown, shade[i], strong[i]);
  }
  return out + "</p>\n" + scale_caption(t, e) + "</figure>\n";
}

std::string explanation_picture(const ReportedText& t, const ReportedExplanation& e) {
  if (distinct_tokens(t, e).empty()) return {};
  if (!e.has_plane()) {
    const std::string name = concat("The strongest tokens by ", score_meaning(e.ranking, t).label);
    return figure_html(draw_explanation(t, e), name + ", " + e.method, name + ".", true);
  }
  return figure_html(draw_explanation(t, e), "Value and importance of each token, " + e.method,
                     "Value and importance of each token. The value is what the token alone would give, the "
                     "importance how much of the weighted mean it takes from the others: what decides lies "
                     "high and far from 0.",
                     true);
}

namespace {

std::vector<double> numbers(const std::vector<Index>& counts) {
  return {counts.begin(), counts.end()};
}

std::string ranking_figure(const ReportedExplanation& e) {
  Panel panel{
      .title = "", .x_label = "number of tokens", .y_label = "probability", .curves = {}, .x_tick = 1};
  panel.y_range = {0, 1};
  std::string caption = "Probability of the target when tokens are taken in the order of their scores.";
  const auto add = [&](const char* name, const std::optional<RankingCurve>& curve, const char* what,
                       const char* better) {
    if (!curve || curve->k.empty()) return;
    panel.curves.push_back({name, numbers(curve->k), curve->probability, Curve::Style::line_points});
    caption += concat(" ", what, ": mean ", probability_text(curve->area), ", ", better, " is better.");
  };
  add("kept", e.insertion, "Only the best kept (insertion)", "higher");
  add("removed", e.deletion, "The best removed (deletion)", "lower");
  if (panel.curves.empty()) return {};
  return figure_html(draw({"", {panel}}), "Insertion and deletion curves, " + e.method, caption);
}

std::string error_figure(const ReportedText& t, const ReportedExplanation& e) {
  if (!e.fidelity || e.fidelity->removed.empty()) return {};
  const Curve curve{"mean squared error", numbers(e.fidelity->removed), e.fidelity->mse_removed,
                    Curve::Style::line_points};
  const Panel panel{.title = "",
                    .x_label = "tokens removed",
                    .y_label = unit_of(t).empty() ? "error²" : "nats²",
                    .curves = {curve},
                    .x_tick = 1};
  return figure_html(draw({"", {panel}}), "Error by number of removed tokens, " + e.method,
                     concat("Error of the predicted ", scale_name(t.problem),
                            " when random tokens are removed, by their number (", count_text(e.fidelity->n),
                            " deletions in all)."));
}

}  // namespace

std::string curves(const ReportedText& t, const ReportedExplanation& e) {
  const std::string both = error_figure(t, e) + ranking_figure(e);
  return both.empty() ? both : "<div class=\"pair\">\n" + both + "</div>\n";
}

namespace {

struct Map {
  Index side = 0;              // cells in a row
  std::vector<double> weight;  // (side, side)
};

// Means over blocks of `block` × `block` tokens; the last ones can be smaller.
Map pooled(const std::vector<float>& pattern, Index tokens, Index block) {
  Map map{ceil_div(tokens, block), {}};
  map.weight.resize(static_cast<std::size_t>(map.side * map.side));
  const auto size = [&](Index cell) { return std::min(tokens, (cell + 1) * block) - cell * block; };
  for (Index i = 0; i < tokens; ++i)
    for (Index j = 0; j < tokens; ++j) {
      const Index row = i / block, column = j / block;
      const auto w = static_cast<double>(pattern[static_cast<std::size_t>(i * tokens + j)]);
      map.weight[static_cast<std::size_t>(row * map.side + column)] +=
          std::isfinite(w) ? w / static_cast<double>(size(row) * size(column)) : 0;
    }
  return map;
}

// BMP (Microsoft's BITMAPINFOHEADER) of 256 grey levels, rows from the bottom and filled up to 4 bytes: white
// is 0, black is `largest`, in steps of the square root.
std::string bitmap(const Map& map, double largest) {
  constexpr Index kLevels = 256, kPixels = 14 + 40 + 4 * kLevels;  // offset: two headers and the palette
  const Index row_bytes = ceil_div(map.side, 4) * 4;
  std::string out = "BM";
  const auto append = [&](Index number) {
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift & 0xFF);
  };
  for (const Index number : {kPixels + row_bytes * map.side, Index{0}, kPixels, Index{40}, map.side, map.side,
                             Index{8 << 16 | 1}})  // 8 bits a cell, 1 plane
    append(number);
  for (int unused = 0; unused < 6; ++unused) append(0);
  for (Index level = 0; level < kLevels; ++level) append(level * 0x010101);
  for (Index r = map.side - 1; r >= 0; --r)
    for (Index c = 0; c < row_bytes; ++c) {
      const double w = c < map.side ? map.weight[static_cast<std::size_t>(r * map.side + c)] : 0;
      out += static_cast<char>(255 - (w > 0 ? std::lround(255 * std::sqrt(w / largest)) : 0));
    }
  return out;
}

std::string head_figure(const ReportedText& t, const ReportedPattern& p, Index block) {
  const Map map = pooled(p.pattern, std::ssize(t.tokens), block);
  const double largest = *std::ranges::max_element(map.weight);
  const std::string name = concat("head ", p.head, ", to ", probability_text(std::max(0.0, largest)));
  return concat("<figure><small>key (read) →</small><img alt=\"layer ", p.layer, ", ", escaped(name),
                "\" width=\"", map.side, "\" height=\"", map.side, "\" src=\"data:image/bmp;base64,",
                base64(bitmap(map, largest)), "\"><figcaption>↓ query (reads); ", escaped(name),
                "</figcaption></figure>\n");
}

std::string explained(const ReportedText& t, Index block) {
  std::string out = concat(
      "<p class=\"note\">A row is a token that reads (the query), a column one that is read (the key), in "
      "the "
      "order of the text from the top left: ",
      escaped(t.tokens.front().piece));
  for (std::size_t i = 1; i < t.tokens.size(); ++i) out += " · " + escaped(t.tokens[i].piece);
  out +=
      ". White is a weight of 0, black the head's largest, which is written below it (in dark mode the "
      "reverse); shades follow the square root.";
  if (block > 1)
    out +=
        concat(" Each cell is the mean over ", block, " × ", block, " of the ", t.tokens.size(), " tokens.");
  return out + "</p>\n";
}

}  // namespace

std::string attention_maps(const ReportedText& t) {
  if (t.attention.empty()) return {};
  const Index block = ceil_div(std::ssize(t.tokens), kAttentionCells);
  std::string out =
      concat("<details><summary>Attention, ", count_text(std::ssize(t.attention), "head", "heads"),
             "</summary>\n", explained(t, block));
  std::optional<Index> layer;
  for (const ReportedPattern& p : t.attention) {
    if (layer != p.layer)
      out += concat(layer ? "</div>\n" : "", "<h4>Layer ", p.layer, "</h4>\n<div class=\"heads\">\n");
    layer = p.layer;
    out += head_figure(t, p, block);
  }
  return out + "</div>\n</details>\n";
}

}  // namespace slalom
