#include "models.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>

#include "slalom/inspect/enclosure.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/predictor.hpp"

namespace slalom::experiment {

namespace {

constexpr Index kBatchRows = 4096;

}  // namespace

template <class T>
LogOdds log_odds_of(TextClassifier<T>& model, const SpecialTokens& special) {
  return [&model, special](const std::vector<Text>& texts) {
    PackedBatch batch;
    for (const Text& bare : texts) batch.add(wrap(bare, special), 0);
    std::vector<T> logits;
    Predictor<T>(model).logits(batch, logits);
    std::vector<double> result;
    for (std::size_t b = 0; b < texts.size(); ++b)
      result.push_back(static_cast<double>(log_odds<T>(std::span(logits).subspan(2 * b, 2), 1)));
    return result;
  };
}
template LogOdds log_odds_of(TextClassifier<float>&, const SpecialTokens&);
template LogOdds log_odds_of(TextClassifier<double>&, const SpecialTokens&);

std::string title_of(Architecture architecture, Index layers) {
  static const std::map<Architecture, const char*> titles = {{Architecture::bert, "BERT"},
                                                             {Architecture::distilbert, "DistilBERT"},
                                                             {Architecture::roberta, "RoBERTa"},
                                                             {Architecture::gpt2, "GPT-2"}};
  const auto title = titles.find(architecture);
  return concat(title == titles.end() ? name(architecture) : title->second, ", ", layers,
                layers == 1 ? " layer" : " layers");
}

SpecialTokens special_tokens_of(Architecture architecture, const SyntheticSource& source) {
  return traits(architecture).special_tokens ? usual_special_tokens(source.vocabulary()) : SpecialTokens{};
}

std::vector<Text> fresh_texts(const SyntheticSource& source, Index count, Index longest) {
  constexpr Index kBeyondTraining = Index{1} << 40;
  std::vector<Text> texts;
  SyntheticText sample;
  for (Index i = kBeyondTraining; std::ssize(texts) < count; ++i) {
    source.get(i, sample);
    if (std::ssize(sample.tokens) <= longest) texts.push_back(sample.tokens);
  }
  return texts;
}

std::vector<TokenId> words_of(const SyntheticSource& source) {
  const SpecialTokens special = usual_special_tokens(source.vocabulary());
  std::vector<TokenId> words;
  // The last id is [unused0].
  for (TokenId id = 0; id < source.vocabulary().size() - 1; ++id)
    if (!special.is_special(id) && id != special.unk && id != special.mask) words.push_back(id);
  return words;
}

Sample sample_of(const SyntheticSource& source, const std::vector<Text>& texts,
                 const std::vector<double>& log_odds) {
  const std::vector<TokenId> words = words_of(source);
  Sample sample;
  sample.tokens = std::ssize(words);
  std::vector<Sample::Token> numbers;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    numbers.clear();
    for (const TokenId id : texts[i]) numbers.push_back(id - words.front());
    sample.add(numbers, log_odds[i]);
  }
  return sample;
}

Audit audit_of(TextClassifier<double>& model, const SyntheticSource& source, const SpecialTokens& special,
               std::uint64_t seed) {
  ModelBlackBox<double> f(model, 1, kBatchRows);
  Encloser encloser(model, 1);
  AuditOptions options{.tokens = words_of(source), .longest = 0, .seed = seed};
  if (special.cls) options.prefix = {*special.cls};
  if (special.sep) options.suffix = {*special.sep};
  return audit(
      f, [&](std::span<const TokenId> text) { return outward(encloser.log_odds(text)); }, options);
}

TrainingConfig training_on_fresh_texts(const Options& options, const Part& part, Index epochs,
                                       Index epoch_texts, double rate) {
  TrainingConfig config;
  config.optimizer = OptimizerConfig::defaults(OptimizerKind::rmsprop);
  config.optimizer.schedule.peak = rate;
  config.epochs = epochs;
  config.seed = options.seed;
  config.settings = part.settings();
  config.checkpoint = part.checkpoint();
  config.checkpoint_every = epoch_texts / config.batch;
  config.resume = !options.fresh;
  config.progress = options.progress;
  return config;
}

Json train_on_fresh_texts(TextClassifier<float>& model, const SyntheticSource& source,
                          const SpecialTokens& special, Index epoch_texts, const TrainingConfig& config) {
  FreshTexts data(source, special, epoch_texts);
  Trainer<float> trainer(model, data, config);
  double seconds = 0;
  trainer.run([&](const EpochReport& e) { seconds += e.seconds; });
  const EpochReport last = trainer.epoch_so_far();
  return {{"loss", last.loss}, {"accuracy", last.accuracy}, {"seconds", seconds}};
}

std::vector<SavedTransformer> find_transformers(const std::string& folder) {
  static const std::regex pattern("((distilbert|bert|gpt2)_([0-9]{1,4}))_run([0-9]{1,6})");
  std::vector<SavedTransformer> found;
  if (std::filesystem::is_directory(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::smatch match;
      const std::string name = entry.path().filename();
      if (!std::regex_match(name, match, pattern)) continue;
      found.push_back({entry.path(), match[1], architecture_from_name(match[2]), std::stoll(match[3]),
                       std::stoll(match[4])});
    }
  if (found.empty()) throw Error(folder + ": found no models of the linear study", "make study trains them");
  std::ranges::sort(found, {}, [](const SavedTransformer& m) {
    return std::tuple(std::ranges::find(kArchitectures, m.architecture), m.layers, m.run);
  });
  const Index width = read_config(found.front().folder).width;
  for (const SavedTransformer& model : found)
    if (const Index other = read_config(model.folder).width; other != width)
      throw Error(
          concat(model.folder, ": found width ", other, ", ", found.front().folder, " has width ", width),
          "the folder holds models of two studies: remove those of one");
  return found;
}

}  // namespace slalom::experiment
