#include "slalom/inspect/compiled_slalom.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/nn/predictor.hpp"

namespace slalom {

namespace {

// Pair p is channels 2p and 2p + 1; the other channels stay 0.
enum Pair : Index { kImportance, kValue, kFiller, kReadOut, kPairs };
constexpr Index kWidth = 16;

// Importance of what is no word: e^-55 of the least important word.
constexpr double kSilent = -(kMostCompiledImportance + 55);
// s² + v² + w² of every token; each has a filler of at least 10.
constexpr double kSquares = kSilent * kSilent + kMostCompiledValue * kMostCompiledValue + 100;
// Of an embedding, so that the variance of its channels is 1.
const double kUnit = std::sqrt(kWidth / (2 * kSquares));
// What the attention multiplies the mixture with: (ε F)² stays below 6e-12.
constexpr double kSmall = 0x1p-22;

void check_values(const std::vector<SlalomWord>& words) {
  for (const SlalomWord& w : words) {
    if (!(std::abs(w.value) <= kMostCompiledValue))
      throw Error(concat("[compile_slalom] value of '", w.word, "' is ", w.value, ", wanted at most ",
                         kMostCompiledValue, " in size"));
    if (!std::isfinite(w.importance))
      throw Error(
          concat("[compile_slalom] importance of '", w.word, "' is ", w.importance, ", wanted a number"));
  }
}

// The constant that centres the importances. Scores are rounded in proportion to their size, so a constant
// that no prediction depends on must not make them large.
double middle_importance(const std::vector<SlalomWord>& words) {
  const auto [low, high] = std::ranges::minmax_element(words, {}, &SlalomWord::importance);
  // Halves of both: the sum or the difference of large numbers could overflow.
  const double reach = high->importance / 2 - low->importance / 2;
  if (reach > kMostCompiledImportance * (1 + 1e-12))
    throw Error(concat("[compile_slalom] importances of '", low->word, "' and '", high->word, "' are ",
                       low->importance, " and ", high->importance, ", wanted at most ",
                       2 * kMostCompiledImportance, " apart"));
  return low->importance + reach;
}

ClassifierConfig compiled_config(Architecture architecture, const Vocabulary& vocabulary,
                                 Index max_positions) {
  ClassifierConfig c = default_config(architecture, 1, kWidth, 1, vocabulary.size());
  if (max_positions > 0) c.max_positions = max_positions;
  c.pad_id = vocabulary.find("[PAD]").value();
  c.set_dropout(0);
  return c;
}

// Writes the weights of one model.
class Compiler {
 public:
  explicit Compiler(Classifier<double>& model) : model_(model), parameters_(model.parameters()) {}

  void embed(const SyntheticSource& source, const std::vector<SlalomWord>& words) {
    const Tensor<double> table = parameters_.value(model_.embedding().token);
    for (Index id = 0; id < table.rows(); ++id) embed_token(table.row(id), kSilent, 0);
    const double middle = middle_importance(words);
    for (const SlalomWord& w : words)
      embed_token(table.row(source.vocabulary().find(w.word).value()), w.importance - middle, w.value);
  }

  void transform() {
    const BlockIds& block = model_.blocks().front();
    const HeadIds& head = model_.head();
    const ArchitectureTraits& traits = model_.config().traits();
    if (traits.embedding_norm) pass_norm(model_.embedding().norm);
    const double stream = scale_;  // where the attention adds its output
    if (traits.pre_norm) pass_norm(block.norm1);
    attend(block);
    scale_ = stream;
    if (traits.pre_norm) {
      set_norm(block.norm2);  // nothing reads it: the feed-forward network adds 0
      pass_norm(head.norm);
    } else {
      pass_norm(block.norm1);
      pass_norm(block.norm2);
    }
    read(head, kSmall * scale_ / stream);
  }

 private:
  void embed_token(double* row, double importance, double value) const {
    const double filler = std::sqrt(kSquares - importance * importance - value * value);
    set_pair(row, kImportance, kUnit * importance);
    set_pair(row, kValue, kUnit * value);
    set_pair(row, kFiller, kUnit * filler);
  }
  static void set_pair(double* row, Pair pair, double x) {
    row[2 * pair] = x;
    row[2 * pair + 1] = -x;
  }

  void set_norm(const LayerNormIds& ids) { std::ranges::fill(parameters_.value(ids.weight).span(), 1.0); }
  // The channels have mean 0 and standard deviation scale_, which LayerNorm divides by √(scale_² + eps).
  void pass_norm(const LayerNormIds& ids) {
    set_norm(ids);
    scale_ /= std::sqrt(scale_ * scale_ + model_.config().layer_norm_eps);
  }

  // The head's first column holds the constant query and the key s. All its columns carry v, each in a scale
  // of its own: equal terms of a long sum are all rounded the same way, and not by the same amount in another
  // scale, so that the columns' mean is several times more exact in float32 than one of them.
  void attend(const BlockIds& block) {
    const Tensor<double> keys_values = parameters_.value(block.keys_values.weight);
    const double half = 1 / (2 * kUnit * scale_);  // a pair's difference is twice what it holds
    set_pair(keys_values.row(0), kImportance, half);
    parameters_.value(block.query.bias).data[0] = std::sqrt(static_cast<double>(kWidth));
    const Tensor<double> out = parameters_.value(block.attention_out.weight);
    for (Index j = 0; j < kWidth; ++j) {
      const double scale = std::exp2(static_cast<double>(j) / kWidth);
      set_pair(keys_values.row(kWidth + j), kValue, scale * half);
      out.row(2 * kReadOut)[j] = kSmall / (scale * kWidth);
      out.row(2 * kReadOut + 1)[j] = -kSmall / (scale * kWidth);
    }
  }

