// One text, every method, every number.
#include <cmath>

#include "slalom/base/correlation.hpp"
#include "slalom/base/random.hpp"
#include "slalom/metrics/removal.hpp"
#include "text_study.hpp"

namespace slalom::text_study {

namespace {

constexpr Index kMostRemoved = 10, kDeletions = 20, kStep = 5;

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double x : values) list.push_back(std::isfinite(x) ? Json(x) : Json());
  return list;
}

// A classifier's answers to deletions that no explanation was made to predict.
struct Removals {
  RandomDeletions drawn;
  std::vector<double> change;  // F(deletion) − F(text), nats
};

// What all methods of a text are scored with.
struct Yardsticks {
  std::vector<std::pair<std::string, std::vector<double>>> references;  // (n), of the explained class
  std::vector<int> human;                                               // (n) or empty
  Removals removals;
  std::vector<double> single;  // (n) F(text without i) − F(text)
};

std::vector<TokenId> tokens_of(const ExplainedText& text) {
  std::vector<TokenId> ids;
  for (const ExplainedText::Range& unit : text.units())
    ids.push_back(text.ids()[static_cast<std::size_t>(unit.first)]);
  return ids;
}

template <class Weight>
std::vector<double> weights(const std::vector<TokenId>& ids, double sign, const Weight& weight) {
  std::vector<double> found;
  found.reserve(ids.size());
  for (const TokenId id : ids) found.push_back(sign * weight(id));
  return found;
}

Yardsticks yardsticks(BlackBox& f, const ExplainedText& text, const StudyText& study, double sign,
                      const References& references, std::uint64_t seed) {
  Yardsticks y;
  const std::vector<TokenId> ids = tokens_of(text);
  const auto add = [&](const char* name, const auto& weight) {
    y.references.emplace_back(name, weights(ids, sign, weight));
  };
  if (study.drawn != nullptr) {
    add("true-log-odds", [&](TokenId id) { return study.drawn->weight(id); });
  } else {
    const auto at = [](const LinearBag& bag) {
      return [&bag](TokenId id) { return bag.weight[static_cast<std::size_t>(id)]; };
    };
    add("naive-bayes", [&](TokenId id) { return references.bayes.score(id); });
    add("logistic-regression", at(references.regression.bag));
    add("linear-svm", at(references.svm.bag));
  }
  if (!study.marks.empty())
    for (const ExplainedText::Range& unit : text.units())
      y.human.push_back(study.marks[static_cast<std::size_t>(unit.first)]);

  const GameValues values = coalition_values(f, text, {});
  const double whole = log_odds(f, text);
  const auto changes = [&](const Coalitions& kept) {
    std::vector<double> change = ask(values, kept);
    for (double& c : change) c -= whole;
    return change;
  };
  y.removals.drawn =
      random_deletions(text.players(), kMostRemoved, kDeletions, false, Purpose::held_out, seed);
  if (!y.removals.drawn.removed.empty()) y.removals.change = changes(y.removals.drawn.kept);
  Coalitions single{text.players(), {}};
  for (Index i = 0; i < text.players(); ++i) single.add(1)[static_cast<std::size_t>(i)] = 0;
  if (text.players() > 1) y.single = changes(single);
  return y;
}

std::vector<std::pair<std::string, const std::vector<double>*>> scores_of(const Explanation& e) {
  if (const auto* s = std::get_if<SlalomScores>(&e.scores))
    return {{"value", &s->value}, {"importance", &s->importance}, {"linear", &s->linear}};
  return {{"weight", &std::get<LinearScores>(e.scores).weight}};
}

Json metrics_of(const std::vector<double>& scores, const Yardsticks& y, BlackBox& f,
                const ExplainedText& text) {
  Json found = Json::object();
  if (!std::ranges::all_of(scores, [](double x) { return std::isfinite(x); })) return found;
  const auto set = [&](const std::string& name, double x) {
    found[name] = std::isfinite(x) ? Json(x) : Json();
  };
  for (const auto& [name, weights] : y.references) set(name, spearman(scores, weights));
  if (!y.human.empty()) set("human", roc_auc(scores, {y.human.begin(), y.human.end()}));
  const GameValues values = coalition_values(f, text, {});
  set("insertion", insertion(scores, values, kStep).area);
  set("deletion", deletion(scores, values, kStep, text.has_empty_text()).area);
  return found;
}

// Mean squared errors at 1 … 10 removed tokens, of the predicted changes and of these times the one factor
// that suits them best: what scores in other units can do at most.
void add_removals(const Explanation& e, const Yardsticks& y, Json& record) {
  const RandomDeletions& drawn = y.removals.drawn;
  if (drawn.removed.empty()) return;
  const std::vector<std::uint8_t> all(static_cast<std::size_t>(drawn.kept.players), 1);
  const double whole = e.predict(all);
  std::vector<double> predicted;
  double products = 0, squares = 0;
  for (Index i = 0; i < drawn.kept.size(); ++i) {
    predicted.push_back(e.predict(drawn.kept.row(i)) - whole);
    products += predicted.back() * y.removals.change[static_cast<std::size_t>(i)];
    squares += predicted.back() * predicted.back();
  }
  record["removal"] = numbers(removal_curve(drawn, predicted, y.removals.change).mse);
  for (double& p : predicted) p *= squares > 0 ? products / squares : 0;
  record["removal_scaled"] = numbers(removal_curve(drawn, predicted, y.removals.change).mse);

  std::vector<double> single;
  std::vector<std::uint8_t> kept = all;
  for (std::size_t i = 0; i < y.single.size(); ++i) {
    kept[i] = 0;
    single.push_back(e.predict(kept) - whole);
    kept[i] = 1;
  }
  if (single.empty()) return;
  const double agreement = single_removal(single, y.single).spearman;
  record["single_removal"] = std::isfinite(agreement) ? Json(agreement) : Json();
}

