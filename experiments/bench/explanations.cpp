// Times of explanations: one text of different tokens, DistilBERT of width 768 with random weights, the model
// loaded.
#include <iterator>

#include "bench.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/memory.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/explain/explanation.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/nn/classifier.hpp"
#include "slalom/report/table.hpp"

namespace slalom::bench {

namespace {

constexpr TokenId kFirst = 1, kLast = 2;  // [CLS] and [SEP]

struct Limit {
  double seconds = 0, queries_per_s = 0;  // at most, at least; 0: none. On two cores with AVX-512
};
struct Setting {
  const char* method;
  Index layers, tokens, budget;
  bool fidelity;  // the fidelity block is measured, too
  Limit limit = {};
};
constexpr Setting kSettings[] = {{"slalom-exact", 1, 100, 0, false},
                                 {"slalom-eff", 1, 100, 5000, false},
                                 {"slalom-fidel", 1, 100, 5000, false},
                                 {"slalom-exact", 2, 100, 0, false},
                                 {"slalom-eff", 2, 100, 5000, false},
                                 {"slalom-fidel", 2, 100, 5000, false},
                                 {"slalom-exact", 6, 200, 0, false, {.seconds = 0.4}},
                                 {"slalom-exact", 6, 200, 0, true, {.seconds = 3}},
                                 {"kernel-shap", 6, 200, 1000, false, {.queries_per_s = 40}}};

struct Row {
  Setting setting;
  Times times;
  QueryCost cost;
  std::size_t peak_bytes;

  double queries_per_s() const { return static_cast<double>(cost.queries) / times.median; }
};

Row measure(const Setting& setting, double seconds) {
  reset_peak_resident();
  Classifier<float> model(default_config(Architecture::distilbert, setting.layers, 768, 12, 30522));
  model.initialise(0);
  ModelBlackBox<float> f(model, 1, 4096);
  std::vector<TokenId> ids = {kFirst};
  for (Index i = 0; i < setting.tokens; ++i) ids.push_back(static_cast<TokenId>(1000 + 7 * i));
  ids.push_back(kLast);
  const ExplainedText text(ids, [](TokenId id) { return id == kFirst || id == kLast; });
  ExplainOptions options;
  options.budget = setting.budget;
  if (!setting.fidelity) options.held_out = 0;
  Explanation explanation;
  const auto work = [&] { explanation = explain(method_named(setting.method), f, text, options); };
  const Times times = times_of(work, seconds, 3);
  if (explanation.fidelity) explanation.cost += explanation.fidelity->cost;
  return {setting, times, explanation.cost, peak_resident_bytes()};
}

std::string json_row(const Row& r) {
  return JsonRow()
      .field("arch", "distilbert")
      .field("layers", r.setting.layers)
      .field("width", 768)
      .field("method", r.setting.method)
      .field("tokens", r.setting.tokens)
      .field("fidelity", r.setting.fidelity)
      .field("queries", r.cost.queries)
      .field("unique_queries", r.cost.unique_queries)
      .field("token_forwards", r.cost.token_forwards)
      .digits(4)
      .field("seconds_min", r.times.least)
      .field("seconds_median", r.times.median)
      .field("queries_per_s", r.queries_per_s())
      .field("core", blas_core())
      .field("threads", threads())
      .field("peak_mib", static_cast<double>(r.peak_bytes >> 20))
      .str();
}

std::string limit_text(const Limit& limit) {
  if (limit.seconds > 0) return "≤ " + shortest(limit.seconds) + " s";
  return limit.queries_per_s > 0 ? "≥ " + shortest(limit.queries_per_s) + " /s" : "";
}

std::string table_of(const std::vector<Row>& rows) {
  using enum Table::Align;
  Table table({{"method", left},
               {"layers", right},
               {"tokens", right},
               {"fidelity", left},
               {"queries", right},
               {"asked", right},
               {"s min", right},
               {"median", right},
               {"queries/s", right},
               {"limit", right},
               {"peak MiB", right}});
  for (const Row& r : rows)
    table.add_row({r.setting.method, std::to_string(r.setting.layers), std::to_string(r.setting.tokens),
                   r.setting.fidelity ? "measured" : "", std::to_string(r.cost.queries),
                   std::to_string(r.cost.unique_queries), fixed(r.times.least, 3), fixed(r.times.median, 3),
                   fixed(r.queries_per_s(), 0), limit_text(r.setting.limit),
                   std::to_string(r.peak_bytes >> 20)});
  return table.text() +
         "explanations of a text, DistilBERT of width 768; queries/s from the median, limits for two cores "
         "with AVX-512\n";
}

}  // namespace

Index explanation_rows() {
  return static_cast<Index>(std::size(kSettings));
}

Measured measure_explanations(const std::vector<Index>& chosen, double seconds) {
  return measure_rows(kSettings, chosen, seconds, measure, json_row, table_of);
}

}  // namespace slalom::bench
