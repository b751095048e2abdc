#include <algorithm>
#include <cmath>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/inspect/audit.hpp"
#include "slalom/metrics/metric.hpp"
#include "slalom/ops/binary_cross_entropy.hpp"
#include "slalom/surrogate/gam.hpp"
#include "slalom/surrogate/linear.hpp"
#include "slalom/surrogate/slalom.hpp"
#include "who_can_add.hpp"

namespace slalom::who_can_add {

std::string Setting::name() const {
  return concat(word_of(kAttentionWords, attention), "/", word_of(kNormWords, norm),
                feed_forward ? "/ff" : "/no-ff", cls ? "/cls/" : "/bare/", word_of(kPositionWords, positions),
                "/", layers);
}

std::vector<Setting> cells(const std::vector<Depth>& depths) {
  using enum AttentionKind;
  std::vector<Setting> list;
  for (const Depth& depth : depths)
    for (const AttentionKind attention : {softmax, softmax_plus_one, sigmoid, linear, sum})
      for (const Norm norm : {Norm::layer, Norm::rms, Norm::none})
        for (const bool feed_forward : {true, false})
          for (const bool cls : {true, false})
            for (const Positions positions : {Positions::learned, Positions::rope, Positions::none})
              list.push_back({attention, norm, feed_forward, cls, positions, depth.layers});
  return list;
}

ClassifierConfig config_of(const Setting& cell, const Size& size) {
  ClassifierConfig c = default_config(Architecture::distilbert, cell.layers, size.width, size.heads, 1);
  c.set_dropout(0);
  c.attention = cell.attention;
  c.norm = cell.norm;
  c.positions = cell.positions;
  c.feed_forward_on = cell.feed_forward;
  c.head_hidden = false;
  return c;
}

Json settings_of(const Options& options) {
  const Size& s = options.sizes;
  return {{"width", s.width}, {"heads", s.heads},   {"epochs", s.epochs}, {"epoch_texts", s.epoch_texts},
          {"rate", s.rate},   {"fitted", s.fitted}, {"scored", s.scored}, {"seed", options.seed}};
}

Model train(ClassifierConfig config, bool cls, Index seed, const Options& options) {
  const BagOfWordsSource source(static_cast<std::uint64_t>(seed));
  config.vocabulary = source.vocabulary().size();
  Model model;
  if (cls) model.special = usual_special_tokens(source.vocabulary());
  Classifier<float> single(config);
  single.initialise(static_cast<std::uint64_t>(seed));
  TrainingConfig t;
  t.epochs = options.sizes.epochs;
  const Index steps = t.epochs * ceil_div(options.sizes.epoch_texts, t.batch);
  t.optimizer = OptimizerConfig::defaults(OptimizerKind::rmsprop);
  t.optimizer.schedule = {.peak = options.sizes.rate, .warmup_steps = steps / 10, .total_steps = steps};
  t.optimizer.max_gradient_norm = 1;
  t.seed = static_cast<std::uint64_t>(seed);
  train_on_fresh_texts(single, source, model.special, options.sizes.epoch_texts, t);
  model.exact = std::make_unique<Classifier<double>>(config);
  for (int i = 0; i < single.parameters().count(); ++i)
    std::ranges::copy(single.parameters().value({i}).span(), model.exact->parameters().value({i}).data);
  return model;
}

namespace {

// Least squares over n = 1 … 20.
double slope(const std::vector<double>& curve) {
  Sample repeats{.tokens = 1};
  for (std::size_t n = 1; n <= 20; ++n) repeats.add(std::vector<Sample::Token>(n), curve[n - 1]);
  return fit_linear(repeats).model.weight.front();
}

// Mean over the texts of the loss expected under their true log-odds, beyond that of the truth itself.
double excess_loss(const SyntheticSource& source, const std::vector<Text>& texts,
                   const std::vector<double>& f) {
  double sum = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const double truth = source.log_odds(texts[i]), p = 1 / (1 + std::exp(-truth));
    sum += binary_cross_entropy_of(f[i], p) - binary_cross_entropy_of(truth, p);
  }
  return sum / static_cast<double>(texts.size());
}

// Shares of the variance over the scored texts that the surrogates leave.
Json unexplained(const Sample& fitted, const Sample& scored, double variance) {
  Json share;
  const auto score = [&](const char* name, const auto& model) {
    share[name] = mean_squared_error(scored, predict(model, scored)) / variance;
  };
  score("linear", fit_linear(fitted).model);
  score("gam", fit_gam(fitted).model);
  score("slalom", fit_slalom(fitted, {.least_squares = true}).model);
  score("slalom_background", fit_slalom(fitted, {.background = true, .least_squares = true}).model);
  return share;
}

Json measure(const Model& model, Index seed, const Size& size) {
  const BagOfWordsSource source(static_cast<std::uint64_t>(seed));
  const LogOdds f = model.log_odds();
  const std::vector<Text> texts = fresh_texts(source, size.fitted + size.scored);
  const std::vector<double> all = f(texts);
  const auto part = [&](Index first, Index last) {
    return sample_of(source, {texts.begin() + first, texts.begin() + last},
                     {all.begin() + first, all.begin() + last});
  };
  const Sample fitted = part(0, size.fitted), scored = part(size.fitted, size.fitted + size.scored);
  const double spread =
      summarise(scored.target).standard_error * std::sqrt(static_cast<double>(scored.texts()));

  const Audit audit = audit_of(*model.exact, source, model.special, static_cast<std::uint64_t>(seed));
  const std::vector<double>& perfect =
      std::ranges::find(audit.curves, source.vocabulary().find("perfect").value(), &RepetitionCurve::token)
          ->log_odds;
  Json record = {{"excess_loss", excess_loss(source, texts, all)},
                 {"slope", slope(perfect) / kTrueSlope},
                 {"spread", spread},
                 {"bound", audit.affine.bound},
                 {"estimated_bound", audit.affine.estimate},
                 {"half_range", audit.affine.half_range},
                 {"positionwise_bound", audit.positionwise.bound},
                 {"collapsed", spread < kCollapsedSpread}};
  if (spread >= kCollapsedSpread) record["unexplained"] = unexplained(fitted, scored, spread * spread);
  for (const double value : perfect) record["curve"].push_back(parse_json(significant(value, 6), "curve"));
  return record;
}

Json record_of(const Setting& cell, Index seed, const Options& options) {
  std::optional<Model> model;
  Json record = {{"model", cell.name()}, {"title", cell.name()}, {"seed", seed}, {"diverged", false}};
  try {
    model = train(config_of(cell, options.sizes), cell.cls, seed, options);
  } catch (const Error&) {
    check_interrupt();
    record["diverged"] = true;
  }
  if (model) record.update(measure(*model, seed, options.sizes));
  return record;
}

}  // namespace

std::vector<Json> run_grid(const Options& options) {
  struct Training {
    Setting cell;
    Index seed;
  };
  std::vector<Training> trainings;
  for (const Depth& depth : options.depths)
    for (Index run = 0; run < depth.runs; ++run)
      for (const Setting& cell : cells({depth}))
        trainings.push_back({cell, static_cast<Index>(options.seed) + run});
  std::vector<Json> records(trainings.size());
  // A thread a cell: the products of such models are too small for two.
  parallel_for(std::ssize(records), [&](Index i) {
    const auto& [cell, seed] = trainings[static_cast<std::size_t>(i)];
    std::string name = cell.name();
    std::ranges::replace(name, '/', '_');
    records[static_cast<std::size_t>(i)] =
        finished(options, name, {{"size", settings_of(options)}, {"run", seed}},
                 [&](const Part&) { return record_of(cell, seed, options); });
  });
  return records;
}

}  // namespace slalom::who_can_add
