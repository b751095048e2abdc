#include "slalom/model_io/model_folder.hpp"
#include "slalom/surrogate/gam.hpp"
#include "slalom/surrogate/linear.hpp"
#include "slalom/surrogate/published.hpp"
#include "surrogates.hpp"

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

Json examine(const SavedTransformer& saved, const Options& options) {
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

}  // namespace slalom::surrogates
