// What the paper says of the methods, checked in its settings and in corrected ones.
#include <algorithm>
#include <cmath>

#include "slalom/report/wording.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

const std::vector<std::string> kPaperMethods = {
    "slalom-fidel", "slalom-eff", "lime", "kernel-shap", "gradient", "integrated-gradients", "attn-lrp"};

// Leaving out one token after the other is no rival where one token is removed: it is the answer.
const std::vector<std::string> kPredictors = {
    "slalom-eff", "lime", "kernel-shap", "gradient", "attn-lrp", "integrated-gradients", "linear-deletion"};

// The subject is better (or, of `worst`, worse) than each of its rivals.
struct Claim {
  std::string key, says, metric, subject;
  std::vector<std::string> rivals;
  bool worst = false;
};

const std::vector<Claim>& claims() {
  static const std::vector<Claim> all = {
      {"fidel_lowest_removal_1", "SLALOM-fidel predicts the removal of 1 token with the lowest error",
       "removal_1", "slalom-fidel", kPredictors},
      {"fidel_lowest_removal_5", "SLALOM-fidel predicts the removal of 5 tokens with the lowest error",
       "removal_5", "slalom-fidel", kPredictors},
      {"fidel_lowest_removal_10", "SLALOM-fidel predicts the removal of 10 tokens with the lowest error",
       "removal_10", "slalom-fidel", kPredictors},
      {"fidel_below_scaled_lime",
       "SLALOM-fidel predicts the removal of 5 tokens better than LIME, each with its best factor",
       "removal_scaled_5",
       "slalom-fidel",
       {"lime"}},
      {"eff_naive_bayes_above_lime_shap",
       "SLALOM-eff lin. ranks tokens closer to naive Bayes than LIME and SHAP",
       "naive-bayes",
       "slalom-eff",
       {"lime", "kernel-shap"}},
      {"lrp_naive_bayes_highest", "Of the paper's methods, LRP ranks tokens closest to naive Bayes",
       "naive-bayes", "attn-lrp", kPaperMethods},
      {"eff_human_above_shap",
       "SLALOM-eff lin. agrees better with people's marks than SHAP",
       "human",
       "slalom-eff",
       {"kernel-shap"}},
      {"lrp_human_highest", "Of the paper's methods, LRP agrees best with people's marks", "human",
       "attn-lrp", kPaperMethods},
      {"gradient_insertion_lowest", "Gradients are worst at insertion", "insertion", "gradient",
       kPaperMethods, true},
      {"gradient_deletion_highest", "Gradients are worst at deletion", "deletion", "gradient", kPaperMethods,
       true}};
  return all;
}

Direction against(Direction direction) {
  return direction == Direction::higher_is_better ? Direction::lower_is_better : Direction::higher_is_better;
}

// The method in these settings. A method that has no published ones of its own has one setting for both.
std::optional<Source> in_settings(const TextSet& set, const std::string& method, const char* settings) {
  for (const char* tried : {settings, kCorrected})
    if (const Source source{method, tried, ""}; std::ranges::count(set.methods, source)) return source;
  return std::nullopt;
}

struct Finding {
  std::string sentence = "–";
  std::optional<Standing> holds;
};

// The subject against the rival that comes closest to it, or is ahead of it farthest.
Finding examine(const TextSet& set, const Claim& claim, const char* settings) {
  const Metric& metric = metric_named(claim.metric);
  const Direction direction = claim.worst ? against(metric.direction) : metric.direction;
  const auto values_of = [&](const std::string& method) -> const std::vector<double>* {
    const auto source = in_settings(set, method, settings);
    return source ? set.find(metric.key, ranking_source(set, metric, *source)) : nullptr;
  };
  const std::vector<double>* subject = values_of(claim.subject);
  const std::vector<double>* strongest = nullptr;
  std::string name;
  double best = NAN;
  for (const std::string& rival : claim.rivals) {
    const std::vector<double>* values = rival == claim.subject ? nullptr : values_of(rival);
    if (values == nullptr) continue;
    const double mean = summarise(*values).mean;
    if (std::isnan(mean) || !(std::isnan(best) || is_better(mean, best, direction))) continue;
    strongest = values;
    best = mean;
    name = rival;
  }
  if (subject == nullptr || strongest == nullptr) return {};
  const Comparison c = paired(*subject, *strongest);
  if (c.n == 0) return {};
  return {text(number_text(metric, summarise(*subject).mean), " against ", number_text(metric, best), " (",
               name, "), ", difference_text(metric, c), ", n ", c.n),
          standing(c, direction)};
}

const char* answer(const std::optional<Standing>& holds) {
  if (!holds) return "–";
  return *holds == Standing::better ? "yes" : *holds == Standing::worse ? "no" : "not settled";
}

ClaimResult result_of(const Claim& claim, const TextSet& set) {
  ClaimResult result{claim.key, claim.says, set.key(), set.title()};
  const Finding corrected = examine(set, claim, kCorrected);
  result.corrected = corrected.sentence;
  result.corrected_holds = corrected.holds;
  if (std::ranges::any_of(set.methods, is_published)) {
    const Finding published = examine(set, claim, kPublished);
    result.published = published.sentence;
    result.published_holds = published.holds;
  } else {
    result.published = "–";
  }
  return result;
}

// --- run time ---

const Timing* timing_of(const std::vector<Timing>& all, const std::string& model, const std::string& method,
                        const char* settings, Index samples) {
  for (const char* tried : {settings, kCorrected})
    for (const Timing& t : all)
      if (t.model == model && t.source == Source{method, tried, ""} && t.samples == samples) return &t;
  return nullptr;
}

