// The score of row i is  Σ_d (x − x⁰)_id ∫_0^1 ∂F/∂x_id (x⁰ + α (x − x⁰)) dα  for word embeddings x of the
// text and x⁰ of the baseline (S, D); the scores of all rows sum to F(x) − F(x⁰).
#include <cmath>
#include <numeric>

#include "slalom/explain/embedding_gradient.hpp"
#include "slalom/explain/methods.hpp"

namespace slalom {

namespace {

// The Gauss-Legendre rule of 4 points on [−1, 1]: ± each node. A low order, as ReLU and LayerNorm put corners
// and jumps into what is integrated.
constexpr double kNode[] = {0.33998104358485626, 0.86113631159405258};
constexpr double kWeight[] = {0.65214515486254614, 0.34785484513745386};
constexpr Index kPanelPoints = 4, kMostPasses = 4096;

// Part of the way from the baseline (0) to the text (1).
struct Panel {
  double begin = 0, end = 1;
  std::vector<double> scores{};  // (S) (x − baseline) · ∫ dF/dx over the panel
  // Half of the most that a score changed by when the panel was halved that this one is half of.
  double change = INFINITY;
};

template <class T>
struct Path {
  Classifier<T>& model;
  const ExplainedText& text;
  Objective log_odds;
  std::vector<double> baseline, step;  // (S, D) word embeddings, and those of the text minus them
  Index passes = 0;

  template <class Read>
  void query(const std::vector<double>& places, const Read& read) {
    passes += std::ssize(places);
    embedding_gradients<T>(
        model, text.ids(), text.encoding().types, std::ssize(places), log_odds,
        [&](Index p, std::span<double> x) {
          for (std::size_t i = 0; i < x.size(); ++i) x[i] = baseline[i] + places[p] * step[i];
        },
        read);
  }

  double log_odds_at_baseline() {
    double found = 0;
    query({0.0}, [&](Index, double value, std::span<const double>) { found = value; });
    return found;
  }

