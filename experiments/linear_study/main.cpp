// Which models are trained, how, and what is asked of them.
#include "linear_study.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "slalom/inspect/enclosure.hpp"
#include "slalom/inspect/inspect.hpp"
#include "slalom/inspect/proof.hpp"
#include "slalom/metrics/metric.hpp"
#include "slalom/model_io/fully_connected_folder.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/classifier.hpp"
#include "slalom/nn/fully_connected.hpp"
#include "slalom/surrogate/linear.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;
using namespace slalom::linear_study;

constexpr int kFormat = 1;  // of the records

// --- models ---------------------------------------------------------------------------------------------

// One model to train; its seed is that of the options.
struct Plan {
  std::string name;   // "gpt2_1", "fully_connected_200", "gpt2_1_no_positions"
  std::string title;  // "GPT-2, 1 layer"
  std::optional<ClassifierConfig> transformer;
  Index hidden = 0;  // of the fully connected network otherwise
  bool special_tokens = false;
  bool probed = true;  // belongs to Figure 3; the others serve the exact claims

  double rate(const Size& size) const { return transformer ? size.rate : 1e-3; }
  Index epochs(const Size& size) const {
    return !transformer ? size.fully_connected_epochs : probed ? size.epochs : size.claim_epochs;
  }
};

Size size_named(const std::string& name) {
  const Size tiny{.layers = "1",
                  .width = 64,
                  .heads = 4,
                  .hidden = {32},
                  .epochs = 2,
                  .epoch_texts = 1500,
                  .fully_connected_epochs = 10,
                  .claim_epochs = 2,
                  .rate = 1e-3,
                  .claim_repeats = 64,
                  .keep_models = true};
  const Size standard{.layers = "1",
                      .width = 768,
                      .heads = 12,
                      .hidden = {200},
                      .epochs = 5,
                      .epoch_texts = 5000,
                      .fully_connected_epochs = 20,
                      .claim_epochs = 2,
                      .rate = 5e-5,
                      .claim_repeats = 512,
                      .keep_models = true};
  Size paper = standard;
  paper.layers = "1,2,4,8,12";
  paper.hidden = {200, 400, 1000};
  paper.keep_models = false;
  return of_size(name, tiny, standard, paper);
}

Plan transformer(const Settings& options, Architecture architecture, Index layers) {
  return {.name = concat(name(architecture), "_", layers),
          .title = title_of(architecture, layers),
          // The vocabulary is set by the data, in train().
          .transformer = default_config(architecture, layers, options.sizes.width, options.sizes.heads, 1),
          .special_tokens = traits(architecture).special_tokens};
}

// Models for the exact claims: one block, no positions.
Plan without_positions(const Settings& options, Architecture architecture, bool special_tokens) {
  Plan plan = transformer(options, architecture, 1);
  plan.transformer->positions = Positions::none;
  plan.name += "_no_positions";
  plan.title += ", no positions";
  if (plan.special_tokens && !special_tokens) {
    plan.name += "_no_cls";
    plan.title += ", no [CLS]";
  }
  plan.special_tokens = special_tokens;
  plan.probed = false;
  return plan;
}

// Those of a run, from 0 on. Fully connected networks have as many runs as the depth that has most.
std::vector<Plan> probed_models(const Settings& options, Index run) {
  std::vector<Plan> list;
  for (const Architecture architecture : kArchitectures)
    for (const auto& [layers, runs] : options.depths)
      if (run < runs) list.push_back(transformer(options, architecture, layers));
  for (const Index hidden : options.sizes.hidden)
    list.push_back({.name = concat("fully_connected_", hidden),
                    .title = concat("fully connected, ", hidden),
                    .hidden = hidden});
  return list;
}

// --- training -------------------------------------------------------------------------------------------

// A trained model in float32 and float64, and how the training ended.
struct Trained {
  SpecialTokens special;
  std::unique_ptr<TextClassifier<float>> single;
  std::unique_ptr<TextClassifier<double>> exact;
  Json record;  // "loss", "accuracy", "seconds"

