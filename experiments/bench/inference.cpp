// Rates of inference: DistilBERT of 6 layers and width 768 with random weights, texts of random ids, all
// different; packing, prediction and logits included.
#include <iterator>

#include "bench.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/memory.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/random.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/nn/classifier.hpp"
#include "slalom/nn/cost.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/report/table.hpp"

namespace slalom::bench {

namespace {

struct Setting {
  Index texts, length;
  double limit;  // tokens/s on two cores with AVX-512
  Index tokens() const { return texts * length; }
};
constexpr Setting kSettings[] = {{256, 5, 5500}, {16, 202, 4300}};

struct Row : Products {
  Setting setting;

  double rate(double seconds) const { return static_cast<double>(setting.tokens()) / seconds; }
};

PackedBatch random_texts(const Setting& setting, Index vocabulary) {
  PackedBatch batch;
  std::vector<TokenId> ids(static_cast<std::size_t>(setting.length));
  for (Index b = 0; b < setting.texts; ++b) {
    Rng rng(0, Purpose::data, static_cast<std::uint64_t>(b));
    for (TokenId& id : ids) id = static_cast<TokenId>(rng.below(static_cast<std::uint32_t>(vocabulary)));
    batch.add(ids, 0);
  }
  return batch;
}

Row measure(const Setting& setting, double seconds) {
  reset_peak_resident();
  const ClassifierConfig config = default_config(Architecture::distilbert, 6, 768, 12, 30522);
  Classifier<float> model(config);
  model.initialise(0);
  const PackedBatch batch = random_texts(setting, config.vocabulary);
  const PackedTexts& texts = batch;
  Predictor<float> predictor(model);
  std::vector<float> logits;
  const auto predict = [&] { predictor.logits(texts, logits); };
  predict();
  Row row{products_of(predict, seconds, 3), setting};
  row.useful_gflop = forward_flops(config, texts) * 1e-9;
  row.peak_bytes = peak_resident_bytes();
  return row;
}

std::string json_row(const Row& r) {
  JsonRow row;
  row.field("arch", "distilbert")
      .field("layers", 6)
      .field("width", 768)
      .field("texts", r.setting.texts)
      .field("length", r.setting.length)
      .digits(4)
      .field("tokens_per_s", r.rate(r.times.median))
      .field("tokens_per_s_best", r.rate(r.times.least))
      .field("seconds_min", r.times.least)
      .field("seconds_median", r.times.median);
  return r.add_to(row).str();
}

std::string table_of(const std::vector<Row>& rows) {
  using enum Table::Align;
  Table table({{"texts", right},
               {"length", right},
               {"tokens/s", right},
               {"best", right},
               {"limit", right},
               {"GFLOP/s", right},
               {"sgemm", right},
               {"efficiency", right},
               {"peak MiB", right}});
  for (const Row& r : rows)
    table.add_row({std::to_string(r.setting.texts), std::to_string(r.setting.length),
                   fixed(r.rate(r.times.median), 0), fixed(r.rate(r.times.least), 0),
                   "≥ " + fixed(r.setting.limit, 0), fixed(r.gflops(), 0), fixed(r.sgemm_gflops, 0),
                   fixed(r.efficiency(), 2), std::to_string(r.peak_bytes >> 20)});
  return concat(
      table.text(),
      "inference, DistilBERT of 6 layers and width 768; tokens/s and efficiency from the median, the "
      "limit for two cores with AVX-512\n");
}

}  // namespace

Index inference_rows() {
  return static_cast<Index>(std::size(kSettings));
}

Measured measure_inference(const std::vector<Index>& chosen, double seconds) {
  return measure_rows(kSettings, chosen, seconds, measure, json_row, table_of);
}

}  // namespace slalom::bench