// Faster at all sample counts that all of them have, slower at all, or neither.
Finding examine_times(const std::vector<Timing>& all, const std::string& model, const char* settings) {
  const std::string subject = "slalom-eff";
  const std::vector<std::string> rivals = {"lime", "kernel-shap"};
  Index faster = 0, slower = 0, largest = -1;
  Finding finding;
  for (const Timing& t : all) {
    if (t.model != model || t.source.method != subject || t.source.settings != settings || t.samples == 0)
      continue;
    std::string sentence = text("at ", count_text(t.samples), " samples ",
                                number_text(metric_named("seconds"), t.median), " s against");
    bool complete = true;
    for (const std::string& rival : rivals) {
      const Timing* other = timing_of(all, model, rival, settings, t.samples);
      complete = complete && other != nullptr;
      if (other == nullptr) continue;
      (t.median < other->median ? faster : slower) += 1;
      sentence += text(rival == rivals.front() ? " " : ", ",
                       number_text(metric_named("seconds"), other->median), " s (", rival, ")");
    }
    if (!complete || t.samples < largest) continue;
    largest = t.samples;
    finding.sentence = sentence;
  }
  if (faster + slower > 0)
    finding.holds = slower == 0 ? Standing::better : faster == 0 ? Standing::worse : Standing::undecided;
  return finding;
}

void check_times(const Study& study, std::vector<ClaimResult>& results) {
  const std::vector<Timing> all = timings(study);
  std::vector<std::string> done;
  for (const Timing& t : all) {
    if (std::ranges::count(done, t.model)) continue;
    done.push_back(t.model);
    const Finding corrected = examine_times(all, t.model, kCorrected),
                  published = examine_times(all, t.model, kPublished);
    if (corrected.holds || published.holds)
      results.push_back({"eff_faster_than_lime_shap",
                         "SLALOM-eff is faster than LIME and SHAP at equal sample counts",
                         "runtime." + t.model, t.model_title + ", run time", published.sentence,
                         corrected.sentence, published.holds, corrected.holds});
  }
}

struct Count {
  Index yes = 0, no = 0, open = 0;

  void add(const std::optional<Standing>& holds) {
    if (holds) (*holds == Standing::better ? yes : *holds == Standing::worse ? no : open) += 1;
  }
  Index all() const { return yes + no + open; }
  std::string in_words() const {
    return all() == 0 ? "–" : text("yes ", yes, ", no ", no, ", not settled ", open);
  }
  std::string sentence() const {
    return text(yes, " of ", all(), all() == 1 ? " check holds, " : " checks hold, ", no,
                no == 1 ? " does" : " do", " not, ", open, open == 1 ? " is" : " are", " not settled");
  }
  std::string verdict() const {
    if (all() == 0) return "–";
    if (yes == all()) return "stands";
    if (no == all()) return "does not stand";
    return open == all() ? "not settled" : yes == 0 ? "not shown" : "in part";
  }
};

Table summary_table(const std::vector<ClaimResult>& results) {
  Table table({{"claim"}, {"published settings say"}, {"corrected settings say"}, {"holds"}});
  std::vector<std::string> done;
  for (const ClaimResult& r : results) {
    if (std::ranges::count(done, r.key)) continue;
    done.push_back(r.key);
    Count published, corrected;
    for (const ClaimResult& other : results)
      if (other.key == r.key) {
        published.add(other.published_holds);
        corrected.add(other.corrected_holds);
      }
    table.add_row({r.claim, published.in_words(), corrected.in_words(), corrected.verdict()});
  }
  return table;
}

Table detail_table(const std::vector<ClaimResult>& results) {
  Table table(
      {{"claim"}, {"data"}, {"published settings say"}, {"so"}, {"corrected settings say"}, {"holds"}});
  for (const ClaimResult& r : results)
    table.add_row({r.claim, r.set_title, r.published, answer(r.published_holds), r.corrected,
                   answer(r.corrected_holds)});
  return table;
}

}  // namespace

std::vector<ClaimResult> check_claims(const Study& study) {
  std::vector<ClaimResult> results;
  for (const Claim& claim : claims())
    for (const TextSet& set : study.groups) {
      ClaimResult result = result_of(claim, set);
      if (result.corrected_holds || result.published_holds) results.push_back(std::move(result));
    }
  check_times(study, results);
  return results;
}

Section claims_section(const std::vector<ClaimResult>& results) {
  Section section{.id = "claims", .item = "", .title = "What stands and what does not"};
  if (results.empty()) return section;
  Count all, published;
  for (const ClaimResult& r : results) {
    all.add(r.corrected_holds);
    published.add(r.published_holds);
  }
  section.text = text(
      "Claims of the paper, each computed on every data set that has the numbers. In corrected settings ",
      all.sentence(), "; in published settings ", published.sentence(),
      ". A claim that a method is ahead of others is tested against the strongest of them: it holds (or "
      "does not) if the 95 % interval of the paired difference excludes 0 on that side, otherwise it is not "
      "settled. The rivals are the methods that the claim names, else the paper's and, where removals are "
      "predicted, the linear model; those without published settings of their own compete in their only "
      "ones. A claim about run time holds if it does at every sample count. The last column is "
      "the answer of the corrected settings. Nothing corrects for the number of comparisons.");
  section.blocks.push_back({.note = "How many data sets say so.", .table = summary_table(results)});
  section.blocks.push_back(
      {.note = "Each check: the method, the strongest rival, their paired difference [95 %].",
       .table = detail_table(results)});
  return section;
}

}  // namespace slalom::text_tables