  experiment::LogOdds log_odds() const { return experiment::log_odds_of(*exact, special); }
};
std::unique_ptr<TextClassifier<float>> new_model(const Plan& plan, const Settings& options,
                                                 const Vocabulary& vocabulary) {
  if (!plan.transformer) {
    FullyConnectedConfig config;
    config.width = options.sizes.width;
    config.hidden = plan.hidden;
    config.vocabulary = vocabulary.size();
    config.padding = vocabulary.find("the").value();
    return std::make_unique<FullyConnected<float>>(config, options.seed);
  }
  ClassifierConfig config = *plan.transformer;
  config.vocabulary = vocabulary.size();
  auto model = std::make_unique<Classifier<float>>(config);
  model->initialise(options.seed);
  return model;
}

std::unique_ptr<TextClassifier<double>> in_float64(const TextClassifier<float>& model, std::uint64_t seed) {
  std::unique_ptr<TextClassifier<double>> exact;
  if (const auto* transformer = dynamic_cast<const Classifier<float>*>(&model))
    exact = std::make_unique<Classifier<double>>(transformer->config());
  else
    exact = std::make_unique<FullyConnected<double>>(
        dynamic_cast<const FullyConnected<float>&>(model).config(), seed);
  for (int i = 0; i < model.parameters().count(); ++i)
    std::ranges::copy(model.parameters().value({i}).span(), exact->parameters().value({i}).data);
  return exact;
}

void save(const TextClassifier<float>& model, std::uint64_t seed, const std::string& folder) {
  if (const auto* transformer = dynamic_cast<const Classifier<float>*>(&model))
    save_model(*transformer, folder);
  else
    save_fully_connected(dynamic_cast<const FullyConnected<float>&>(model), seed, folder);
}

// Writes the model into the folder, if there is one.
Trained train(const Plan& plan, const Settings& options, const Part& part, const SyntheticSource& source,
              const std::string& folder) {
  Trained trained;
  if (plan.special_tokens) trained.special = usual_special_tokens(source.vocabulary());
  trained.single = new_model(plan, options, source.vocabulary());
  const Size& size = options.sizes;
  TrainingConfig config =
      training_on_fresh_texts(options, part, plan.epochs(size), size.epoch_texts, plan.rate(size));
  if (!plan.transformer) {
    config.optimizer = OptimizerConfig::defaults(OptimizerKind::adamw);
    config.optimizer.weight_decay = 0;  // plain Adam
    config.optimizer.schedule.peak = plan.rate(size);
  }
  trained.record = train_on_fresh_texts(*trained.single, source, trained.special, size.epoch_texts, config);
  trained.exact = in_float64(*trained.single, options.seed);
  if (!folder.empty()) save(*trained.single, options.seed, folder);
  return trained;
}

// --- measurements ---------------------------------------------------------------------------------------

// F([τ]^n), n = 1 … repeats.
std::vector<double> repetition_curve(const LogOdds& f, TokenId token, Index repeats) {
  std::vector<Text> texts;
  for (Index n = 1; n <= repeats; ++n) texts.push_back(repeated(token, n));
  return f(texts);
}

// Slope of the least-squares line through (n, F(n)), n = first … last: the weight of the word in the nearest
// linear bag of words.
double slope(const std::vector<double>& f, Index first, Index last) {
  Sample repeats{.tokens = 1};
  for (Index n = first; n <= last; ++n)
    repeats.add(std::vector<Sample::Token>(static_cast<std::size_t>(n)), f[static_cast<std::size_t>(n - 1)]);
  return fit_linear(repeats).model.weight.front();
}

double standard_deviation(const std::vector<double>& x) {
  return summarise(x).standard_error * std::sqrt(static_cast<double>(x.size()));
}

// For slalom verify.
void write_proof(const Certificate& certificate, const SpecialTokens& special, const std::string& folder) {
  ProofClaims claims{.model = folder, .certificates = {certificate}, .repeated = {}};
  if (special.cls) claims.prefix = {*special.cls};
  if (special.sep) claims.suffix = {*special.sep};
  write_file(folder + "/proof.json", proof_json(claims).dump() + "\n");
}

