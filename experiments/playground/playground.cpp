#include "playground.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "slalom/nn/classifier.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/ops/binary_cross_entropy.hpp"
#include "slalom/surrogate/identification.hpp"
#include "slalom/train/trainer.hpp"

namespace slalom {

namespace {

using Text = std::vector<TokenId>;

constexpr Index kMostRepeats = 30;
constexpr Index kTextsPerEpoch = 5000, kBatch = 20, kEpochs = 5;
constexpr Index kSteps = kEpochs * kTextsPerEpoch / kBatch;
constexpr Index kHeldOut = 100;
constexpr Index kFirstHeldOut = Index{1} << 40;  // a text that no training reaches

TrainingConfig training(unsigned seed) {
  TrainingConfig t;
  t.optimizer = OptimizerConfig::defaults(OptimizerKind::rmsprop);
  t.optimizer.schedule = {.peak = 1e-3, .warmup_steps = 60, .total_steps = kSteps};
  t.optimizer.max_gradient_norm = 1;
  t.batch = kBatch;
  t.epochs = kEpochs;
  t.seed = seed;
  return t;
}

}  // namespace
}  // namespace slalom

using namespace slalom;

struct PlaygroundModel {
  BagOfWordsSource source;
  SpecialTokens special;
  TokenId first_word;
  Classifier<float> model;
  FreshTexts texts;
  Trainer<float> trainer;
  std::vector<Text> held_out;  // words
  std::vector<double> truth;   // log-odds of each
  int typed[kMostRepeats];
  std::vector<double> result;

  PlaygroundModel(const ClassifierConfig& config, bool special_tokens, unsigned seed)
      : source(seed),
        special(special_tokens ? usual_special_tokens(source.vocabulary()) : SpecialTokens{}),
        first_word(*source.vocabulary().find(default_bag_words().front().word)),
        model(config),
        texts(source, special, kTextsPerEpoch),
        trainer(model, texts, training(seed)) {
    model.initialise(seed);
    SyntheticText text;
    for (Index i = 0; i < kHeldOut; ++i) {
      source.get(kFirstHeldOut + i, text);
      held_out.push_back(text.tokens);
      truth.push_back(text.log_odds);
    }
  }

  Text typed_text(int words) const {
    Text text;
    for (const int word : std::span(typed, static_cast<std::size_t>(words)))
      text.push_back(first_word + word);
    return text;
  }

  std::vector<double> log_odds(const std::vector<Text>& asked) {
    PackedTexts packed;
    for (const Text& text : asked) packed.add(wrap(text, special));
    std::vector<float> logits;
    Predictor<float>(model).logits(packed, logits);
    std::vector<double> f;
    for (std::size_t i = 0; i < asked.size(); ++i)
      f.push_back(slalom::log_odds(std::span<const float>(logits).subspan(2 * i, 2), 1));
    return f;
  }

  // Of these answers to the held-out texts.
  double expected_loss(const std::vector<double>& f) const {
    double sum = 0;
    for (std::size_t i = 0; i < f.size(); ++i)
      sum += binary_cross_entropy_of(f[i], 1 / (1 + std::exp(-truth[i])));
    return sum / kHeldOut;
  }

  const double* keep(std::vector<double> numbers) {
    result = std::move(numbers);
    return result.data();
  }

  // (heads, S, S)
  std::vector<double> pattern(const Text& words, int layer) {
    Tape<float> tape;
    const Text ids = wrap(words, special);
    model.forward(tape, packed(ids), {.last_block = ForwardOptions::LastBlock::all_rows, .patterns = true});
    const auto is_pattern = [&](const NamedTensor<float>& named) {
      return to_string(named.name) == concat("blocks.", layer, ".attn.pattern");
    };
    const auto found = std::ranges::find_if(tape.names(), is_pattern);
    const std::span<const float> weights = found->tensor.span();
    return {weights.begin(), weights.end()};
  }
};

PlaygroundModel* playground_create(int architecture, int attention, int norm, int positions, int layers,
                                   int heads, int width, int feed_forward, int special_tokens,
                                   int hidden_head, unsigned seed) {
  ClassifierConfig c = default_config(static_cast<Architecture>(architecture), layers, width, heads,
                                      BagOfWordsSource(seed).vocabulary().size());
  c.set_dropout(0);
  c.max_positions = kMostRepeats + 2;
  c.attention = static_cast<AttentionKind>(attention);
  c.norm = static_cast<Norm>(norm);
  c.positions = static_cast<Positions>(positions);
  c.feed_forward_on = feed_forward != 0;
  c.head_hidden = hidden_head != 0;
  return new PlaygroundModel(c, special_tokens != 0, seed);
}

void playground_destroy(PlaygroundModel* model) {
  delete model;
}

int playground_parameters(const PlaygroundModel* model) {
  return static_cast<int>(model->model.parameters().block_size());
}

void playground_train(PlaygroundModel* model, int steps) {
  for (int i = 0; i < steps && !model->trainer.finished(); ++i) model->trainer.step();
}

double playground_loss(PlaygroundModel* model) {
  return model->expected_loss(model->log_odds(model->held_out));
}

double playground_best_loss(const PlaygroundModel* model) {
  return model->expected_loss(model->truth);
}

int* playground_text(PlaygroundModel* model) {
  return model->typed;
}

double playground_log_odds(PlaygroundModel* model, int words) {
  return model->log_odds({model->typed_text(words)}).front();
}

const double* playground_curve(PlaygroundModel* model, int word) {
  std::vector<Text> texts;
  for (std::size_t n = 1; n <= kMostRepeats; ++n) texts.emplace_back(n, model->first_word + word);
  return model->keep(model->log_odds(texts));
}

const double* playground_pattern(PlaygroundModel* model, int words, int layer) {
  return model->keep(model->pattern(model->typed_text(words), layer));
}

const double* playground_slalom(PlaygroundModel* model, int words) {
  const Text distinct = model->typed_text(words);
  const bool wrapped = model->special.cls.has_value();  // there is an empty text, and a background
  const Answers answers = [&](std::vector<Text> texts) {
    for (Text& text : texts)
      for (TokenId& token : text) token = distinct[static_cast<std::size_t>(token)];
    return model->log_odds(texts);
  };
  const SlalomModel found = identify_slalom(words, answers,
                                            {.background = wrapped,
                                             .empty_text = wrapped,
                                             .rounding = std::numeric_limits<float>::epsilon(),
                                             .longest = kMostRepeats})
                                .model;
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const Background background = found.background.value_or(Background{kNone, kNone});
  std::vector<double> numbers = found.value;
  numbers.insert(numbers.end(), found.importance.begin(), found.importance.end());
  numbers.insert(numbers.end(), {background.value, background.importance});
  return model->keep(numbers);
}
