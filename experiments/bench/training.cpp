// Step times of training: batch 20, lengths Binomial(30, ½), dropout 0.1 (DistilBERT's classifier 0.2),
// RMSprop, vocabularies of the published models. Efficiency is the rate of the useful products over the step
// time, against the rate of plain products measured in the same process.
#include <iterator>

#include "bench.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/memory.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/nn/classifier.hpp"
#include "slalom/nn/cost.hpp"
#include "slalom/report/table.hpp"
#include "slalom/train/trainer.hpp"

namespace slalom::bench {

namespace {

struct Setting {
  Architecture architecture;
  Index layers, width, heads;
};

constexpr Setting kSettings[] = {
    {Architecture::bert, 2, 128, 2},        {Architecture::distilbert, 1, 768, 12},
    {Architecture::gpt2, 1, 768, 12},       {Architecture::bert, 1, 768, 12},
    {Architecture::distilbert, 2, 768, 12}, {Architecture::bert, 4, 768, 12},
    {Architecture::distilbert, 12, 768, 12}};

constexpr Index kBatch = 20;

struct Row : Products {
  Setting setting;
};

ClassifierConfig config_of(const Setting& s) {
  return default_config(s.architecture, s.layers, s.width, s.heads,
                        s.architecture == Architecture::gpt2 ? 50257 : 30522);
}

// Mean of the products that the first `steps` batches need.
double useful_gflop(const ClassifierConfig& config, TrainingData& data, Index steps) {
  double flops = 0;
  PackedBatch batch;
  for (Index s = 0; s < steps; ++s) {
    data.fill(0, s * kBatch, kBatch, batch);
    flops += training_flops(config, batch);
  }
  return flops / static_cast<double>(steps) * 1e-9;
}

Row measure(const Setting& setting, double seconds) {
  reset_peak_resident();
  const ClassifierConfig config = config_of(setting);
  Classifier<float> model(config);
  model.initialise(0);
  const BagOfWordsSource source(0);
  const SpecialTokens special =
      config.traits().special_tokens ? usual_special_tokens(source.vocabulary()) : SpecialTokens{};
  FreshTexts data(source, special, Index{1} << 40);
  TrainingConfig training;
  training.batch = kBatch;
  training.epochs = 1;
  training.optimizer.schedule.peak = 5e-5;
  Trainer<float> trainer(model, data, training);
  constexpr Index kWarmUp = 3;
  for (Index i = 0; i < kWarmUp; ++i) trainer.step();
  Row row{products_of([&] { trainer.step(); }, seconds, 10), setting};
  row.useful_gflop = useful_gflop(config, data, kWarmUp + row.times.calls);
  row.peak_bytes = peak_resident_bytes();
  return row;
}

std::string json_row(const Row& r) {
  JsonRow row;
  row.field("arch", name(r.setting.architecture))
      .field("layers", r.setting.layers)
      .field("width", r.setting.width)
      .field("heads", r.setting.heads)
      .field("batch", kBatch)
      .digits(4)
      .field("step_ms_min", 1e3 * r.times.least)
      .field("step_ms_median", 1e3 * r.times.median);
  return r.add_to(row).str();
}

std::string table_of(const std::vector<Row>& rows) {
  using enum Table::Align;
  Table table({{"arch", left},
               {"layers", right},
               {"width", right},
               {"ms min", right},
               {"median", right},
               {"GFLOP", right},
               {"GFLOP/s", right},
               {"sgemm", right},
               {"efficiency", right},
               {"peak MiB", right}});
  for (const Row& r : rows)
    table.add_row({name(r.setting.architecture), std::to_string(r.setting.layers),
                   std::to_string(r.setting.width), fixed(1e3 * r.times.least, 2),
                   fixed(1e3 * r.times.median, 2), fixed(r.useful_gflop, 2), fixed(r.gflops(), 0),
                   fixed(r.sgemm_gflops, 0), fixed(r.efficiency(), 2), std::to_string(r.peak_bytes >> 20)});
  return concat(table.text(), "training steps, batch ", kBatch, "; efficiency from the median step\n");
}

}  // namespace

Index training_rows() {
  return static_cast<Index>(std::size(kSettings));
}

Measured measure_training(const std::vector<Index>& chosen, double seconds) {
  return measure_rows(kSettings, chosen, seconds, measure, json_row, table_of);
}

}  // namespace slalom::bench
