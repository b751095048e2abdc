#include "slalom/bow/tfidf_network.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/random.hpp"
#include "slalom/ops/embedding.hpp"
#include "slalom/ops/linear.hpp"

namespace slalom {

template <class T>
TfidfNetwork<T>::TfidfNetwork(const LabelledCounts& counts, Index hidden, std::uint64_t seed) {
  const Index vocabulary = counts.tokens.vocabulary();
  const auto texts = static_cast<double>(counts.all_texts());
  for (TokenId id = 0; id < vocabulary; ++id) {
    const auto with = static_cast<double>(counts.document_frequency(id));
    idf_.push_back(with > 0 ? std::log((1 + texts) / (1 + with)) + 1 : 0);
  }
  hidden_weight_ = parameters_.add("hidden.weight", {vocabulary, hidden}, GradientKind::row_sparse);
  hidden_bias_ = parameters_.add("hidden.bias", {hidden});
  out_weight_ = parameters_.add("out.weight", {2, hidden});
  out_bias_ = parameters_.add("out.bias", {2});
  parameters_.allocate();

  // As torch.nn.Linear: weights and biases uniform in ±1/√inputs.
  Rng weights(seed, Purpose::initialisation);
  const auto draw = [&](ParameterId id, Index inputs) {
    const double bound = 1 / std::sqrt(static_cast<double>(inputs));
    for (T& x : parameters_.value(id).span()) x = static_cast<T>(bound * (2 * weights.uniform() - 1));
  };
  draw(hidden_weight_, vocabulary);
  draw(hidden_bias_, vocabulary);
  draw(out_weight_, hidden);
  draw(out_bias_, hidden);
}

template <class T>
void TfidfNetwork<T>::check(const PackedTexts& texts) const {
  for (Index b = 0; b < texts.texts(); ++b)
    for (const TokenId id : texts.text(b))
      if (id < 0 || id >= std::ssize(idf_))
        throw Error(concat("[tfidf] text ", b, " has id ", id, ", the vocabulary has ", idf_.size()));
}

template <class T>
void TfidfNetwork<T>::rows_read(const PackedTexts& texts, ParameterId table, std::vector<Index>& rows) const {
  rows.clear();
  if (table != hidden_weight_) return;
  for (const TokenId id : texts.ids)
    if (known(id)) rows.push_back(id);
}

// The known tokens of all texts, ascending.
template <class T>
std::span<const TokenId> TfidfNetwork<T>::distinct_tokens(Arena& arena, const PackedTexts& texts) const {
  const std::span<TokenId> all = arena.array<TokenId>(texts.rows());
  auto end = std::ranges::copy_if(texts.ids, all.begin(), [this](TokenId id) { return known(id); }).out;
  std::sort(all.begin(), end);
  end = std::unique(all.begin(), end);
  return {all.begin(), end};
}

// x of each text, (B, K) in the columns of the K distinct tokens. Sums go over the columns in order, where
// tokens of other texts add zeros: a text's vector does not depend on its batch.
template <class T>
Tensor<T> TfidfNetwork<T>::vectors(Tape<T>& tape, const PackedTexts& texts,
                                   std::span<const TokenId> distinct) const {
  const Tensor<T> x = tape.allocate({texts.texts(), std::ssize(distinct)});
  std::ranges::fill(x.span(), T{0});
  for (Index b = 0; b < texts.texts(); ++b) {
    const std::span<T> row(x.row(b), distinct.size());
    for (const TokenId id : texts.text(b))
      if (known(id))
        row[static_cast<std::size_t>(std::ranges::lower_bound(distinct, id) - distinct.begin())] += 1;
    double square = 0;
    const auto weighted = [&](std::size_t k) { return static_cast<double>(row[k]) * idf(distinct[k]); };
    for (std::size_t k = 0; k < row.size(); ++k) square += weighted(k) * weighted(k);
    const double norm = square > 0 ? std::sqrt(square) : 1;
    for (std::size_t k = 0; k < row.size(); ++k) row[k] = static_cast<T>(weighted(k) / norm);
  }
  return x;
}

template <class T>
Var TfidfNetwork<T>::forward(Tape<T>& tape, const PackedTexts& texts, const ForwardOptions&) {
  check(texts);
  const std::span<const TokenId> distinct = distinct_tokens(tape.arena(), texts);
  const Var rows = embedding(tape, {{tape.parameter(parameters_, hidden_weight_), distinct}});
  const Var activated =
      linear<T>(tape, tape.constant(vectors(tape, texts, distinct)), rows,
                tape.parameter(parameters_, hidden_bias_), Activation::relu, nullptr, WeightLayout::in_out);
  return linear(tape, activated, tape.parameter(parameters_, out_weight_),
                tape.parameter(parameters_, out_bias_));
}

template class TfidfNetwork<float>;
template class TfidfNetwork<double>;

}  // namespace slalom
