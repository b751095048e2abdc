// Times of explanations: one text of 100 different tokens, DistilBERT of width 768 with random weights, the
// model loaded; without the fidelity block.
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
constexpr Index kTokens = 100;

struct Setting {
  const char* method;
  Index layers, budget;
};
constexpr Setting kSettings[] = {{"slalom-exact", 1, 0}, {"slalom-eff", 1, 5000}, {"slalom-fidel", 1, 5000},
                                 {"slalom-exact", 2, 0}, {"slalom-eff", 2, 5000}, {"slalom-fidel", 2, 5000}};

struct Row {
  Setting setting;
  double least, median;  // s
  QueryCost cost;
  std::size_t peak_bytes;
};

Row measure(const Setting& setting, double seconds) {
  reset_peak_resident();
  Classifier<float> model(default_config(Architecture::distilbert, setting.layers, 768, 12, 30522));
  model.initialise(0);
  ModelBlackBox<float> f(model, 1, 4096);
  std::vector<TokenId> ids = {kFirst};
  for (Index i = 0; i < kTokens; ++i) ids.push_back(static_cast<TokenId>(1000 + 7 * i));
  ids.push_back(kLast);
  const ExplainedText text(ids, [](TokenId id) { return id == kFirst || id == kLast; });
  ExplainOptions options;
  options.budget = setting.budget;
  options.held_out = 0;
  Explanation explanation;
  std::vector<double> times;
  for (double spent = 0; spent < seconds || times.size() < 3; spent += times.back()) {
    explanation = explain(method_named(setting.method), f, text, options);
    times.push_back(explanation.seconds);
  }
  const auto [least, median] = least_and_median(times);
  return {setting, least, median, explanation.cost, peak_resident_bytes()};
}

std::string json_row(const Row& r) {
  return JsonRow()
      .field("arch", "distilbert")
      .field("layers", r.setting.layers)
      .field("width", 768)
      .field("method", r.setting.method)
      .field("tokens", kTokens)
      .field("queries", r.cost.queries)
      .field("unique_queries", r.cost.unique_queries)
      .field("token_forwards", r.cost.token_forwards)
      .digits(4)
      .field("seconds_min", r.least)
      .field("seconds_median", r.median)
      .field("core", blas_core())
      .field("threads", threads())
      .field("peak_mib", static_cast<double>(r.peak_bytes >> 20))
      .str();
}

std::string table_of(const std::vector<Row>& rows) {
  using enum Table::Align;
  Table table({{"method", left},
               {"layers", right},
               {"queries", right},
               {"asked", right},
               {"s min", right},
               {"median", right},
               {"peak MiB", right}});
  for (const Row& r : rows)
    table.add_row({r.setting.method, std::to_string(r.setting.layers), std::to_string(r.cost.queries),
                   std::to_string(r.cost.unique_queries), fixed(r.least, 3), fixed(r.median, 3),
                   std::to_string(r.peak_bytes >> 20)});
  return slalom::text(table.text(), "explanations of a text of ", kTokens,
                      " tokens, DistilBERT of width 768\n");
}

}  // namespace

Index explanation_rows() {
  return static_cast<Index>(std::size(kSettings));
}

Measured measure_explanations(const std::vector<Index>& chosen, double seconds) {
  std::vector<Row> rows;
  Measured measured;
  for (const Index i : chosen) {
    rows.push_back(measure(kSettings[i], seconds));
    measured.json.push_back(json_row(rows.back()));
  }
  measured.table = table_of(rows);
  return measured;
}

}  // namespace slalom::bench
