// Means, paired differences, and what claims speak of.
#include <algorithm>
#include <cmath>

#include "text_tables.hpp"

namespace slalom::text_tables {

using namespace experiment;

namespace {

constexpr Direction kHigher = Direction::higher_is_better, kLower = Direction::lower_is_better;
constexpr Index kRemoved = 10;  // tokens, at most

std::vector<Metric> make_metrics() {
  std::vector<Metric> all = {
      {"published-naive-bayes",
       "published metric: Spearman correlation with naive-Bayes scores over distinct tokens, of importances "
       "with their absolute values",
       "1", kHigher, true},
      {"naive-bayes", "Spearman correlation with naive-Bayes scores", "1", kHigher, true},
      {"logistic-regression", "Spearman correlation with weights of a logistic regression", "1", kHigher,
       true},
      {"linear-svm", "Spearman correlation with weights of a linear SVM", "1", kHigher, true},
      {"published-human",
       "published metric: ROC-AUC of absolute scores, of importances as they are, over distinct tokens "
       "without punctuation",
       "1", kHigher, true},
      {"human", "ROC-AUC against consensus marks", "1", kHigher, true},
      {"published-insertion",
       "published metric: insertion, 1 − mean probability of the true label with the best-ranked tokens for "
       "it alone",
       "1", kLower, true},
      {"insertion", "insertion: mean probability with the best-ranked tokens alone", "1", kHigher, true},
      {"published-deletion",
       "published metric: deletion, 1 − mean probability of the true label with the worst-ranked tokens for "
       "it alone",
       "1", kHigher, true},
      {"deletion", "deletion: mean probability without the best-ranked tokens", "1", kLower, true},
      {"single_removal", "Spearman correlation of predicted and true changes, single tokens removed", "1",
       kHigher, false},
      {"true-log-odds", "Spearman correlation with the true log-odds of tokens", "1", kHigher, true},
      {"true-log-odds-pearson", "Pearson correlation with the true log-odds of tokens", "1", kHigher, true}};
  for (const auto& [key, about] : {std::pair{"removal_", ""},
                                   {"published-removal_", ", published draws"},
                                   {"removal_scaled_", ", best factor"}})
    for (Index k = 1; k <= kRemoved; ++k)
      all.push_back({concat(key, k),
                     concat("mean squared error, ", k, k == 1 ? " token" : " tokens", " removed", about),
                     "nats²", kLower, false});
  all.push_back({"queries", "queries a text", "queries", kLower, false});
  all.push_back({"token_forwards", "token-forwards a text", "tokens", kLower, false});
  all.push_back({"seconds", "seconds a text", "s", kLower, false});
  return all;
}

// a − b over the texts or repeats that have both.
std::vector<double> paired(std::span<const double> a, std::span<const double> b) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) differences.push_back(a[i] - b[i]);
  return differences;
}

using Mean = std::function<Estimate(std::span<const double>)>;
Mean over_texts(const TextSet& set) {
  return [&](std::span<const double> values) { return set.bootstrap->mean(values); };
}

}  // namespace

const std::vector<Metric>& all_metrics() {
  static const std::vector<Metric> all = make_metrics();
  return all;
}

const Metric& metric_named(const std::string& key) {
  for (const Metric& metric : all_metrics())
    if (metric.key == key) return metric;
  throw Error(
      concat("[text_tables] metric \"", key, "\", wanted one of ", listed(all_metrics(), &Metric::key)));
}

Source reference(const Metric& metric) {
  return {"slalom-fidel", kCorrected, metric.of_scores ? "linear" : ""};
}

std::vector<Number> numbers_of(const TextSet& set, const Metric& metric) {
  const std::vector<double>* other = set.find(metric.key, reference(metric));
  std::vector<Number> numbers;
  for (Source source : set.methods)
    for (const char* scores : {"", "linear", "weight", "value", "importance"}) {
      source.scores = scores;
      const std::vector<double>* values = set.find(metric.key, source);
      if (values == nullptr || summarise(*values).n == 0) continue;
      Number number{&set, &metric, source, summarise(*values)};
      if (other != nullptr && !number.is_reference()) {
        const std::vector<double> differences = paired(*values, *other);
        number.pairs = summarise(differences).n;
        number.difference = set.bootstrap->mean(differences);
      }
      numbers.push_back(std::move(number));
    }
  return numbers;
}

