#include "step.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/ops/cross_entropy.hpp"

namespace slalom::tour {

namespace {

/// Small enough to print. Weights are drawn with a deviation of 0.5 (Hugging Face: 0.02): with tiny weights
/// all attention would be uniform and there would be nothing to see.
ClassifierConfig small_config(Index vocabulary) {
  ClassifierConfig c = default_config(Architecture::distilbert, 1, 8, 2, vocabulary);
  c.feed_forward = 16;
  c.max_positions = kLongestSyntheticText + 2;
  c.initializer_range = 0.5;
  c.set_dropout(0);
  return c;
}

void add_text(PackedBatch& batch, const BagOfWordsSource& source, const std::vector<const char*>& words) {
  std::vector<TokenId> tokens;
  tokens.reserve(words.size());
  for (const char* word : words) tokens.push_back(source.vocabulary().find(word).value());
  const int label = source.log_odds(tokens) > 0 ? 1 : 0;
  batch.add(wrap(tokens, usual_special_tokens(source.vocabulary())), label);
}

}  // namespace

Step::Step(std::uint64_t seed) : source(seed), model(small_config(source.vocabulary().size())) {
  model.initialise(seed);
  add_text(batch, source, {"watch", "the", "perfect", "movie"});
  add_text(batch, source, {"worst", "movie"});
}

void Step::forward() {
  tape.reset();
  logits =
      model.forward(tape, texts(), {.last_block = ForwardOptions::LastBlock::all_rows, .patterns = true});
  loss = cross_entropy(tape, logits, std::span<const int>(batch.labels));
}

double Step::loss_now(ForwardOptions pass) {
  Tape<double> scratch(Recording::off);
  const Var out = model.forward(scratch, texts(), pass);
  return scratch.value(cross_entropy(scratch, out, std::span<const int>(batch.labels))).data[0];
}

Matrix Step::activation(const std::string& name) const {
  for (const NamedTensor<double>& named : tape.names()) {
    if (to_string(named.name) != name) continue;
    Matrix out{named.tensor.columns(), {}};
    for (Index r = 0; r < named.tensor.rows(); ++r) {
      const double* row = named.tensor.data + r * named.stride;
      out.data.insert(out.data.end(), row, row + out.columns);
    }
    return out;
  }
  throw Error("[tour] activation \"" + name + "\" was not recorded");
}

Span Step::parameter_row(ParameterId id, Index row) const {
  const Tensor<double> value = model.parameters().value(id);
  return {value.row(row), static_cast<std::size_t>(value.columns())};
}

Index extent(Span x) {
  return static_cast<Index>(x.size());
}

double dot(Span a, Span b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

Vector sum(Span a, Span b) {
  Vector out(a.begin(), a.end());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += b[i];
  return out;
}

Vector softmax(Span x) {
  const double top = std::ranges::max(x);
  Vector out;
  for (const double value : x) out.push_back(std::exp(value - top));
  const double total = std::accumulate(out.begin(), out.end(), 0.0);
  for (double& value : out) value /= total;
  return out;
}

double difference(Span a, Span b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

Vector affine(const Step& step, const LinearIds& ids, Span x) {
  const Span bias = step.parameter_row(ids.bias, 0);
  Vector out;
  for (Index i = 0; i < extent(bias); ++i)
    out.push_back(dot(step.parameter_row(ids.weight, i), x) + bias[static_cast<std::size_t>(i)]);
  return out;
}

Vector layer_norm(const Step& step, const LayerNormIds& ids, Span x) {
  const Span weight = step.parameter_row(ids.weight, 0), bias = step.parameter_row(ids.bias, 0);
  const auto width = static_cast<double>(x.size());
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / width;
  Vector out(x.begin(), x.end());
  for (double& value : out) value -= mean;
  const double deviation = std::sqrt(dot(out, out) / width + step.config().layer_norm_eps);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = out[i] / deviation * weight[i] + bias[i];
  return out;
}

}  // namespace slalom::tour