  void integrate(std::vector<Panel>& panels) {
    std::vector<double> places;
    for (Panel& panel : panels) {
      panel.scores.assign(text.ids().size(), 0.0);
      for (Index i = 0; i < kPanelPoints; ++i)
        places.push_back(std::midpoint(panel.begin, panel.end) +
                         (i % 2 == 0 ? -1 : 1) * kNode[i / 2] * (panel.end - panel.begin) / 2);
    }
    query(places, [&](Index p, double, std::span<const double> dx) {
      Panel& panel = panels[p / kPanelPoints];
      const double weight = kWeight[p % kPanelPoints / 2] * (panel.end - panel.begin) / 2;
      const std::vector<double> products = row_products(step, dx, model.config().table_width());
      for (std::size_t i = 0; i < products.size(); ++i) panel.scores[i] += weight * products[i];
    });
  }
};

// Panels that changed the scores by `bound` or more are halved: near a baseline of zero LayerNorm may turn
// the whole way into a jump, which only ever smaller panels there resolve.
template <class T>
std::vector<Panel> refined(Path<T>& path, std::vector<Panel> panels, double bound) {
  std::vector<Panel> kept, whole, halves;
  for (Panel& panel : panels) {
    if (panel.change >= bound) {
      const double middle = std::midpoint(panel.begin, panel.end);
      halves.push_back({panel.begin, middle});
      halves.push_back({middle, panel.end});
    }
    (panel.change >= bound ? whole : kept).push_back(std::move(panel));
  }
  path.integrate(halves);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Panel &left = halves[2 * i], &right = halves[2 * i + 1];
    double change = 0;
    for (std::size_t j = 0; j < left.scores.size(); ++j)
      change = std::max(change, std::abs(left.scores[j] + right.scores[j] - whole[i].scores[j]));
    left.change = right.change = change / 2;
  }
  std::ranges::move(halves, std::back_inserter(kept));
  return kept;
}

struct PathIntegral {
  std::vector<double> scores;  // (S)
  double log_odds_baseline = 0, gap = 0;
  Index points = 0;  // of the final rule
  bool converged = false;
};

// Until the scores sum to F(t) − F(baseline), and no score would change by more than the tolerance: a sum may
// be right by accident.
template <class T>
PathIntegral integrate(Path<T>& path, double log_odds, double tolerance) {
  PathIntegral found;
  found.log_odds_baseline = path.log_odds_at_baseline();
  std::vector<Panel> panels(1);
  path.integrate(panels);
  for (;;) {
    double change = 0;
    found.scores.assign(path.text.ids().size(), 0.0);
    for (const Panel& panel : panels) {
      change += panel.change;
      for (std::size_t i = 0; i < panel.scores.size(); ++i) found.scores[i] += panel.scores[i];
    }
    found.gap =
        std::accumulate(found.scores.begin(), found.scores.end(), 0.0) - (log_odds - found.log_odds_baseline);
    found.points = kPanelPoints * std::ssize(panels);
    found.converged = std::abs(found.gap) <= tolerance && change <= tolerance;
    const double bound = std::ranges::max(panels, {}, &Panel::change).change / 4;
    const Index halved = std::ranges::count_if(panels, [&](const Panel& p) { return p.change >= bound; });
    if (found.converged || path.passes + 2 * kPanelPoints * halved > kMostPasses) return found;
    panels = refined(path, std::move(panels), bound);
  }
}

// Word embeddings (S, D) of the baseline; special tokens keep theirs unless it is zero.
template <class T>
std::vector<double> baseline_embeddings(const Classifier<T>& model, const ExplainedText& text,
                                        const ExplainOptions& options) {
  std::vector<TokenId> ids = text.ids();
  if (options.baseline == Baseline::zero)
    return std::vector<double>(ids.size() * static_cast<std::size_t>(model.config().table_width()));
  const bool pad = options.baseline == Baseline::pad;
  const std::optional<TokenId> replacement = pad ? options.pad_id : options.mask_id;
  const std::string what = pad ? "pad" : "mask";
  if (!replacement)
    throw UsageError("--baseline " + what + ": the folder names no " + what + " token",
                     "give an id: --baseline mask --mask-id N");
  if (*replacement < 0 || *replacement >= model.config().vocabulary)
    throw UsageError(slalom::concat("--baseline ", what, ": id ", *replacement, ", the vocabulary has ",
                                    model.config().vocabulary));
  for (const ExplainedText::Range& unit : text.units())
    std::fill_n(ids.begin() + unit.first, unit.size, *replacement);
  return word_embeddings(model, ids);
}

template <class T>
void explain_text(Classifier<T>& model, Index target, BlackBox& f, const ExplainedText& text,
                  const ExplainOptions& options, Explanation& result) {
  Path<T> path{model, text, log_odds_objective(target, model.problem()),
               baseline_embeddings(model, text, options), word_embeddings(model, text.ids())};
  for (std::size_t i = 0; i < path.step.size(); ++i) path.step[i] -= path.baseline[i];
  const PathIntegral found = integrate(path, result.log_odds, options.tolerance);
  set_token_scores(found.scores, text, result);
  result.checks.emplace_back("completeness_gap", found.gap);
  result.checks.emplace_back("points", static_cast<double>(found.points));
  result.checks.emplace_back("log_odds_baseline", found.log_odds_baseline);
  count_passes(f, path.passes, std::ssize(text.ids()), result);
  if (!found.converged)
    result.warnings.push_back(slalom::concat(
        "stopped after ", path.passes, " backward passes, short of the tolerance of ", options.tolerance));
}

}  // namespace

void integrated_gradients(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                          Explanation& result) {
  with_gradient_access(f, "integrated-gradients", [&](auto& model, Index target) {
    explain_text(model, target, f, text, options, result);
  });
}

}  // namespace slalom
