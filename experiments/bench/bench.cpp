// Times of training, explaining and inference, as tables and as JSON.
#include <algorithm>
#include <iostream>
#include <iterator>

#include "../support/experiment.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/memory.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/base/random.hpp"
#include "slalom/explain/explanation.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/nn/classifier.hpp"
#include "slalom/nn/cost.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/train/trainer.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;

// --- measuring -------------------------------------------------------------------------------------------

using Work = std::function<void()>;

// Seconds of one call.
struct Times {
  double least, median;
  Index calls;
};

// Calls `work` for about `seconds`, `fewest` times or more.
Times times_of(const Work& work, double seconds, std::size_t fewest) {
  std::vector<double> times;
  for (double spent = 0; spent < seconds || times.size() < fewest; spent += times.back())
    times.push_back(seconds_of(work));
  std::ranges::sort(times);
  return {times.front(), times[times.size() / 2], std::ssize(times)};
}

double middle(const std::vector<double>& sorted) {
  return sorted[sorted.size() / 2];
}

// Sorted seconds of calls of two works in turn, so that what else the machine does is the same for both, and
// sorted ratios of the one to the other.
struct Paired {
  std::vector<double> one, other, ratios;

  void add_to(JsonRow& json) const {
    json.field("ratio_min", ratios.front())
        .field("ratio_median", middle(ratios))
        .field("ratio_max", ratios.back());
  }
  void add_to(std::vector<std::string>& cells) const {
    for (const double ratio : {ratios.front(), middle(ratios), ratios.back()})
      cells.push_back(fixed(ratio, 2));
  }
};

Paired in_turn(const Work& one, const Work& other, double seconds) {
  one(), other();  // warm up
  Paired times;
  for (double spent = 0; spent < seconds || times.ratios.size() < 3;
       spent += times.one.back() + times.other.back()) {
    times.one.push_back(seconds_of(one));
    times.other.push_back(seconds_of(other));
    times.ratios.push_back(times.one.back() / times.other.back());
  }
  for (std::vector<double>* list : {&times.one, &times.other, &times.ratios}) std::ranges::sort(*list);
  return times;
}

// A row as a JSON object, and as cells of a table.
struct Row {
  JsonRow json;
  std::vector<std::string> cells;

  void add_peak() {
    const std::size_t mebibytes = peak_resident_bytes() >> 20;
    json.field("core", blas_core())
        .field("threads", threads())
        .field("peak_mib", static_cast<double>(mebibytes));
    cells.push_back(std::to_string(mebibytes));
  }
};

// The rate of plain products; of two measurements around a row the better counts.
double gemm_rate() {
  return measure_gemm_rate(0.3);
}

// Against it the rate of the products (GFLOP) that a call cannot do without, in the median of its time.
void add_rates(double useful_gflop, const Times& times, double sgemm, Row& row) {
  const double rate = useful_gflop / times.median;
  row.json.field("useful_gflop", useful_gflop).field("sgemm_gflops", sgemm).field("efficiency", rate / sgemm);
  row.cells.insert(row.cells.end(), {fixed(rate, 0), fixed(sgemm, 0), fixed(rate / sgemm, 2)});
  row.add_peak();
}

// --- training steps --------------------------------------------------------------------------------------

// Lengths Binomial(30, ½), dropout 0.1 (DistilBERT's classifier 0.2), RMSprop, vocabularies of the published
// models.
struct TrainingSetting {
  Architecture architecture;
  Index layers, width, heads;
};
constexpr TrainingSetting kTrainings[] = {
    {Architecture::bert, 2, 128, 2},        {Architecture::distilbert, 1, 768, 12},
    {Architecture::gpt2, 1, 768, 12},       {Architecture::bert, 1, 768, 12},
    {Architecture::distilbert, 2, 768, 12}, {Architecture::bert, 4, 768, 12},
    {Architecture::distilbert, 12, 768, 12}};
constexpr Index kBatch = 20;

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

