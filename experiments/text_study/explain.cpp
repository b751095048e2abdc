// One text, every method, every number.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "slalom/base/correlation.hpp"
#include "slalom/base/random.hpp"
#include "slalom/metrics/removal.hpp"
#include "text_study.hpp"

namespace slalom::text_study {

using namespace experiment;

namespace {

constexpr Index kMostRemoved = 10, kDeletions = 20, kStep = 5, kCalibration = 40;

// A classifier's answers to deletions that no explanation was made to predict.
struct Removals {
  Coalitions drawn;
  std::vector<double> change;  // F(deletion) − F(text), nats
};

// What all methods of a text are scored with.
struct Yardsticks {
  std::vector<std::pair<std::string, std::vector<double>>> references;  // (n), of the explained class
  std::vector<int> human;                                               // (n) or empty
  Removals removals, published_removals;
  std::vector<double> single;  // (n) F(text without i) − F(text)
  // Of the published metrics, which speak of class 1 and of the true label.
  double sign;  // 1 if class 1 is explained, −1 for class 0
  int label;
  std::vector<TokenId> tokens;              // (n)
  std::span<const double> published_bayes;  // (V), or empty
  published::AttendedTokens attended;
};

std::vector<TokenId> tokens_of(const ExplainedText& text) {
  std::vector<TokenId> ids;
  for (const ExplainedText::Range& unit : text.units())
    ids.push_back(text.ids()[static_cast<std::size_t>(unit.first)]);
  return ids;
}

Yardsticks yardsticks(BlackBox& f, const ExplainedText& text, const StudyText& study, double sign,
                      const References& references, std::uint64_t seed, std::uint64_t seed_of_all) {
  Yardsticks y;
  y.tokens = tokens_of(text);
  y.sign = sign;
  y.label = study.label;
  const auto add = [&](const char* name, const auto& weight) {
    std::vector<double>& weights = y.references.emplace_back(name, std::vector<double>()).second;
    for (const TokenId id : y.tokens) weights.push_back(sign * weight(id));
  };
  if (study.drawn != nullptr) {
    add("true-log-odds", [&](TokenId id) { return study.drawn->weight(id); });
  } else {
    for (const auto& [name, of_token] : {std::pair("naive-bayes", &references.bayes_scores),
                                         std::pair("logistic-regression", &references.regression.weight),
                                         std::pair("linear-svm", &references.svm.weight)})
      add(name, [&, of_token = of_token](TokenId id) { return (*of_token)[static_cast<std::size_t>(id)]; });
    y.published_bayes = references.published_bayes;
  }
  if (!study.marks.empty())
    for (const ExplainedText::Range& unit : text.units())
      y.human.push_back(study.marks[static_cast<std::size_t>(unit.first)]);

  // A text that was cut has less tokens than people saw.
  for (std::size_t i = 0; i < study.attended.place.size(); ++i)
    if (study.attended.place[i] < text.players()) {
      y.attended.place.push_back(study.attended.place[i]);
      y.attended.marked.push_back(study.attended.marked[i]);
    }

  const ValueFunction values = coalition_values(f, text, {});
  const double whole = log_odds(f, text);
  const auto changes = [&](const Coalitions& kept) {
    std::vector<double> change = checked_values(values, kept);
    for (double& c : change) c -= whole;
    return change;
  };
  y.removals.drawn =
      random_deletions(text.players(), kMostRemoved, kDeletions, false, Purpose::held_out, seed);
  y.published_removals.drawn = published::nested_deletions(
      text.players(), published::removal_orders(text.players(), kDeletions, seed_of_all), kMostRemoved);
  for (Removals* r : {&y.removals, &y.published_removals})
    if (r->drawn.size() > 0) r->change = changes(r->drawn);
  if (text.players() > 1) y.single = changes(single_deletions(text.players()));
  return y;
}

std::vector<std::pair<std::string, const std::vector<double>*>> scores_of(const Explanation& e) {
  std::vector<std::pair<std::string, const std::vector<double>*>> found;
  for (const char* name : {"value", "importance", "linear", "weight"})
    if (const auto* scores = e.find(name)) found.emplace_back(name, scores);
  return found;
}

// Norms and shares have no side: the published metrics take them as they are.
bool has_sides(const std::string& kind, const std::vector<double>& scores) {
  return kind != "importance" && std::ranges::any_of(scores, [](double x) { return x < 0; });
}

Json metrics_of(const std::string& kind, const std::vector<double>& scores, const Yardsticks& y, BlackBox& f,
                const ExplainedText& text) {
  Json found = Json::object();
  if (!std::ranges::all_of(scores, [](double x) { return std::isfinite(x); })) return found;
  const auto set = [&](const std::string& name, double x) { found[name] = x; };
  const bool importances = kind == "importance";
  const ValueFunction values = coalition_values(f, text, {});
  const ValueFunction of_class_1 = [&](const Coalitions& kept) {
    std::vector<double> log_odds = checked_values(values, kept);
    for (double& x : log_odds) x *= y.sign;
    return log_odds;
  };
  std::vector<double> for_class_1 = scores;
  if (has_sides(kind, scores))
    for (double& x : for_class_1) x *= y.sign;

  for (const auto& [name, weights] : y.references) set(name, spearman(scores, weights));
  if (!y.published_bayes.empty())
    set("published-naive-bayes",
        published::naive_bayes_spearman(y.tokens, for_class_1, y.published_bayes, importances));
  if (!y.human.empty()) {
    set("human", roc_auc(scores, {y.human.begin(), y.human.end()}));
    set("published-human", published::attention_auc(for_class_1, y.attended, importances));
  }
  const auto [low, high] = std::ranges::minmax(scores);
  if (low == high) return found;  // equal scores rank nothing
  set("insertion", insertion(scores, values, kStep).area);
  set("deletion", deletion(scores, values, kStep, text.has_empty_text()).area);
  set("published-insertion", 1 - published::insertion(for_class_1, y.label, of_class_1, kStep).area);
  set("published-deletion", 1 - published::deletion(for_class_1, y.label, of_class_1, kStep).area);
  return found;
}

std::vector<double> predicted_changes(const Explanation& e, const Coalitions& kept) {
  const std::vector<std::uint8_t> all(static_cast<std::size_t>(kept.players), 1);
  const double whole = e.predict(all);
  std::vector<double> predicted;
  for (Index i = 0; i < kept.size(); ++i) predicted.push_back(e.predict(kept.row(i)) - whole);
  return predicted;
}

void scale(double factor, std::vector<double>& x) {
  for (double& value : x) value *= factor;
}

// Mean squared errors at 1 … 10 removed tokens, of the predicted changes and of these times the one factor
// that suits them best: what scores in other units can do at most.
void add_removals(const Explanation& e, const Yardsticks& y, Json& record) {
  const auto& [drawn, change] = y.removals;
  if (drawn.size() == 0) return;
  std::vector<double> predicted = predicted_changes(e, drawn);
  record["removal"] = removal_curve(drawn, predicted, change).mse;
  const double products = std::inner_product(predicted.begin(), predicted.end(), change.begin(), 0.0),
               squares = std::inner_product(predicted.begin(), predicted.end(), predicted.begin(), 0.0);
  scale(squares > 0 ? products / squares : 0, predicted);
  record["removal_scaled"] = removal_curve(drawn, predicted, change).mse;

  const auto& published = y.published_removals;
  predicted = predicted_changes(e, published.drawn);
  const std::vector<double>* weight = e.find("weight");
  if (weight != nullptr && !has_sides("weight", *weight)) scale(y.sign, predicted);
  record["published_removal"] = removal_curve(published.drawn, predicted, published.change).mse;

  record["single_removal"] =
      single_removal(predicted_changes(e, single_deletions(drawn.players)), y.single).spearman;
}

// A method and its settings.
struct Variant {
  std::string method;
  bool published;
  Index calibrate = 0;  // deletions that turn the scores into log-odds

