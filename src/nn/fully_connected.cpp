#include "slalom/nn/fully_connected.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/random.hpp"
#include "slalom/ops/linear.hpp"

namespace slalom {

template <class T>
FullyConnected<T>::FullyConnected(const FullyConnectedConfig& config, std::uint64_t seed) : config_(config) {
  if (config.padding < 0 || config.padding >= config.vocabulary)
    throw Error(concat("[fully_connected] the padding has id ", config.padding, ", the vocabulary has ",
                       config.vocabulary));
  const Index inputs = config.context * config.width;
  hidden_weight_ = parameters_.add("hidden.weight", {config.hidden, inputs});
  hidden_bias_ = parameters_.add("hidden.bias", {config.hidden});
  out_weight_ = parameters_.add("out.weight", {config.labels, config.hidden});
  out_bias_ = parameters_.add("out.bias", {config.labels});
  parameters_.allocate();

  Rng embeddings(seed, Purpose::embedding_table);
  table_.resize(static_cast<std::size_t>(config.vocabulary * config.width));
  // Rounded to float in either precision, so that both hold the same numbers.
  for (T& x : table_)
    x = static_cast<T>(static_cast<float>(config.embedding_deviation * embeddings.normal()));
  // As torch.nn.Linear: weights and biases uniform in ±1/√inputs.
  Rng weights(seed, Purpose::initialisation);
  const auto draw = [&](ParameterId id, Index fan_in) {
    const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
    for (T& x : parameters_.value(id).span()) x = static_cast<T>(bound * (2 * weights.uniform() - 1));
  };
  draw(hidden_weight_, inputs);
  draw(hidden_bias_, inputs);
  draw(out_weight_, config.hidden);
  draw(out_bias_, config.hidden);
}

template <class T>
void FullyConnected<T>::check(const PackedTexts& texts) const {
  for (Index b = 0; b < texts.texts(); ++b)
    if (texts.length(b) > config_.context)
      throw Error(concat("[fully_connected] text ", b, " has ", texts.length(b), " tokens, the context is ",
                         config_.context));
  for (Index b = 0; b < texts.texts(); ++b)
    for (Index r = texts.begin[static_cast<std::size_t>(b)]; r < texts.begin[static_cast<std::size_t>(b) + 1];
         ++r)
      if (const TokenId id = texts.ids[static_cast<std::size_t>(r)]; id < 0 || id >= config_.vocabulary)
        throw Error(concat("[fully_connected] text ", b, " has id ", id, ", the vocabulary has ",
                           config_.vocabulary));
}

template <class T>
Var FullyConnected<T>::forward(Tape<T>& tape, const PackedTexts& texts, const ForwardOptions&) {
  check(texts);
  const Index W = config_.width;
  const Tensor<T> x = tape.allocate({texts.texts(), config_.context * W});
  for (Index b = 0; b < texts.texts(); ++b)
    for (Index s = 0; s < config_.context; ++s) {
      const Index row = texts.begin[static_cast<std::size_t>(b)] + s;
      const TokenId id = s < texts.length(b) ? texts.ids[static_cast<std::size_t>(row)] : config_.padding;
      std::copy_n(embedding(id), W, x.row(b) + s * W);
    }
  const Var hidden = linear(tape, tape.constant(x), tape.parameter(parameters_, hidden_weight_),
                            tape.parameter(parameters_, hidden_bias_), Activation::relu);
  return linear(tape, hidden, tape.parameter(parameters_, out_weight_),
                tape.parameter(parameters_, out_bias_));
}

template class FullyConnected<float>;
template class FullyConnected<double>;

}  // namespace slalom