const char* standing(const Estimate& difference, Direction direction) {
  const bool above = difference.low > 0, below = difference.high < 0;
  if (!above && !below) return "undecided";
  return above == (direction == kHigher) ? "better" : "worse";
}

double median(std::vector<double> values) {
  if (values.empty()) return NAN;
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::optional<double> paper_number(const Study& study, const std::string& item, const std::string& model,
                                   const Source& source) {
  for (const PaperNumber& p : study.paper)
    if (p.item == item && p.model == model &&
        (p.method == source.method || p.method == source.method + ":" + source.scores))
      return p.number;
  return std::nullopt;
}

// --- estimates -------------------------------------------------------------------------------------------

namespace {

const std::vector<std::string> kPaperMethods = {
    "slalom-fidel", "slalom-eff", "lime", "kernel-shap", "gradient", "integrated-gradients", "attn-lrp"};
const std::vector<std::string> kBaselines = {"zero", "linear-deletion"};

std::string name_of(const Source& source) {
  return source.method + (source.is_published() ? "-published" : "");
}

/// A source's values, one a text or a repeat, or null.
using Find = std::function<const std::vector<double>*(const Source&)>;

// In these settings; a method that has no published ones of its own has one setting for both.
const std::vector<double>* in_settings(const std::string& method, const char* settings, const Find& find) {
  const std::vector<double>* found = find({method, settings, ""});
  return found == nullptr ? find({method, kCorrected, ""}) : found;
}

void add_pairs(const std::string& prefix, const std::string& suffix, const Find& find, const Mean& mean,
               Estimates& found) {
  for (const std::string& method : kPaperMethods) {
    for (const char* settings : {kCorrected, kPublished}) {
      const std::vector<double>* values = in_settings(method, settings, find);
      if (values == nullptr) continue;
      for (const auto& [word, rivals] :
           {std::pair(".minus.", &kPaperMethods), std::pair(".minus-baseline.", &kBaselines)})
        for (const std::string& rival : *rivals)
          if (const auto* other = in_settings(rival, settings, find); other != nullptr && rival != method)
            found[concat(prefix, settings, ".", method, word, rival, suffix)] = mean(paired(*values, *other));
    }
    const auto *corrected = find({method, kCorrected, ""}), *published = find({method, kPublished, ""});
    if (corrected != nullptr && published != nullptr)
      found[concat(prefix, method, ".minus-published", suffix)] = mean(paired(*corrected, *published));
  }
}

void add_set(const TextSet& set, Estimates& found) {
  for (const Metric& metric : all_metrics()) {
    for (const Number& number : numbers_of(set, metric))
      found[concat(set.key(), ".", name_of(number.source), ".", metric.key,
                   number.source.scores.empty() ? "" : ".", number.source.scores)] =
          set.bootstrap->mean(*set.find(metric.key, number.source));
    if (metric.unit == "queries" || metric.unit == "tokens" || metric.unit == "s") continue;
    // Where a method has several kinds of scores, those that rank the tokens stand for it.
    const Find find = [&](Source source) {
      if (metric.of_scores) source.scores = "linear";
      const std::vector<double>* values = set.find(metric.key, source);
      if (values == nullptr && metric.of_scores) source.scores = "weight";
      return set.find(metric.key, source);
    };
    add_pairs(concat(set.key(), ".", metric.key, "."), "", find, over_texts(set), found);
  }
}

}  // namespace

Estimates estimates(const Study& study) {
  Estimates found;
  for (const TextSet& set : study.groups) add_set(set, found);
  for (const Timing& t : study.timings) {
    const std::string prefix = concat("runtime.", t.model, "."), suffix = concat(".", t.samples);
    found[prefix + name_of(t.source) + suffix] = median(t.seconds);
    const Find find = [&](const Source& source) -> const std::vector<double>* {
      for (const Timing& other : study.timings)
        if (other.model == t.model && other.samples == t.samples && other.source == source)
          return &other.seconds;
      return nullptr;
    };
    add_pairs(prefix, suffix, find, mean_over, found);
  }
  add_share_estimates(study, found);
  return found;
}

}  // namespace slalom::text_tables