// What is measured of a probed model, in nats: "log_odds_the", "log_odds_perfect" (n = 1 … 30), slopes over
// n, "range", "spread" over fresh texts, "collapsed", and the certificate: "bound", "half_range",
// "enclosure_width", "witness". The proof goes to the folder, if there is one.
Json probe(const Trained& model, const SyntheticSource& source, const std::string& folder) {
  const LogOdds f = model.log_odds();
  const auto token = [&](const char* word) { return source.vocabulary().find(word).value(); };
  std::vector<Text> texts = {{token("the")}};
  for (Index n = 1; n <= kMostRepeats; ++n) texts.push_back(repeated(token("perfect"), n));
  std::vector<double> perfect = f(texts);
  const double the = perfect.front();
  perfect.erase(perfect.begin());
  const auto [low, high] = std::ranges::minmax(perfect);
  const double spread = standard_deviation(f(fresh_texts(source, 500)));
  const Certificate affine = audit_of(*model.exact, source, model.special, 0).affine;
  if (!folder.empty() && affine.proves()) write_proof(affine, model.special, folder);
  double width = 0;
  for (const Interval& i : affine.enclosure) width = std::max(width, i.high - i.low);
  Json witness = Json::array();
  for (const Text& text : affine.witness)
    witness.push_back(text.empty() ? ""
                                   : concat(text.size(), " × ", source.vocabulary().token(text.front())));
  return {{"log_odds_the", the},
          {"log_odds_perfect", perfect},
          {"slope_1_20", slope(perfect, 1, 20)},
          {"slope_2_15", slope(perfect, 2, 15)},
          {"range", high - low},
          {"spread", spread},
          {"collapsed", spread < kCollapsedSpread},
          {"bound", affine.bound},
          {"half_range", affine.half_range},
          {"enclosure_width", width},
          {"witness", witness}};
}

// Claim 1: the read-out at a content token averages equal values, so repeating a token changes nothing.
double largest_change(const LogOdds& f, TokenId vocabulary, Index repeats) {
  double largest = 0;
  for (TokenId token = 0; token < vocabulary; ++token) {
    const std::vector<double> curve = repetition_curve(f, token, repeats);
    for (double value : curve) largest = std::max(largest, std::abs(value - curve.front()));
  }
  return largest;
}

// Weight with which head `head` at [CLS] reads the words of [CLS] τ … τ [SEP].
double weight_on_words(const std::vector<double>& pattern, Index head, Index S) {
  const double* row = pattern.data() + head * S * S;
  double sum = 0;
  for (Index j = 1; j < S - 1; ++j) sum += row[j];
  return sum;
}

// Claim 2: the weight of n equal words is n o / (1 + n o), o the odds of one word. Largest deviation over
// heads and n.
double weight_law_error(Classifier<double>& model, const SpecialTokens& special, TokenId token,
                        Index repeats) {
  double worst = 0;
  std::vector<double> odds(static_cast<std::size_t>(model.config().heads));
  for (Index n = 1; n <= repeats; n *= 2) {
    const std::vector<TokenId> ids = wrap(repeated(token, n), special);
    const auto S = static_cast<Index>(ids.size());
    const std::vector<double> pattern = activations(model, ids, {}, {"blocks.0.attn.pattern"}).front().data;
    for (Index h = 0; h < model.config().heads; ++h) {
      const double weight = weight_on_words(pattern, h, S);
      double& o = odds[static_cast<std::size_t>(h)];
      if (n == 1) o = weight / (1 - weight);
      const double m = static_cast<double>(n) * o;
      worst = std::max(worst, std::abs(weight - m / (1 + m)));
    }
  }
  return worst;
}

