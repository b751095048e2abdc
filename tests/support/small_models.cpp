#include "small_models.hpp"

#include <algorithm>

#include "slalom/base/random.hpp"
#include "slalom/ops/cross_entropy.hpp"

namespace slalom::test {

ClassifierConfig small_config(Architecture architecture, Index layers) {
  ClassifierConfig c = default_config(architecture, layers, 24, 3, 40);
  c.feed_forward = 36;
  if (architecture == Architecture::electra || architecture == Architecture::albert) c.embedding_width = 12;
  c.max_positions = 64;
  c.labels = 3;
  c.set_dropout(0.2);
  return c;
}

template <class T>
void randomise(Classifier<T>& model, std::uint64_t seed) {
  Rng rng(seed, Purpose::test);
  ParameterStore<T>& store = model.parameters();
  for (int i = 0; i < store.count(); ++i) {
    const std::string& name = store.name({i});
    const bool norm = name.ends_with("weight") && name.find("norm") != std::string::npos;
    for (T& x : store.value({i}).span()) x = static_cast<T>((norm ? 1 : 0) + 0.3 * rng.normal());
  }
}

PackedTexts only(const PackedTexts& texts, Index b) {
  PackedTexts one;
  one.add(texts.text(b), texts.types_of(b));
  return one;
}

PackedTexts random_texts(const ClassifierConfig& config, const std::vector<Index>& lengths,
                         std::uint64_t seed) {
  Rng rng(seed, Purpose::test);
  PackedTexts texts;
  for (const Index n : lengths) {
    std::vector<TokenId> text(static_cast<std::size_t>(n));
    for (TokenId& id : text)
      id = static_cast<TokenId>(rng.below(static_cast<std::uint32_t>(config.vocabulary)));
    texts.add(text);
  }
  for (std::size_t i = 0; config.traits().has_types && i < texts.ids.size(); ++i)
    texts.types.push_back(static_cast<TokenId>(rng.below(2)));
  return texts;
}

template <class T>
std::vector<T> logits_of(Classifier<T>& model, const PackedTexts& texts, const ForwardOptions& pass,
                         Recording recording) {
  Tape<T> tape(recording);
  const std::span<T> logits = tape.value(model.forward(tape, texts, pass)).span();
  return {logits.begin(), logits.end()};
}

template <class T>
Step<T> run_step(Classifier<T>& model, const PackedTexts& texts, const ForwardOptions& pass) {
  std::vector<int> labels;
  for (Index b = 0; b < texts.texts(); ++b) labels.push_back(static_cast<int>(b % model.config().labels));
  Tape<T> tape;
  ParameterStore<T>& store = model.parameters();
  store.clear_gradients();
  const Var logits = model.forward(tape, texts, pass), loss = cross_entropy(tape, logits, labels);
  tape.backward(loss);
  store.finish_gradients();
  const std::span<T> values = tape.value(logits).span();
  Step<T> step{{values.begin(), values.end()}, tape.value(loss).data[0], {}};
  for (int i = 0; i < store.count(); ++i) {
    const Tensor<T> g = store.gradient({i});
    std::vector<T>& copy = step.gradients[store.name({i})];
    copy.assign(static_cast<std::size_t>(g.size()), T{0});
    if (store.kind({i}) == GradientKind::dense)
      std::ranges::copy(g.span(), copy.begin());
    else
      for (const Index r : store.touched_rows({i}))
        std::copy_n(g.row(r), g.columns(), copy.begin() + r * g.columns());
  }
  return step;
}

#define SLALOM_INSTANTIATE(T)                                                                              \
  template void randomise(Classifier<T>&, std::uint64_t);                                                  \
  template std::vector<T> logits_of(Classifier<T>&, const PackedTexts&, const ForwardOptions&, Recording); \
  template Step<T> run_step(Classifier<T>&, const PackedTexts&, const ForwardOptions&);
SLALOM_INSTANTIATE(float)
SLALOM_INSTANTIATE(double)
#undef SLALOM_INSTANTIATE

}  // namespace slalom::test
