#include "slalom/nn/predictor.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/distinct.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/kernels/rowwise.hpp"
#include "slalom/nn/classifier.hpp"

namespace slalom {

Bf16Differences summarise_differences(std::vector<double> absolute) {
  if (absolute.empty()) return {};
  std::ranges::sort(absolute);
  const std::size_t n = absolute.size();
  return {std::ssize(absolute), (absolute[(n - 1) / 2] + absolute[n / 2]) / 2, absolute.back()};
}

std::string sentence(const Bf16Differences& found) {
  return concat("products in bf16: of ", found.n, found.n == 1 ? " text that was" : " texts that were",
                " computed in float32, too, the log-odds differ by ", significant(found.median, 2),
                " nats in the median, by ", significant(found.largest, 2), " at most");
}

template <class T>
Predictor<T>::Predictor(TextClassifier<T>& model, Index batch_rows, BlockMaps maps)
    : model_(model), batch_rows_(batch_rows) {
  if (maps == BlockMaps::full) return;
  if constexpr (std::is_same_v<T, float>)
    if (const auto* transformer = dynamic_cast<const Classifier<float>*>(&model))
      bf16_ = bf16_weights(*transformer);
  if (bf16_.empty()) throw Error("[predict] maps in bf16: wanted a transformer in float32");
}

template <class T>
void Predictor<T>::logits(const PackedTexts& texts, std::vector<T>& out) {
  compute(texts, {.bf16 = bf16_}, out);
  checked_.clear();
  if (bf16_.empty()) return;
  const QueryCost cost = cost_;
  check_tenth(texts);
  cost_ = cost;
}

template <class T>
void Predictor<T>::check_tenth(const PackedTexts& texts) {
  constexpr Index kEvery = 10;
  PackedTexts again;
  for (Index b = 0; b < texts.texts(); ++b) {
    if (number_++ % kEvery != 0) continue;
    again.add(texts.text(b), texts.types_of(b));
    checked_.push_back({b, {}});
  }
  std::vector<T> in_full;
  compute(again, {}, in_full);
  for (Index i = 0; i < again.texts(); ++i) {
    const T* row = in_full.data() + i * model_.labels();
    checked_[static_cast<std::size_t>(i)].logits.assign(row, row + model_.labels());
  }
}

template <class T>
void Predictor<T>::compute(const PackedTexts& texts, const ForwardOptions& pass, std::vector<T>& out) {
  if (texts.texts() == 0) return out.clear();
  model_.check(texts);
  const Index C = model_.labels();
  out.resize(static_cast<std::size_t>(texts.texts() * C));
  DistinctLists distinct;
  std::vector<Index> first, first_of, batch;  // of the different ones; of each text (B), the first equal one
  Index rows = 0;
  for (Index b = 0; b < texts.texts(); ++b) {
    const Index number = distinct.number<TokenId>(texts.key(b));
    if (number == std::ssize(first)) first.push_back(b);
    first_of.push_back(first[static_cast<std::size_t>(number)]);
    if (first_of.back() != b) continue;
    if (!batch.empty() && rows + model_.rows_of_memory(texts.length(b)) > batch_rows_) {
      run_batch(texts, batch, pass, out);
      batch.clear();
      rows = 0;
    }
    batch.push_back(b);
    rows += model_.rows_of_memory(texts.length(b));
    ++cost_.unique_queries;
    cost_.token_forwards += texts.length(b);
  }
  run_batch(texts, batch, pass, out);
  for (Index b = 0; b < texts.texts(); ++b)
    std::copy_n(out.data() + first_of[static_cast<std::size_t>(b)] * C, C, out.data() + b * C);
  cost_.queries += texts.texts();
}

template <class T>
void Predictor<T>::run_batch(const PackedTexts& texts, std::span<const Index> chosen,
                             const ForwardOptions& pass, std::vector<T>& out) {
  batch_.clear();
  for (const Index b : chosen) batch_.add(texts.text(b), texts.types_of(b));
  check_interrupt();
  tape_.reset();
  const Tensor<T> logits = tape_.value(model_.forward(tape_, batch_, pass));
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const T* row = logits.row(static_cast<Index>(i));
    if (!std::all_of(row, row + logits.columns(), [](T x) { return std::isfinite(x); }))
      report_not_finite(chosen[i], pass);
    std::copy_n(row, logits.columns(), out.data() + chosen[i] * logits.columns());
  }
}

// This tape keeps no earlier block; one that records has all of them.
template <class T>
void Predictor<T>::report_not_finite(Index text_number, const ForwardOptions& pass) {
  Tape<T> recorded;
  model_.forward(recorded, batch_, pass);
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