// Claims 1 and 2 on a model without positions; names as in expected.tsv.
Json check_claims(const Trained& model, const Plan& plan, Index repeats, const SyntheticSource& source) {
  const LogOdds f = model.log_odds();
  if (!plan.special_tokens)
    return {
        {"claim_1." + plan.name + ".largest_change", largest_change(f, source.vocabulary().size(), repeats)}};

  auto& transformer = dynamic_cast<Classifier<double>&>(*model.exact);
  const std::string prefix = "claim_2." + plan.name;
  double law = 0, last_doubling = 0, first_doubling = 0, largest = 0;
  Encloser encloser(*model.exact, 1);
  for (const TokenId token : words_of(source)) {
    const std::vector<double> curve = repetition_curve(f, token, repeats);
    law = std::max(law, weight_law_error(transformer, model.special, token, repeats));
    first_doubling = std::max(first_doubling, std::abs(curve[1] - curve[0]));
    last_doubling = std::max(last_doubling, std::abs(curve.back() - curve[curve.size() / 2 - 1]));
    const Interval every =
        encloser.repetitions(std::vector{*model.special.cls}, token, std::vector{*model.special.sep});
    largest = std::max({largest, -every.low, every.high});
  }
  return {{prefix + ".weight_law_error", law},
          {prefix + ".change_from_1_to_2", first_doubling},
          {prefix + ".change_over_last_doubling", last_doubling},
          {prefix + ".last_over_first_doubling", last_doubling / first_doubling},
          {prefix + ".largest_log_odds", largest}};
}

// --- program --------------------------------------------------------------------------------------------

Json record_of(const Plan& plan, Index run, Settings options) {
  options.seed += static_cast<std::uint64_t>(run);
  const Size& size = options.sizes;
  const std::string part_name = concat(plan.name, "_run", run);
  const std::string folder = size.keep_models ? concat(options.folder, "/models/", part_name) : "";
  const Json settings = {{"model", plan.name},
                         {"seed", options.seed},
                         {"special_tokens", plan.special_tokens},
                         {"width", size.width},
                         {"heads", size.heads},
                         {"epochs", plan.epochs(size)},
                         {"epoch_texts", size.epoch_texts},
                         {"rate", plan.rate(size)},
                         {"claim_repeats", size.claim_repeats}};
  const auto compute = [&](const Part& part) {
    const BagOfWordsSource source(options.seed);
    const Trained model = train(plan, options, part, source, folder);
    Json record = {{"model", plan.name}, {"title", plan.title}, {"run", run}, {"seed", options.seed}};
    if (plan.transformer)
      record.update(
          {{"architecture", name(plan.transformer->architecture)}, {"layers", plan.transformer->layers}});
    record.update(model.record);
    record.update(plan.probed ? probe(model, source, plan.transformer ? folder : "")
                              : check_claims(model, plan, size.claim_repeats, source));
    return record;
  };
  return folder.empty() ? finished(options, part_name, settings, compute)
                        : finished_model(options, part_name, settings, folder, compute);
}

int run(const ParsedOptions& parsed) {
  Settings options{read_options(parsed, "linear_study", kFormat)};
  options.sizes = size_named(options.size);
  if (!options.recorded.is_null()) return report(recorded_list(options, "models"), options);
  if (parsed.count("layers") > 0) {
    options.sizes.layers = parsed["layers"].word;
    options.sizes.keep_models = true;
  }
  options.depths = read_depths(options.sizes.layers, parsed["runs"].word);
  std::vector<Json> records;
  for (Index i = 0; i < std::ranges::max(options.depths, {}, &Depth::runs).runs; ++i)
    for (const Plan& plan : probed_models(options, i)) records.push_back(record_of(plan, i, options));
  for (const Plan& plan : {without_positions(options, Architecture::gpt2, false),
                           without_positions(options, Architecture::distilbert, false),
                           without_positions(options, Architecture::distilbert, true)})
    records.push_back(record_of(plan, 0, options));
  return is_shard(options) ? 0 : report(records, options);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(argc, argv,
                     study("linear_study", "Can attention classifiers learn a linear relation? (Figure 3)",
                           {{"runs", "N,M", "1", "seeds for each model, of all depths or of each"},
                            {"layers", "A,B", "",
                             "depths of the transformers (default: the size's); their models are kept"}},
                           run));
}
