// The surrogates of each model, and this library's fit against the published optimisers.
#include "surrogates.hpp"

#include <algorithm>

#include "slalom/base/sha256.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/surrogate/gam.hpp"
#include "slalom/surrogate/linear.hpp"
#include "slalom/surrogate/published.hpp"

namespace slalom::surrogates {

using namespace experiment;

namespace {

template <class Model>
Predictor predictor(Model model) {
  return [model = std::move(model)](const Sample& sample) { return predict(model, sample); };
}

}  // namespace

const std::vector<Surrogate>& surrogates() {
  static const std::vector<Surrogate> list = {
      {"linear", "linear", [](const Sample& s) { return predictor(fit_linear(s).model); }},
      {"gam_published", "GAM, published", [](const Sample& s) { return predictor(fit_gam_lasso(s).model); }},
      {"gam", "GAM", [](const Sample& s) { return predictor(fit_gam(s).model); }},
      {"slalom_published", "SLALOM, published",
       [](const Sample& s) { return predictor(fit_slalom_adam(s, kPublishedTexts).model); }},
      {"slalom", "SLALOM", [](const Sample& s) { return predictor(fit_slalom(s).model); }},
      {"slalom_background", "SLALOM, background",
       [](const Sample& s) { return predictor(fit_slalom(s, {.background = true}).model); }}};
  return list;
}

namespace {

// One model's record: {"model", "title", "architecture", "layers", "run", "spread", "collapsed", "bound",
// "half_range", "repeated": {"model" and surrogates: (30)}, "seconds": {surrogate: s}, "mse":
// {surrogate: nats²}}.
Json examine(const SavedTransformer& saved, const Settings& options) {
  const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(saved.run);
  const BagOfWordsSource source(seed);
  const LoadedModel<float> loaded = load_model<float>(saved.folder);
  const SpecialTokens special = special_tokens_of(saved.architecture, source);
  const LogOdds f = log_odds_of(*loaded.model, special);
  const auto answered = [&](const std::vector<Text>& texts) { return sample_of(source, texts, f(texts)); };

  const std::vector<Text> texts = fresh_texts(source, options.fitted + options.scored);
  const auto middle = texts.begin() + options.fitted;
  const Sample fitted = answered({texts.begin(), middle}), scored = answered({middle, texts.end()});
  std::vector<Text> repeats;
  for (Index n = 1; n <= kMostRepeats; ++n)
    repeats.push_back(repeated(source.vocabulary().find("perfect").value(), n));
  const Sample perfect = answered(repeats);

  Json record = {{"model", saved.name},
                 {"title", title_of(saved.architecture, saved.layers)},
                 {"architecture", name(saved.architecture)},
                 {"layers", saved.layers},
                 {"run", saved.run}};
  const LoadedModel<double> exact = load_model<double>(saved.folder);
  const Audit audit = audit_of(*exact.model, source, special, seed);
  record["spread"] = audit.spread;
  record["collapsed"] = audit.collapsed;
  record["bound"] = audit.affine.bound;
  record["half_range"] = audit.affine.half_range;
  record["repeated"]["model"] = perfect.target;
  for (const Surrogate& surrogate : surrogates()) {
    Predictor fit;
    record["seconds"][surrogate.name] = seconds_of([&] { fit = surrogate.fit(fitted); });
    record["mse"][surrogate.name] = mean_squared_error(scored, fit(scored));
    record["repeated"][surrogate.name] = fit(perfect);
  }
  return record;
}

// --- fits -----------------------------------------------------------------------------------------------

// Who answers, and texts like those it was made for.
struct Answerer {
  std::string name, title;
  const SyntheticSource& texts;
  Text whole;  // 30 words
  LogOdds f;
};

struct Queries {
  const char *set, *title;
  std::vector<Text> texts;
};

// SLALOM-eff: three of the text's distinct tokens, drawn with replacement.
std::vector<Text> triples(Text tokens, Index count, std::uint64_t seed) {
  std::ranges::sort(tokens);
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  std::vector<Text> texts(static_cast<std::size_t>(count), Text(3));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Rng rng(seed, Purpose::query, i);
    for (TokenId& token : texts[i]) token = tokens[rng.below(static_cast<std::uint32_t>(tokens.size()))];
  }
  return texts;
}

// SLALOM-fidel: deletions of up to five tokens.
std::vector<Text> deletions(const Text& whole, Index count, std::uint64_t seed) {
  const ExplainedText text(whole, [](TokenId) { return false; });
  const Coalitions kept = query_deletions(text, count, {.seed = seed}, false);
  PackedTexts batch;
  for (Index i = 0; i < kept.size(); ++i) text.add_coalition(kept.row(i), {}, batch);
  std::vector<Text> texts;
  for (Index b = 0; b < batch.texts(); ++b) texts.emplace_back(batch.text(b).begin(), batch.text(b).end());
  return texts;
}

struct Published {
  const char* title;
  SlalomFit (*fit)(const Sample&);
};
const Published kAdamTexts = {"Adam, 100 epochs",
                              [](const Sample& s) { return fit_slalom_adam(s, kPublishedTexts); }};
const Published kAdamEff = {"Adam, 18 epochs",
                            [](const Sample& s) { return fit_slalom_adam(s, kPublishedEff); }};
const Published kDeletionsFit = {"as published", fit_slalom_deletions};

void add_rows(const Answerer& answerer, const Queries& queries, const std::vector<Published>& published,
              Json& rows) {
  const Sample sample = sample_of(answerer.texts, queries.texts, answerer.f(queries.texts));
  SlalomFit ours, theirs;
  const double seconds = seconds_of([&] { ours = fit_slalom(sample, {.least_squares = true}); });
  for (const Published& p : published) {
    const double published_seconds = seconds_of([&] { theirs = p.fit(sample); });
    rows.push_back({{"source", answerer.title},
                    {"set", queries.set},
                    {"queries", queries.title},
                    {"texts", sample.texts()},
                    {"published", p.title},
                    {"mse", ours.mse},
                    {"published_mse", theirs.mse},
                    {"seconds", seconds},
                    {"published_seconds", published_seconds}});
  }
}

Json compare(const Answerer& answerer, const Settings& options) {
  const std::uint64_t seed = options.seed;
  Json rows = Json::array();
  add_rows(answerer,
           {"distribution", "the distribution's texts", fresh_texts(answerer.texts, options.fitted)},
           {kAdamTexts}, rows);
  add_rows(answerer, {"eff", "SLALOM-eff", triples(answerer.whole, options.queries, seed)}, {kAdamEff}, rows);
  add_rows(answerer, {"fidel", "SLALOM-fidel", deletions(answerer.whole, options.queries, seed)},
           {kDeletionsFit, kAdamEff}, rows);
  return rows;
}

// A SLALOM of ten words whose answers are noisy, with standard deviation .1.
LogOdds noisy(const SyntheticSource& source, std::uint64_t seed) {
  return [&source, seed](const std::vector<Text>& texts) {
    std::vector<double> answers;
    answers.reserve(texts.size());
    Rng noise(seed, Purpose::test);
    for (const Text& text : texts) answers.push_back(source.log_odds(text) + 0.1 * noise.normal());
    return answers;
  };
}

// The fit of this library against the published optimisers, at the same answers to the same queries; rows
// {"source", "set", "queries", "texts", "published", "mse", "published_mse", "seconds",
// "published_seconds"}.
std::vector<Json> compare_fits(const std::vector<SavedTransformer>& models, const Settings& options) {
  std::vector<Json> rows;
  const auto run = [&](const Answerer& answerer, const std::string& weights) {
    const Json settings = {{"source", answerer.name},
                           {"weights", weights},
                           {"seed", options.seed},
                           {"texts", options.fitted},
                           {"queries", options.queries}};
    Json record = finished(options, "fits_" + answerer.name, settings, [&](const Part&) {
      return Json{{"rows", compare(answerer, options)}};
    });
    for (const Json& row : record["rows"]) rows.push_back(row);
  };

  const auto words = redraw_slalom_words(options.seed, 10);
  const SlalomSource slalom(options.seed, words);
  const SlalomSource long_slalom(options.seed, words, LengthDistribution::fixed);
  run({"slalom_with_noise", "SLALOM, noise of sd .1", slalom, fresh_texts(long_slalom, 1).front(),
       noisy(slalom, options.seed)},
      "");

  const BagOfWordsSource bag(options.seed), long_bag(options.seed, LengthDistribution::fixed);
  const Text whole = fresh_texts(long_bag, 1).front();
  const SpecialTokens special = special_tokens_of(Architecture::distilbert, bag);
  for (const SavedTransformer& saved : models) {
    if (saved.architecture != Architecture::distilbert || saved.run != 0 || saved.layers > 2) continue;
    const LoadedModel<float> loaded = load_model<float>(saved.folder);
    run({saved.name, title_of(saved.architecture, saved.layers), bag, whole,
         log_odds_of(*loaded.model, special)},
        sha256_of_files(loaded.files));
  }

  Classifier<float> random(
      default_config(Architecture::distilbert, 2, options.width, options.heads, bag.vocabulary().size()));
  random.initialise(options.seed);
  run({"distilbert_2_random", title_of(Architecture::distilbert, 2) + ", random weights", bag, whole,
       log_odds_of(random, special)},
      concat("random, width ", options.width, ", heads ", options.heads));
  return rows;
}

// --- program --------------------------------------------------------------------------------------------

constexpr int kFormat = 1;  // of the records

int run(const ParsedOptions& parsed) {
  Settings options{read_options(parsed, "surrogates", kFormat)};
  const bool tiny = options.size == "tiny";
  options.fitted = tiny ? 2000 : 10000;
  options.scored = tiny ? 300 : 500;
  options.queries = tiny ? 1000 : 5000;
  options.width = tiny ? 64 : 768;
  options.heads = tiny ? 4 : 12;

  if (!options.recorded.is_null())
    return report(recorded_list(options, "models"), recorded_list(options, "fits"), options);
  const auto saved = find_transformers(parsed["models"].word);
  std::vector<Json> models;
  for (const SavedTransformer& model : saved) {
    const Json settings = {{"model", model.name},
                           {"run", model.run},
                           {"weights", sha256_of_files({model.folder + "/model.safetensors"})},
                           {"seed", options.seed},
                           {"fitted", options.fitted},
                           {"scored", options.scored}};
    models.push_back(finished(options, concat(model.name, "_run", model.run), settings,
                              [&](const Part&) { return examine(model, options); }));
  }
  const std::vector<Json> fits = compare_fits(saved, options);
  return is_shard(options) ? 0 : report(models, fits, options);
}

}  // namespace

}  // namespace slalom::surrogates

int main(int argc, char** argv) {
  return slalom::experiment::run_command(
      argc, argv,
      slalom::experiment::study(
          "surrogates", "Which simple model describes a trained transformer? (Figure 4a and b)",
          {{"models", "DIR", "out/linear_study/models", "folder of the linear study's models"}},
          slalom::surrogates::run));
}
