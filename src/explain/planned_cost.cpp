#include <algorithm>
#include <cmath>

#include "slalom/explain/explanation.hpp"

namespace slalom {

namespace {

constexpr double kUsualPoints = 64, kPublishedPoints = 29;       // of integrated gradients
constexpr double kPublishedLength = 3, kPublishedDeleted = 2.5;  // of slalom-eff, of deletions
constexpr double kMostAsked = 1e15;

struct Lengths {
  double special, unit, n, whole;  // tokens that stay, of a unit, units, tokens of the text
  double of(double units) const { return special + units * unit; }
};

// Queries and the tokens of each.
std::pair<double, double> asked(const Method& m, const Lengths& l, double distinct, const ExplainOptions& o) {
  const auto budget = static_cast<double>(m.budget(o, std::llround(l.n)));
  const bool published = o.as_published && m.has("as-published");
  const double deleted =
      published ? kPublishedDeleted : (1 + std::min(static_cast<double>(o.most_deleted), l.n)) / 2;
  switch (m.asks) {
    case Asks::nothing:
      return {0, 0};
    case Asks::passes:
      return {!m.has("tolerance") ? 1 : published ? kPublishedPoints : kUsualPoints, 3 * l.whole};
    case Asks::identification:
      return {2 * distinct + 1 + budget, l.of(1.5)};
    case Asks::short_texts:
      return {budget, l.of(published ? kPublishedLength : static_cast<double>(o.short_length))};
    case Asks::deletions:
      return {budget, l.of(l.n - deleted)};
    case Asks::single_deletions:
      return {l.n, l.of(l.n - 1)};
    case Asks::coalitions:
      return {budget, l.of(o.masking.replacement ? l.n : l.n / 2)};
    case Asks::all_coalitions:
      return {std::exp2(l.n), l.of(o.masking.replacement ? l.n : l.n / 2)};
  }
  return {0, 0};
}

}  // namespace

QueryCost planned_cost(const Method& method, const ExplainedText& text, const ExplainOptions& options) {
  Index explained = 0;
  for (const ExplainedText::Range& unit : text.units()) explained += unit.size;
  const auto S = static_cast<double>(text.ids().size()), n = static_cast<double>(text.players());
  const Lengths lengths{S - static_cast<double>(explained), static_cast<double>(explained) / n, n, S};
  const auto [queries, tokens] = asked(method, lengths, static_cast<double>(text.distinct()), options);
  const double removed = std::min<double>(10, n - 1);
  // Those that calibrate are alike.
  const double held_out =
      removed * static_cast<double>(options.held_out) + static_cast<double>(options.calibrate);
  const auto whole = [](double x) { return static_cast<Index>(std::llround(std::min(x, kMostAsked))); };
  QueryCost cost;
  cost.queries = whole(1 + queries + held_out);
  cost.unique_queries = cost.queries;
  cost.token_forwards = whole(S + queries * tokens + held_out * lengths.of(n - (1 + removed) / 2));
  return cost;
}

}  // namespace slalom