struct Training {
  explicit Training(const TrainingSetting& s)
      : config(default_config(s.architecture, s.layers, s.width, s.heads,
                              s.architecture == Architecture::gpt2 ? 50257 : 30522)) {
    model.initialise(0);
  }
  static TrainingConfig settings() {
    TrainingConfig training;
    training.batch = kBatch;
    training.epochs = 1;
    training.optimizer.schedule.peak = 5e-5;
    return training;
  }

  ClassifierConfig config;
  Classifier<float> model{config};
  BagOfWordsSource source{0};
  SpecialTokens special =
      config.traits().special_tokens ? usual_special_tokens(source.vocabulary()) : SpecialTokens{};
  FreshTexts data{source, special, Index{1} << 40};
  Trainer<float> trainer{model, data, settings()};
};

Row measure_training(const TrainingSetting& s, double seconds) {
  Training training(s);
  constexpr Index kWarmUp = 3;
  for (Index i = 0; i < kWarmUp; ++i) training.trainer.step();
  const double before = gemm_rate();
  const Times times = times_of([&] { training.trainer.step(); }, seconds, 10);
  const double sgemm = std::max(before, gemm_rate()), least = 1e3 * times.least, median = 1e3 * times.median,
               gflop = useful_gflop(training.config, training.data, kWarmUp + times.calls);
  Row row;
  row.json.field("arch", name(s.architecture))
      .field("layers", s.layers)
      .field("width", s.width)
      .field("heads", s.heads)
      .field("batch", kBatch)
      .digits(4)
      .field("step_ms_min", least)
      .field("step_ms_median", median);
  row.cells = {name(s.architecture), std::to_string(s.layers), std::to_string(s.width),
               fixed(least, 2),      fixed(median, 2),         fixed(gflop, 2)};
  add_rates(gflop, times, sgemm, row);
  return row;
}

// --- explanations ----------------------------------------------------------------------------------------

// One text of different tokens, DistilBERT of width 768 with random weights, the model loaded.
struct ExplanationSetting {
  const char* method;
  Index layers, tokens, budget;
  bool fidelity;           // the fidelity block is measured, too
  const char* limit = "";  // on two cores with AVX-512
};
constexpr ExplanationSetting kExplanations[] = {{"slalom-exact", 1, 100, 0, false},
                                                {"slalom-eff", 1, 100, 5000, false},
                                                {"slalom-fidel", 1, 100, 5000, false},
                                                {"slalom-exact", 2, 100, 0, false},
                                                {"slalom-eff", 2, 100, 5000, false},
                                                {"slalom-fidel", 2, 100, 5000, false},
                                                {"slalom-exact", 6, 200, 0, false, "≤ 0.4 s"},
                                                {"slalom-exact", 6, 200, 0, true, "≤ 3 s"},
                                                {"kernel-shap", 6, 200, 1000, false, "≥ 40 /s"}};

Row measure_explanation(const ExplanationSetting& s, double seconds) {
  constexpr TokenId kFirst = 1, kLast = 2;  // [CLS] and [SEP]
  Classifier<float> model(default_config(Architecture::distilbert, s.layers, 768, 12, 30522));
  model.initialise(0);
  ModelBlackBox<float> f(model, 1, 4096);
  std::vector<TokenId> ids = {kFirst};
  for (Index i = 0; i < s.tokens; ++i) ids.push_back(static_cast<TokenId>(1000 + 7 * i));
  ids.push_back(kLast);
  const ExplainedText text(ids, [](TokenId id) { return id == kFirst || id == kLast; });
  ExplainOptions options;
  options.budget = s.budget;
  if (!s.fidelity) options.held_out = 0;
  Explanation explanation;
  const Times times =
      times_of([&] { explanation = explain(method_named(s.method), f, text, options); }, seconds, 3);
  QueryCost cost = explanation.cost;
  if (explanation.fidelity) cost += explanation.fidelity->cost;
  const double rate = static_cast<double>(cost.queries) / times.median;
  Row row;
  row.json.field("arch", "distilbert")
      .field("layers", s.layers)
      .field("width", 768)
      .field("method", s.method)
      .field("tokens", s.tokens)
      .field("fidelity", s.fidelity)
      .field("queries", cost.queries)
      .field("unique_queries", cost.unique_queries)
      .field("token_forwards", cost.token_forwards)
      .digits(4)
      .field("seconds_min", times.least)
      .field("seconds_median", times.median)
      .field("queries_per_s", rate);
  row.cells = {s.method,
               std::to_string(s.layers),
               std::to_string(s.tokens),
               s.fidelity ? "measured" : "",
               std::to_string(cost.queries),
               std::to_string(cost.unique_queries),
               fixed(times.least, 3),
               fixed(times.median, 3),
               fixed(rate, 0),
               s.limit};
  row.add_peak();
  return row;
}

