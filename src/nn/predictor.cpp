#include "slalom/nn/predictor.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/distinct.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/kernels/rowwise.hpp"

namespace slalom {

template <class T>
void Predictor<T>::logits(const PackedTexts& texts, std::vector<T>& out) {
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
      run_batch(texts, batch, out);
      batch.clear();
      rows = 0;
    }
    batch.push_back(b);
    rows += model_.rows_of_memory(texts.length(b));
    ++cost_.unique_queries;
    cost_.token_forwards += texts.length(b);
  }
  run_batch(texts, batch, out);
  for (Index b = 0; b < texts.texts(); ++b)
    std::copy_n(out.data() + first_of[static_cast<std::size_t>(b)] * C, C, out.data() + b * C);
  cost_.queries += texts.texts();
}

template <class T>
void Predictor<T>::run_batch(const PackedTexts& texts, std::span<const Index> chosen, std::vector<T>& out) {
  batch_.clear();
  for (const Index b : chosen) batch_.add(texts.text(b), texts.types_of(b));
  check_interrupt();
  tape_.reset();
  const Tensor<T> logits = tape_.value(model_.forward(tape_, batch_, {}));
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
  model_.forward(recorded, batch_, {});
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
