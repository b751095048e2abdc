// What claims speak of: means, and methods against each other on the same texts.
#include <algorithm>

#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

using experiment::Estimate;
using experiment::Estimates;

const std::vector<std::string> kPaperMethods = {
    "slalom-fidel", "slalom-eff", "lime", "kernel-shap", "gradient", "integrated-gradients", "attn-lrp"};
const std::vector<std::string> kBaselines = {"zero", "linear-deletion"};

std::string name_of(const Source& source) {
  return source.method + (is_published(source) ? "-published" : "");
}

// In these settings; a method that has no published ones of its own has one setting for both.
template <class Find>
auto in_settings(const std::string& method, const char* settings, const Find& find) {
  const auto found = find(Source{method, settings, ""});
  return found == nullptr ? find(Source{method, kCorrected, ""}) : found;
}

Estimate difference(std::span<const double> a, std::span<const double> b) {
  const Comparison c = paired(a, b);
  return {c.difference, c.low, c.high};
}

// `find` gives a source's values, one a text or a repeat, or null.
template <class Find>
void add_pairs(const std::string& prefix, const std::string& suffix, const Find& find, Estimates& found) {
  for (const char* settings : {kCorrected, kPublished})
    for (const std::string& method : kPaperMethods) {
      const std::vector<double>* values = in_settings(method, settings, find);
      if (values == nullptr) continue;
      for (const auto& [word, rivals] :
           {std::pair(".minus.", &kPaperMethods), std::pair(".minus-baseline.", &kBaselines)})
        for (const std::string& rival : *rivals)
          if (const auto* other = in_settings(rival, settings, find); other != nullptr && rival != method)
            found[concat(prefix, settings, ".", method, word, rival, suffix)] = difference(*values, *other);
    }
  for (const std::string& method : kPaperMethods) {
    const auto *corrected = find({method, kCorrected, ""}), *published = find({method, kPublished, ""});
    if (corrected != nullptr && published != nullptr)
      found[concat(prefix, method, ".minus-published", suffix)] = difference(*corrected, *published);
  }
}

void add_set(const TextSet& set, Estimates& found) {
  for (const Metric& metric : all_metrics()) {
    for (const Source& source : sources_of(set, metric))
      found[concat(set.key(), ".", name_of(source), ".", metric.key, source.scores.empty() ? "" : ".",
                   source.scores)] = experiment::mean_over(*set.find(metric.key, source));
    const auto find = [&](const Source& source) {
      return set.find(metric.key, ranking_source(set, metric, source));
    };
    if (!metric.is_cost()) add_pairs(concat(set.key(), ".", metric.key, "."), "", find, found);
  }
}

void add_times(const std::vector<Timing>& times, Estimates& found) {
  for (const Timing& t : times) {
    const std::string prefix = concat("runtime.", t.model, "."), suffix = concat(".", t.samples);
    found[prefix + name_of(t.source) + suffix] = t.median;
    add_pairs(
        prefix, suffix,
        [&](const Source& source) -> const std::vector<double>* {
          for (const Timing& other : times)
            if (other.model == t.model && other.samples == t.samples && other.source == source)
              return &other.seconds;
          return nullptr;
        },
        found);
  }
}

}  // namespace

Estimates estimates(const Study& study) {
  Estimates found;
  for (const TextSet& set : study.groups) add_set(set, found);
  add_times(timings(study), found);
  return found;
}

}  // namespace slalom::text_tables