// --- inference -------------------------------------------------------------------------------------------

// DistilBERT of 6 layers and width 768 with random weights, texts of random ids, all different; packing,
// prediction and logits included.
struct InferenceSetting {
  Index texts, length;
  double limit;  // tokens/s on two cores with AVX-512
};
constexpr InferenceSetting kInferences[] = {{256, 5, 5500}, {16, 202, 4300}};

PackedBatch random_texts(const InferenceSetting& s, Index vocabulary) {
  PackedBatch batch;
  std::vector<TokenId> ids(static_cast<std::size_t>(s.length));
  for (Index b = 0; b < s.texts; ++b) {
    Rng rng(0, Purpose::data, static_cast<std::uint64_t>(b));
    for (TokenId& id : ids) id = static_cast<TokenId>(rng.below(static_cast<std::uint32_t>(vocabulary)));
    batch.add(ids);
  }
  return batch;
}

Row row_of(const InferenceSetting& s) {
  Row row;
  row.json.field("arch", "distilbert")
      .field("layers", 6)
      .field("width", 768)
      .field("texts", s.texts)
      .field("length", s.length);
  return row;
}

Row measure_inference(const InferenceSetting& s, double seconds) {
  const ClassifierConfig config = default_config(Architecture::distilbert, 6, 768, 12, 30522);
  Classifier<float> model(config);
  model.initialise(0);
  const PackedBatch batch = random_texts(s, config.vocabulary);
  Predictor<float> predictor(model);
  std::vector<float> logits;
  const auto predict = [&] { predictor.logits(batch, logits); };
  predict();
  const double before = gemm_rate();
  const Times times = times_of(predict, seconds, 3);
  const double sgemm = std::max(before, gemm_rate()), tokens = static_cast<double>(batch.rows());
  Row row = row_of(s);
  row.json.digits(4)
      .field("tokens_per_s", tokens / times.median)
      .field("tokens_per_s_best", tokens / times.least)
      .field("seconds_min", times.least)
      .field("seconds_median", times.median);
  row.cells = {std::to_string(s.texts), std::to_string(s.length), fixed(tokens / times.median, 0),
               fixed(tokens / times.least, 0), "≥ " + fixed(s.limit, 0)};
  add_rates(forward_flops(config, batch) * 1e-9, times, sgemm, row);
  return row;
}

// --- bf16 ------------------------------------------------------------------------------------------------

// The same model and texts in float32 and with the blocks' maps in bf16; a tenth of the texts is computed in
// both (Predictor).
Row measure_bf16(const InferenceSetting& s, double seconds) {
  const ClassifierConfig config = default_config(Architecture::distilbert, 6, 768, 12, 30522);
  Classifier<float> model(config);
  model.initialise(0);
  const PackedBatch batch = random_texts(s, config.vocabulary);
  Predictor<float> in_full(model), in_bf16(model, 4096, BlockMaps::bf16);
  std::vector<float> logits;
  const Paired times =
      in_turn([&] { in_full.logits(batch, logits); }, [&] { in_bf16.logits(batch, logits); }, seconds);
  const double tokens = static_cast<double>(batch.rows()), full = tokens / middle(times.one),
               bf16 = tokens / middle(times.other);
  Row row = row_of(s);
  row.json.field("amx", bf16_unit() == Bf16Unit::amx)
      .digits(4)
      .field("f32_tokens_per_s", full)
      .field("bf16_tokens_per_s", bf16);
  times.add_to(row.json);
  row.cells = {std::to_string(s.texts), std::to_string(s.length), fixed(full, 0), fixed(bf16, 0)};
  times.add_to(row.cells);
  row.add_peak();
  return row;
}

