#include "slalom/metrics/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "slalom/base/correlation.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"
#include "slalom/metrics/published.hpp"

namespace slalom {

namespace {

// F(S) − F(all) of the classifier and of the explanation.
struct Changes {
  std::vector<double> predicted, truth;
};

Changes changes(const Coalitions& kept, const Evaluated& evaluated, const ValueFunction& f) {
  const std::vector<std::uint8_t> everybody(static_cast<std::size_t>(kept.players), 1);
  const double whole = evaluated.explanation.predict(everybody);
  Changes result{{}, checked_values(f, kept)};
  for (Index i = 0; i < kept.size(); ++i) {
    result.predicted.push_back(evaluated.explanation.predict(kept.row(i)) - whole);
    result.truth[static_cast<std::size_t>(i)] -= evaluated.explanation.log_odds;
  }
  return result;
}

double multi_removal(const Evaluated& evaluated, const ValueFunction& f, const Coalitions& kept) {
  if (kept.size() == 0) return std::nan("");
  const Changes found = changes(kept, evaluated, f);
  const std::vector<double> mse = removal_curve(kept, found.predicted, found.truth).mse;
  return std::accumulate(mse.begin(), mse.end(), 0.0) / static_cast<double>(mse.size());
}

SingleRemoval each_removed(const Evaluated& evaluated, const ValueFunction& f, Index players) {
  if (players < 2) return {std::nan(""), std::nan("")};
  const Changes found = changes(single_deletions(players), evaluated, f);
  return single_removal(found.predicted, found.truth);
}

double agreement(const std::string& metric, std::span<const double> scores, std::span<const double> given) {
  std::vector<double> ours, theirs;
  std::vector<bool> positive;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(given[i])) continue;
    ours.push_back(scores[i]);
    theirs.push_back(given[i]);
    positive.push_back(given[i] > 0);
  }
  if (metric == "spearman") return spearman(ours, theirs);
  if (metric == "pearson") return pearson(ours, theirs);
  if (metric == "kendall") return kendall(ours, theirs);
  return roc_auc(ours, positive);
}

double published_agreement(const std::string& metric, const Evaluated& evaluated, const ExplainedText& text,
                           std::span<const double> given) {
  std::vector<double> first(static_cast<std::size_t>(text.distinct()), std::nan(""));
  published::AttendedTokens marks;
  std::vector<bool> seen(first.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Sample::Token token = text.tokens()[i];
    if (seen[token]) continue;
    seen[token] = true;
    first[token] = given[i];
    if (std::isnan(given[i])) continue;
    marks.place.push_back(static_cast<Index>(i));
    marks.marked.push_back(given[i] > 0);
  }
  if (metric == "roc-auc-published")
    return published::attention_auc(evaluated.scores, marks, evaluated.importances);
  return published::naive_bayes_spearman(text.tokens(), evaluated.scores, first, evaluated.importances);
}

}  // namespace

double evaluate(const MetricInfo& metric, const Evaluated& evaluated, BlackBox& f, const ExplainedText& text,
                std::span<const double> given, const EvaluationOptions& options) {
  const bool uses_scores = !metric.name.starts_with("removal");
  if (uses_scores && std::ranges::any_of(evaluated.scores, [](double x) { return std::isnan(x); }))
    return std::nan("");
  const ValueFunction values = coalition_values(f, text, options.masking);
  if (metric.name == "insertion") return insertion(evaluated.scores, values, options.step).area;
  if (metric.name == "deletion")
    return deletion(evaluated.scores, values, options.step,
                    text.has_empty_text() || options.masking.replacement)
        .area;
  if (metric.name == "insertion-published" || metric.name == "deletion-published") {
    if (!options.is_target)
      throw Error("[" + metric.name + "] the row gives no true label", "a field \"label\", a class number");
    const auto curve = metric.name == "insertion-published" ? published::insertion : published::deletion;
    return 1 - curve(evaluated.scores, *options.is_target, values, options.step).area;
  }
  if (uses_scores && given.empty())
    throw Error("[" + metric.name + "] the row gives no scores to agree with",
                "a field \"scores\", one a token");
  if (uses_scores && metric.name.ends_with("-published"))
    return published_agreement(metric.name, evaluated, text, given);
  if (uses_scores) return agreement(metric.name, evaluated.scores, given);
  const ValueFunction removed = coalition_values(f, text, evaluated.explanation.masking(options.masking));
  if (metric.name == "removal-mse")
    return multi_removal(
        evaluated, removed,
        random_deletions(text.players(), 10, options.held_out, false, Purpose::held_out, options.seed));
  if (metric.name == "removal-mse-published")
    return multi_removal(
        evaluated, removed,
        published::nested_deletions(
            text.players(), published::removal_orders(text.players(), options.held_out, options.seed)));
  const SingleRemoval single = each_removed(evaluated, removed, text.players());
  return metric.name == "removal-mse-single" ? single.mse : single.spearman;
}

}  // namespace slalom
