#include "slalom/nn/predictor.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/hash_table.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/kernels/rowwise.hpp"

namespace slalom {

namespace {

// For each text the first one that equals it, ids and types alike.
std::vector<Index> first_equal_texts(const PackedTexts& texts) {
  const auto part = [&](std::span<const TokenId> of, Index b) {
    if (of.empty()) return of;
    return of.subspan(static_cast<std::size_t>(texts.begin[static_cast<std::size_t>(b)]),
                      static_cast<std::size_t>(texts.length(b)));
  };
  std::vector<Index> first, table(static_cast<std::size_t>(hash_table_entries(texts.texts())), -1);
  for (Index b = 0; b < texts.texts(); ++b) {
    std::uint64_t hash = 0;
    for (const auto of : {texts.ids, texts.types})
      for (const TokenId id : part(of, b)) hash = hash_with(hash, static_cast<std::uint64_t>(id));
    first.push_back(find_or_insert(table, hash, b, [&](Index other) {
      return std::ranges::equal(part(texts.ids, other), part(texts.ids, b)) &&
             std::ranges::equal(part(texts.types, other), part(texts.types, b));
    }));
  }
  return first;
}

}  // namespace

template <class T>
void Predictor<T>::logits(const PackedTexts& texts, std::vector<T>& out) {
  if (texts.begin.size() < 2) return out.clear();
  model_.check(texts);
  const Index B = texts.texts(), C = model_.labels();
  out.resize(static_cast<std::size_t>(B * C));
  const std::vector<Index> first = first_equal_texts(texts);
  std::vector<Index> batch;
  Index rows = 0;
  for (Index b = 0; b < B; ++b) {
    if (first[static_cast<std::size_t>(b)] != b) continue;
    if (!batch.empty() && rows + model_.rows_of_memory(texts.length(b)) > batch_rows_) {
      run_batch(texts, batch, out);
      batch.clear();
      rows = 0;
    }
    batch.push_back(b);
    rows += model_.rows_of_memory(texts.length(b));
    ++cost_.unique_queries;
    cost_.token_forwards += texts.length(b);
  }
  if (!batch.empty()) run_batch(texts, batch, out);
  for (Index b = 0; b < B; ++b)
    std::copy_n(out.data() + first[static_cast<std::size_t>(b)] * C, C, out.data() + b * C);
  cost_.queries += B;
}

template <class T>
void Predictor<T>::run_batch(const PackedTexts& texts, std::span<const Index> chosen, std::vector<T>& out) {
  ids_.clear();
  types_.clear();
  begin_.assign(1, 0);
  for (Index b : chosen) {
    const auto from = texts.begin[static_cast<std::size_t>(b)],
               to = texts.begin[static_cast<std::size_t>(b) + 1];
    ids_.insert(ids_.end(), texts.ids.begin() + from, texts.ids.begin() + to);
    if (!texts.types.empty())
      types_.insert(types_.end(), texts.types.begin() + from, texts.types.begin() + to);
    begin_.push_back(static_cast<Index>(ids_.size()));
  }
  check_interrupt();
  tape_.reset();
  const Tensor<T> logits = tape_.value(model_.forward(tape_, {ids_, begin_, types_}, {}));
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const T* row = logits.row(static_cast<Index>(i));
    if (!std::all_of(row, row + logits.columns(), [](T x) { return std::isfinite(x); }))
      report_not_finite(chosen[i]);
    std::copy_n(row, logits.columns(), out.data() + chosen[i] * logits.columns());
  }
}

// This tape keeps no earlier block; one that records has all of them.
template <class T>
void Predictor<T>::report_not_finite(Index text_number) {
  Tape<T> recorded;
  model_.forward(recorded, {ids_, begin_, types_}, {});
  throw Error(concat("[predict] text ", text_number, ": the logits are not finite; ",
                     recorded.first_non_finite_value(), " is the first such activation"));
}

template <class T>
T log_odds(std::span<const T> logits, Index target, ProblemType type) {
  if (target < 0 || target >= static_cast<Index>(logits.size()))
    throw Error(concat("[log_odds] target ", target, ", wanted 0 to ", logits.size() - 1));
  if (type != ProblemType::single_label) return logits[static_cast<std::size_t>(target)];
  T top = -INFINITY, sum = 0;
  for (std::size_t c = 0; c < logits.size(); ++c)
    if (static_cast<Index>(c) != target) top = std::max(top, logits[c]);
  for (std::size_t c = 0; c < logits.size(); ++c)
    if (static_cast<Index>(c) != target) sum += std::exp(logits[c] - top);
  return logits[static_cast<std::size_t>(target)] - top - std::log(sum);
}

std::vector<double> log_odds_gradient(std::span<const double> logits, Index target, ProblemType type) {
  std::vector<double> slope(logits.size());
  if (type == ProblemType::single_label) {
    std::ranges::copy(logits, slope.begin());
    slope[static_cast<std::size_t>(target)] = -INFINITY;
    softmax_row(std::ssize(slope), slope.data(), slope.data());
    for (double& p : slope) p = -p;
  }
  slope[static_cast<std::size_t>(target)] = 1;
  return slope;
}

template class Predictor<float>;
template class Predictor<double>;
template float log_odds(std::span<const float>, Index, ProblemType);
template double log_odds(std::span<const double>, Index, ProblemType);

}  // namespace slalom