// --- peers -----------------------------------------------------------------------------------------------

// A program that computes the same (peer.py, peer.cjs), and answers a line when it has.
struct PeerSetting {
  bool onnx;
  TrainingSetting model;
  InferenceSetting texts{};  // none: a training step
};
constexpr TrainingSetting kSixLayers = {Architecture::distilbert, 6, 768, 12};
constexpr PeerSetting kPeers[] = {{false, kTrainings[0]},
                                  {false, kTrainings[1]},
                                  {false, kTrainings[2]},
                                  {false, kTrainings[5]},
                                  {false, kTrainings[6]},
                                  {false, kSixLayers, kInferences[0]},
                                  {false, kSixLayers, kInferences[1]},
                                  {true, kSixLayers, kInferences[0]},
                                  {true, kSixLayers, kInferences[1]}};

std::string command_of(const PeerSetting& s, const std::string& onnx) {
  const TrainingSetting& m = s.model;
  const std::string threads_are = concat("export OMP_NUM_THREADS=", threads(), "; "),
                    texts = concat(s.texts.texts, " ", s.texts.length);
  const auto torch = [&](const char* what) {
    return concat("python3 experiments/bench/peer.py ", what, " ", name(m.architecture), " ", m.layers, " ",
                  m.width, " ", m.heads, " ");
  };
  if (s.onnx)
    return concat(threads_are, "[ -e ", onnx, " ] || ", torch("export"), onnx,
                  " && exec node experiments/bench/peer.cjs ", onnx, " ", texts);
  return concat(threads_are, "exec ", s.texts.texts > 0 ? torch("predict") + texts : torch("train"));
}

Row measure_peer(const PeerSetting& s, double seconds, const std::string& onnx) {
  const bool trains = s.texts.texts == 0;
  CommandBlackBox peer(command_of(s, onnx), 300);
  TokenId asked = 0;
  const auto theirs = [&] { peer.log_odds(std::vector{asked++}); };
  Training training(s.model);
  Predictor<float> predictor(training.model);
  std::vector<float> logits;
  const PackedBatch batch = random_texts(s.texts, training.config.vocabulary);
  const auto ours = [&] { trains ? (void)training.trainer.step() : predictor.logits(batch, logits); };
  Row row;
  row.json.field("peer", s.onnx ? "ONNX Runtime" : "PyTorch")
      .field("arch", name(s.model.architecture))
      .field("layers", s.model.layers)
      .field("width", s.model.width)
      .field("texts", trains ? kBatch : s.texts.texts)
      .field("length", s.texts.length);
  row.cells = {s.onnx ? "ONNX Runtime" : "PyTorch", name(s.model.architecture),
               std::to_string(s.model.layers), std::to_string(s.model.width),
               trains ? "training step" : concat(s.texts.texts, " texts of ", s.texts.length)};
  try {
    const Paired times = in_turn(theirs, ours, seconds);
    const double their_ms = 1e3 * middle(times.one), our_ms = 1e3 * middle(times.other);
    row.json.digits(4).field("ms_median", our_ms).field("peer_ms_median", their_ms);
    times.add_to(row.json);
    row.cells.insert(row.cells.end(), {fixed(our_ms, 1), fixed(their_ms, 1)});
    times.add_to(row.cells);
  } catch (const Error& e) {
    row.json.field("error", e.what());
    row.cells.insert(row.cells.end(), {"not measured", "", "", "", ""});
    std::cerr << "not measured: " << e.what() << '\n' << e.hint() << '\n';
  }
  return row;
}

// --- program ---------------------------------------------------------------------------------------------

