#include "slalom/optim/gradient_norm.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace slalom {

namespace {

constexpr Index kBlock = Index{1} << 16;

template <class T>
double sum_of_squares(const T* x, Index n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (Index i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

double ordered_sum(const std::vector<double>& terms, Index count) {
  return std::accumulate(terms.begin(), terms.begin() + count, 0.0);
}

}  // namespace

template <class T>
std::vector<DenseRange> dense_ranges(const ParameterStore<T>& store) {
  std::vector<DenseRange> ranges;
  bool open = false;
  for (int i = 0; i < store.count(); ++i) {
    const ParameterId id{i};
    const bool dense = store.kind(id) == GradientKind::dense;
    if (dense && !open) ranges.push_back({id, 0});
    if (dense)
      ranges.back().size = store.offset(id) + store.shape(id).size() - store.offset(ranges.back().first);
    open = dense;
  }
  return ranges;
}

template <class T>
std::vector<ParameterId> row_sparse_parameters(const ParameterStore<T>& store) {
  std::vector<ParameterId> ids;
  for (int i = 0; i < store.count(); ++i)
    if (store.kind({i}) == GradientKind::row_sparse) ids.push_back({i});
  return ids;
}

template <class T>
GradientNorm<T>::GradientNorm(const ParameterStore<T>& store)
    : store_(store), dense_(dense_ranges(store)), sparse_(row_sparse_parameters(store)) {
  Index most = 0;
  for (const DenseRange& range : dense_) most = std::max(most, ceil_div(range.size, kBlock));
  for (const ParameterId id : sparse_) most = std::max(most, store.shape(id).rows());
  partial_.resize(static_cast<std::size_t>(most));
}

template <class T>
double GradientNorm<T>::compute() {
  double total = 0;
  for (const DenseRange& range : dense_) {
    const T* g = store_.gradient(range.first).data;
    parallel_ranges(range.size, kBlock, [&](Index begin, Index end) {
      partial_[static_cast<std::size_t>(begin / kBlock)] = sum_of_squares(g + begin, end - begin);
    });
    total += ordered_sum(partial_, ceil_div(range.size, kBlock));
  }
  for (const ParameterId id : sparse_) {
    const Tensor<T> g = store_.gradient(id);
    const std::vector<Index>& rows = store_.touched_rows(id);
    const Index count = static_cast<Index>(rows.size());
    parallel_for(count, [&](Index k) {
      const auto at = static_cast<std::size_t>(k);
      partial_[at] = sum_of_squares(g.row(rows[at]), g.columns());
    });
    total += ordered_sum(partial_, count);
  }
  return std::sqrt(total);
}

double clipping_scale(double norm, double max_norm) {
  return std::min(1.0, max_norm / (norm + 1e-6));
}

template std::vector<DenseRange> dense_ranges(const ParameterStore<float>&);
template std::vector<DenseRange> dense_ranges(const ParameterStore<double>&);
template std::vector<ParameterId> row_sparse_parameters(const ParameterStore<float>&);
template std::vector<ParameterId> row_sparse_parameters(const ParameterStore<double>&);
template class GradientNorm<float>;
template class GradientNorm<double>;

}  // namespace slalom