Json record_of(const Explanation& e, const Variant& variant, const Yardsticks& y, BlackBox& f,
               const ExplainedText& text) {
  Json record = {{"method", variant.method}, {"settings", variant.settings()}};
  record["scores"] = Json::object();
  record["metrics"] = Json::object();
  for (const auto& [name, scores] : scores_of(e)) {
    record["scores"][name] = numbers(*scores);
    record["metrics"][name] = metrics_of(*scores, y, f, text);
  }
  add_removals(e, y, record);
  record["cost"] = {{"queries", e.cost.queries},
                    {"unique_queries", e.cost.unique_queries},
                    {"token_forwards", e.cost.token_forwards}};
  record["seconds"] = e.seconds;
  record["warnings"] = e.warnings;
  return record;
}

}  // namespace

std::vector<Variant> variants(const Subject& subject) {
  std::vector<Variant> list;
  for (const char* name : {"slalom-fidel", "slalom-eff", "slalom-exact", "lime", "kernel-shap"})
    list.push_back({name, false});
  for (const char* name : {"linear-deletion", "leave-one-out"}) list.push_back({name, false});
  if (subject.transformer)
    for (const char* name :
         {"gradient", "input-x-gradient", "integrated-gradients", "attn-lrp", "attention-rollout"})
      list.push_back({name, false});
  list.push_back({"random", false});
  for (const char* name : {"slalom-fidel", "slalom-eff", "lime", "kernel-shap"}) list.push_back({name, true});
  if (subject.transformer) list.push_back({"integrated-gradients", true});
  return list;
}

Explanation explained(const Variant& variant, BlackBox& f, const ExplainedText& text,
                      const Tokenizer& tokenizer, std::optional<Index> queries, std::uint64_t seed) {
  const Method& method = method_named(variant.method);
  ExplainOptions options{.as_published = variant.published, .seed = seed, .held_out = 0};
  if (method.has("budget") && method.name != std::string("slalom-exact")) options.budget = queries;
  // Kernel SHAP's regression wants two coalitions a token at least.
  if (options.budget && variant.method == "kernel-shap")
    options.budget = std::max(*options.budget, 2 * text.players());
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  options.pad_id = vocabulary.find("[PAD]");
  if (!options.pad_id) options.pad_id = vocabulary.find("<|endoftext|>");
  options.unk_id = vocabulary.find("[UNK]");
  options.tokenizer = &tokenizer;
  // A text without special tokens has no empty form, which Shapley's games need.
  if (variant.method == "kernel-shap" && !text.has_empty_text()) options.absence.filler = options.pad_id;
  return explain(method, f, text, options);
}

Json explain_text(const Subject& subject, const StudyText& study, const References& references,
                  const Options& options) {
  const ExplainedText text(study.encoding, experiment::markers_of(*subject.tokenizer));
  const double positive = log_odds(*subject.box(experiment::kPositive), text);
  const Index predicted = positive > 0 ? experiment::kPositive : 0;
  const std::unique_ptr<BlackBox> f = subject.box(predicted);
  // Each text has its own random deletions.
  const std::uint64_t seed =
      stream_key(options.seed, Purpose::query, static_cast<std::uint64_t>(study.number));
  const Yardsticks y =
      yardsticks(*f, text, study, predicted == experiment::kPositive ? 1 : -1, references, seed);

  Json record = {{"corpus", study.corpus}, {"corpus_title", study.corpus_title},
                 {"model", subject.key},   {"model_title", subject.title},
                 {"text", study.number},   {"label", study.label},
                 {"predicted", predicted}, {"log_odds", std::abs(positive)}};
  record["tokens"] = Json::array();
  for (const TokenId id : tokens_of(text)) record["tokens"].push_back(subject.tokenizer->readable(id));
  record["references"] = Json::object();
  for (const auto& [name, weights] : y.references) record["references"][name] = numbers(weights);
  if (!y.human.empty()) record["human"] = y.human;
  record["methods"] = Json::array();
  for (const Variant& variant : variants(subject)) {
    const Explanation e = explained(variant, *f, text, *subject.tokenizer, options.sizes.queries, seed);
    record["methods"].push_back(record_of(e, variant, y, *f, text));
  }
  return record;
}

std::vector<Json> runtimes(const Subject& subject, const StudyText& study, const Options& options) {
  const ExplainedText text(study.encoding, experiment::markers_of(*subject.tokenizer));
  const std::unique_ptr<BlackBox> f = subject.box(experiment::kPositive);
  std::vector<Json> lines;
  for (const Variant& variant : variants(subject)) {
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
                         {"cost",
                          {{"queries", e.cost.queries},
                           {"unique_queries", e.cost.unique_queries},
                           {"token_forwards", e.cost.token_forwards}}}});
      }
  }
  return lines;
}

}  // namespace slalom::text_study