struct Kind {
  std::size_t rows;
  std::function<Row(std::size_t row, double seconds)> measure;
  std::vector<std::string> headers;
  std::string caption;
};

template <class Setting, std::size_t N>
Kind kind_of(const Setting (&settings)[N], Row (*measure)(const Setting&, double),
             std::vector<std::string> headers, const std::string& caption) {
  return {N, [&settings, measure](std::size_t i, double seconds) { return measure(settings[i], seconds); },
          std::move(headers), caption};
}

// ONNX: of DistilBERT with 6 layers; empty: no peers.
std::vector<Kind> all_kinds(const std::string& onnx) {
  std::vector<Kind> kinds = {
      kind_of(kTrainings, measure_training,
              {"arch", "layers", "width", "ms min", "median", "GFLOP", "GFLOP/s", "sgemm", "efficiency",
               "peak MiB"},
              concat("training steps, batch ", kBatch, "; efficiency from the median step")),
      kind_of(kExplanations, measure_explanation,
              {"method", "layers", "tokens", "fidelity", "queries", "asked", "s min", "median", "queries/s",
               "limit", "peak MiB"},
              "explanations of a text, DistilBERT of width 768; queries/s from the median, limits for two "
              "cores with AVX-512"),
      kind_of(kInferences, measure_inference,
              {"texts", "length", "tokens/s", "best", "limit", "GFLOP/s", "sgemm", "efficiency", "peak MiB"},
              "inference, DistilBERT of 6 layers and width 768; tokens/s and efficiency from the median, the "
              "limit for two cores with AVX-512"),
      kind_of(kInferences, measure_bf16,
              {"texts", "length", "f32 tokens/s", "bf16", "ratio min", "median", "max", "peak MiB"},
              concat("inference with the blocks' maps in bf16 against float32, in turn; products ",
                     bf16_unit() == Bf16Unit::amx ? "on AMX tiles" : "emulated"))};
  if (!onnx.empty())
    kinds.push_back(
        {std::size(kPeers),
         [=](std::size_t i, double seconds) { return measure_peer(kPeers[i], seconds, onnx); },
         {"peer", "arch", "layers", "width", "work", "ours, ms", "theirs", "ratio min", "median", "max"},
         "times of others' programs against ours, in turn; ratios of calls, above 1 where ours is faster"});
  return kinds;
}

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  const double seconds = number_option(parsed, "seconds");
  const std::vector<Kind> kinds = all_kinds(parsed["peers"].word);
  std::size_t all = 0;
  for (const Kind& kind : kinds) all += kind.rows;
  const auto only = static_cast<std::size_t>(integer_option(parsed, "row", 0, static_cast<Index>(all)));
  std::string json;
  std::cout << "BLAS kernels " << blas_core() << ", " << threads() << " threads\n";
  for (std::size_t number = 0; const Kind& kind : kinds) {
    std::vector<Table::Column> columns;
    for (const std::string& header : kind.headers)
      columns.push_back({header, columns.empty() ? Table::Align::left : Table::Align::right});
    Table table(columns);
    for (std::size_t i = 0; i < kind.rows; ++i) {
      if (only != 0 && only != ++number) continue;
      reset_peak_resident();
      Row row = kind.measure(i, seconds);
      json += (json.empty() ? "[" : ",\n ") + row.json.str();
      table.add_row(std::move(row.cells));
    }
    if (!table.rows().empty()) std::cout << '\n' << table.text() << kind.caption << '\n' << std::flush;
  }
  if (common.output == "-") return 0;
  if (const auto slash = common.output.rfind('/'); slash != std::string::npos)
    make_folders(common.output.substr(0, slash));
  write_file(common.output, json + "]\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(
      argc, argv,
      {.name = "bench",
       .summary = "Times of training steps and of explanations, rates of inference.",
       .options =
           {{"seconds", "S", "4", "spent on each row"},
            {"row", "N", "0", "only this row, from 1"},
            {"peers", "FILE", "",
             "also PyTorch, and ONNX Runtime with this model of six layers, which is made if it is missing"}},
       .run = run,
       .program = ""});
}