  // The read-out pair holds ±`held` F; the logits become ±F / 2.
  void read(const HeadIds& head, double held) {
    const Tensor<double> out = parameters_.value(head.out.weight);
    if (!head.hidden.weight.valid()) {
      set_pair(out.row(1), kReadOut, 1 / (4 * held));
      set_pair(out.row(0), kReadOut, -1 / (4 * held));
      return;
    }
    // Two hidden units, f(x) and f(−x): their difference is x for ReLU and 2 tanh x for tanh.
    const Tensor<double> hidden = parameters_.value(head.hidden.weight);
    set_pair(hidden.row(0), kReadOut, 0.5);
    set_pair(hidden.row(1), kReadOut, -0.5);
    const double difference = model_.config().traits().head_activation == Activation::relu ? 1 : 2;
    for (const Index label : {0, 1})
      for (const Index unit : {0, 1})
        out.row(label)[unit] = (label == unit ? -1 : 1) / (2 * difference * held);
  }

  Classifier<double>& model_;
  ParameterStore<double>& parameters_;
  double scale_ = 1;  // standard deviation of the channels so far
};

// --- how well it does --------------------------------------------------------------------------------------

constexpr Index kAllPairsUpTo = 40;  // words
constexpr Index kRandomTexts = 1000, kLongTexts = 8, kMostKinds = 8;
constexpr Index kLongestRandom = 64, kLongestTried = 4096;

// Words of a few kinds, which come nearer to the extremes than draws from the whole table.
std::vector<TokenId> random_text(Rng& rng, Index words, TokenId first_word, Index length) {
  const auto below = [&](Index n) { return static_cast<Index>(rng.below(static_cast<std::uint32_t>(n))); };
  std::vector<TokenId> kinds(static_cast<std::size_t>(1 + below(kMostKinds)));
  for (TokenId& kind : kinds) kind = first_word + static_cast<TokenId>(below(words));
  std::vector<TokenId> text;
  for (Index i = 0; i < length; ++i)
    text.push_back(kinds[static_cast<std::size_t>(below(std::ssize(kinds)))]);
  return text;
}

// Without special tokens.
std::vector<std::vector<TokenId>> texts_to_try(Index words, TokenId first_word, Index longest) {
  std::vector<std::vector<TokenId>> texts;
  const TokenId end = first_word + static_cast<TokenId>(words);
  for (TokenId a = first_word; a < end; ++a) {
    texts.push_back({a});
    for (TokenId b = first_word; b < end && words <= kAllPairsUpTo && longest >= 2; ++b)
      texts.push_back({a, b});
  }
  for (Index i = 0; i < kRandomTexts + kLongTexts; ++i) {
    Rng rng(0, Purpose::audit, static_cast<std::uint64_t>(i));
    const auto most = static_cast<std::uint32_t>(std::min(longest, kLongestRandom));
    const Index length = i < kRandomTexts ? 1 + Index{rng.below(most)} : std::min(longest, kLongestTried);
    texts.push_back(random_text(rng, words, first_word, length));
  }
  return texts;
}

template <class T>
double worst_error(Classifier<T>& model, const PackedBatch& batch, const std::vector<double>& truth) {
  std::vector<T> logits;
  Predictor<T>(model).logits(batch, logits);
  double worst = 0;
  for (std::size_t b = 0; b < truth.size(); ++b)
    worst = std::max(worst, std::abs(static_cast<double>(logits[2 * b + 1] - logits[2 * b]) - truth[b]));
  return worst;
}

std::unique_ptr<Classifier<float>> in_float(const Classifier<double>& model) {
  auto copy = std::make_unique<Classifier<float>>(model.config());
  for (int i = 0; i < model.parameters().count(); ++i)
    std::ranges::transform(model.parameters().value({i}).span(), copy->parameters().value({i}).data,
                           [](double x) { return static_cast<float>(x); });
  return copy;
}

void measure(CompiledSlalom& compiled, const SyntheticSource& source, const std::vector<SlalomWord>& words,
             Index longest) {
  PackedBatch batch;
  std::vector<double> truth;
  const TokenId first_word = compiled.vocabulary.find(words.front().word).value();
  for (const std::vector<TokenId>& text : texts_to_try(std::ssize(words), first_word, longest)) {
    batch.add(wrap(text, compiled.special));
    truth.push_back(source.log_odds(text));
  }
  compiled.worst_error_f64 = worst_error(*compiled.model, batch, truth);
  compiled.worst_error_f32 = worst_error(*in_float(*compiled.model), batch, truth);
}

}  // namespace

CompiledSlalom compile_slalom(const std::vector<SlalomWord>& words, Architecture architecture,
                              Index max_positions) {
  const SlalomSource source(0, words);
  check_values(words);
  CompiledSlalom compiled{.model = nullptr, .vocabulary = source.vocabulary(), .special = {}};
  if (traits(architecture).special_tokens) compiled.special = usual_special_tokens(compiled.vocabulary);
  const ClassifierConfig config = compiled_config(architecture, compiled.vocabulary, max_positions);
  const Index longest = config.max_positions - std::ssize(wrap({}, compiled.special));
  if (longest < 1)
    throw Error(concat("[compile_slalom] found ", config.max_positions, " positions, wanted more than the ",
                       config.max_positions - longest, " of the special tokens"));
  compiled.model = std::make_unique<Classifier<double>>(config);
  Compiler compiler(*compiled.model);
  compiler.embed(source, words);
  compiler.transform();
  measure(compiled, source, words, longest);
  return compiled;
}

}  // namespace slalom