  std::string title() const { return method + (calibrate > 0 ? ", calibrated" : ""); }
  const char* settings() const { return published ? "published" : "corrected"; }
};

// All that can explain the subject, in the order of the records.
std::vector<Variant> variants(const Subject& subject) {
  std::vector<Variant> list;
  for (const char* name : {"slalom-fidel", "slalom-eff", "slalom-exact", "lime", "kernel-shap",
                           "linear-deletion", "leave-one-out"})
    list.push_back({name, false});
  if (subject.transformer)
    for (const char* name :
         {"gradient", "input-x-gradient", "integrated-gradients", "attn-lrp", "attention-rollout"})
      list.push_back({name, false});
  for (const char* name : {"random", "zero"}) list.push_back({name, false});
  if (subject.transformer)
    for (const char* name : {"gradient", "input-x-gradient", "integrated-gradients", "attn-lrp"})
      list.push_back({name, false, kCalibration});
  for (std::size_t i = 0, n = list.size(); i < n; ++i)
    if (list[i].calibrate == 0 && method_named(list[i].method).has("as-published"))
      list.push_back({list[i].method, true});
  return list;
}

// The explanation without a fidelity. Empty `queries`: the method's own number.
Explanation explained(const Variant& variant, BlackBox& f, const ExplainedText& text,
                      const Tokenizer& tokenizer, std::optional<Index> queries, std::uint64_t seed) {
  const Method& method = method_named(variant.method);
  ExplainOptions options{
      .calibrate = variant.calibrate, .as_published = variant.published, .seed = seed, .held_out = 0};
  if (method.has("budget") && method.name != std::string("slalom-exact")) options.budget = queries;
  // Kernel SHAP's regression wants two coalitions a token at least.
  if (options.budget && variant.method == "kernel-shap")
    options.budget = std::max(*options.budget, 2 * text.players());
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  options.pad_id = vocabulary.find("[PAD]");
  if (!options.pad_id) options.pad_id = vocabulary.find("<|endoftext|>");
  options.unk_id = vocabulary.find("[UNK]");
  // A text of drawn tokens is none that a tokenizer has made.
  if (!text.encoding().places.empty()) options.tokenizer = &tokenizer;
  // A text without special tokens has no empty form, which Shapley's games need.
  if (variant.method == "kernel-shap" && !text.has_empty_text()) options.masking.replacement = options.pad_id;
  return explain(method, f, text, options);
}

Json cost_of(const Explanation& e) {
  return {{"queries", e.cost.queries},
          {"unique_queries", e.cost.unique_queries},
          {"token_forwards", e.cost.token_forwards}};
}

Json record_of(const Explanation& e, const Variant& variant, const Yardsticks& y, BlackBox& f,
               const ExplainedText& text) {
  Json record = {{"method", variant.title()}, {"settings", variant.settings()}};
  record["scores"] = Json::object();
  record["metrics"] = Json::object();
  for (const auto& [name, scores] : scores_of(e)) {
    record["scores"][name] = *scores;
    record["metrics"][name] = metrics_of(name, *scores, y, f, text);
  }
  add_removals(e, y, record);
  record["cost"] = cost_of(e);
  record["seconds"] = e.seconds;
  record["warnings"] = e.warnings;
  return record;
}

}  // namespace

Json explain_text(const Subject& subject, const StudyText& study, const References& references,
                  const Settings& options) {
  const ExplainedText text(study.encoding, special_ids_of(*subject.tokenizer));
  const double positive = log_odds(*subject.box(kPositive), text);
  const Index predicted = positive > 0 ? kPositive : 0;
  const std::unique_ptr<BlackBox> f = subject.box(predicted);
  // Each text has its own random deletions.
  const std::uint64_t seed =
      stream_key(options.seed, Purpose::query, static_cast<std::uint64_t>(study.number));
  const Yardsticks y =
      yardsticks(*f, text, study, predicted == kPositive ? 1 : -1, references, seed, options.seed);

  Json record = {{"corpus", study.corpus},    {"corpus_title", study.corpus_title},
                 {"model", subject.key},      {"model_title", subject.title},
                 {"text", study.number},      {"label", study.label},
                 {"predicted", predicted},    {"log_odds", std::abs(positive)},
                 {"model_seed", subject.seed}};
  record["tokens"] = Json::array();
  for (const TokenId id : tokens_of(text)) record["tokens"].push_back(subject.tokenizer->readable(id));
  record["references"] = Json::object();
  for (const auto& [name, weights] : y.references) record["references"][name] = weights;
  if (!y.human.empty()) record["human"] = y.human;
  record["methods"] = Json::array();
  for (const Variant& variant : variants(subject)) {
    const Explanation e = explained(variant, *f, text, *subject.tokenizer, options.sizes.queries, seed);
    record["methods"].push_back(record_of(e, variant, y, *f, text));
  }
  return record;
}

std::vector<Json> runtimes(const Subject& subject, const StudyText& study, const Settings& options) {
  const ExplainedText text(study.encoding, special_ids_of(*subject.tokenizer));
  const std::unique_ptr<BlackBox> f = subject.box(kPositive);
  std::vector<Json> lines;
  for (const Variant& variant : variants(subject)) {
    if (variant.calibrate > 0) continue;
    const Method& method = method_named(variant.method);
    const bool samples = method.has("budget") && variant.method != "slalom-exact";
    const std::vector<Index> counts = samples ? options.sizes.samples : std::vector<Index>{0};
    for (const Index count : counts)
      for (Index repeat = 0; repeat < options.sizes.repeats; ++repeat) {
        const Explanation e = explained(variant, *f, text, *subject.tokenizer,
                                        samples ? std::optional(count) : std::nullopt, options.seed);
        lines.push_back({{"model", subject.key},
                         {"model_title", subject.title},
                         {"tokens", text.players()},
                         {"method", variant.method},
                         {"settings", variant.settings()},
                         {"samples", count},
                         {"seconds", e.seconds},
                         {"cost", cost_of(e)}});
      }
  }
  return lines;
}

}  // namespace slalom::text_study
