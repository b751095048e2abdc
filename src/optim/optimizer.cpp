#include "slalom/optim/optimizer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"

namespace slalom {

namespace {

constexpr Index kDenseGrain = Index{1} << 16;  // scalars
constexpr Index kRowGrain = 16;
constexpr Index kShards = 16;

template <class T>
double sum_of_squares(const T* x, Index n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (Index i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

}  // namespace

template <class T>
Optimizer<T>::Optimizer(const OptimizerConfig& config, ParameterStore<T>& store)
    : config_(config), store_(store) {
  config.validate();
  if (store.block_size() == 0) throw Error("[optimizer] the parameter store is empty or not allocated");
  rule_ = make_rule<T>(config);
  state_names_ = rule_->state_names();
  for (std::size_t k = 0; k < state_names_.size(); ++k)
    state_[k] = MappedMemory(static_cast<std::size_t>(store.block_size()) * sizeof(T));
  find_parameters();
}

template <class T>
void Optimizer<T>::find_parameters() {
  Index most_blocks = 0;  // of the gradients' norm
  bool after_dense = false;
  for (int i = 0; i < store_.count(); ++i) {
    const ParameterId id{i};
    const bool dense = store_.kind(id) == GradientKind::dense;
    if (dense) {
      if (!after_dense) dense_.push_back({id, 0});
      DenseRange& range = dense_.back();
      range.size = store_.offset(id) + store_.shape(id).size() - store_.offset(range.first);
      most_blocks = std::max(most_blocks, ceil_div(range.size, kDenseGrain));
    } else {
      const Index rows = store_.shape(id).rows();
      tables_.push_back({id, std::vector<std::int64_t>(static_cast<std::size_t>(rows))});
      most_blocks = std::max(most_blocks, rows);
    }
    after_dense = dense;
  }
  squares_.resize(static_cast<std::size_t>(most_blocks));
}

/// Sums are of type double, block by block in a fixed order.
template <class T>
double Optimizer<T>::gradient_norm() {
  double total = 0;
  const auto sum_of_blocks = [&](Index count) {
    return std::accumulate(squares_.begin(), squares_.begin() + count, 0.0);
  };
  for (const DenseRange& range : dense_) {
    const T* g = store_.gradient(range.first).data;
    parallel_ranges(range.size, kDenseGrain, [&](Index begin, Index end) {
      squares_[static_cast<std::size_t>(begin / kDenseGrain)] = sum_of_squares(g + begin, end - begin);
    });
    total += sum_of_blocks(ceil_div(range.size, kDenseGrain));
  }
  for (const Table& table : tables_) {
    const Tensor<T> g = store_.gradient(table.id);
    const std::vector<Index>& rows = store_.touched_rows(table.id);
    parallel_for(std::ssize(rows), [&](Index k) {
      const auto at = static_cast<std::size_t>(k);
      squares_[at] = sum_of_squares(g.row(rows[at]), g.columns());
    });
    total += sum_of_blocks(std::ssize(rows));
  }
  return std::sqrt(total);
}

template <class T>
StepReport Optimizer<T>::step() {
  StepReport report;
  T scale = 1;
  if (config_.max_gradient_norm > 0) {
    report.gradient_norm = gradient_norm();
    // As torch.nn.utils.clip_grad_norm_.
    scale = static_cast<T>(std::min(1.0, config_.max_gradient_norm / (report.gradient_norm + 1e-6)));
  }
  ++steps_;
  for (const DenseRange& range : dense_)
    if (!update_dense(range, scale)) report.finite = false;
  for (Table& table : tables_)
    if (!update_rows(table, scale)) report.finite = false;
  return report;
}

template <class T>
ParameterSlice<T> Optimizer<T>::slice(ParameterId first, Index begin, Index size) const {
  ParameterSlice<T> s{store_.value(first).data + begin, store_.gradient(first).data + begin, {}, size};
  for (std::size_t k = 0; k < state_names_.size(); ++k)
    s.state[k] = state_[k].template as<T>().data() + store_.offset(first) + begin;
  return s;
}

template <class T>
ParameterSlice<T> Optimizer<T>::row_slice(const Table& table, Index row) const {
  const Index columns = store_.shape(table.id).columns();
  return slice(table.id, row * columns, columns);
}

template <class T>
bool Optimizer<T>::update_dense(const DenseRange& range, T scale) const {
  std::atomic<bool> finite{true};
  parallel_ranges(range.size, kDenseGrain, [&](Index begin, Index end) {
    if (!rule_->update(slice(range.first, begin, end - begin), steps_, scale)) finite = false;
  });
  return finite;
}

template <class T>
bool Optimizer<T>::update_rows(Table& table, T scale) const {
  const std::vector<Index>& rows = store_.touched_rows(table.id);
  std::atomic<bool> finite{true};
  parallel_ranges(static_cast<Index>(rows.size()), kRowGrain, [&](Index begin, Index end) {
    for (Index k = begin; k < end; ++k) {
      const Index row = rows[static_cast<std::size_t>(k)];
      catch_up(table, row, steps_ - 1);
      if (!rule_->update(row_slice(table, row), steps_, scale)) finite = false;
      table.last_steps[static_cast<std::size_t>(row)] = steps_;
    }
  });
  return finite;
}

template <class T>
void Optimizer<T>::catch_up(Table& table, Index row, Index last) const {
  std::int64_t& last_step = table.last_steps[static_cast<std::size_t>(row)];
  if (last_step >= last) return;
  // Last step 0: all state is zero, so the skipped steps change nothing unless values decay by themselves.
  if (last_step == 0 && !rule_->moves_fresh_without_gradient()) return;
  rule_->skip_steps(row_slice(table, row), last_step + 1, last);
  last_step = last;
}

template <class T>
void Optimizer<T>::update_lazy_rows(ParameterId id, std::span<const Index> rows) {
  if (!rule_->moves_without_gradient()) return;
  for (Table& table : tables_)
    if (table.id == id)
      parallel_for(kShards, [&](Index shard) {  // a row belongs to one shard, however often it is named
        for (const Index row : rows)
          if (row % kShards == shard) catch_up(table, row, steps_);
      });
}

template <class T>
void Optimizer<T>::refresh_all() {
  if (!rule_->moves_without_gradient()) return;
  for (Table& table : tables_)
    parallel_ranges(static_cast<Index>(table.last_steps.size()), kRowGrain, [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) catch_up(table, row, steps_);
    });
}

template <class T>
void Optimizer<T>::set_steps(Index steps) {
  if (steps < 0) throw Error(concat("[optimizer] steps done is ", steps, ", wanted 0 or more"));
  steps_ = steps;
}

template <class T>
std::vector<StateBlock<T>> Optimizer<T>::state() {
  std::vector<StateBlock<T>> blocks;
  for (std::size_t k = 0; k < state_names_.size(); ++k)
    blocks.push_back(
        {state_names_[k], state_[k].template as<T>().first(static_cast<std::size_t>(store_.block_size()))});
  return blocks;
}

template <class T>
std::vector<LazyRowSteps> Optimizer<T>::lazy_row_steps() {
  std::vector<LazyRowSteps> last_steps;
  for (Table& table : tables_) last_steps.push_back({store_.name(table.id), table.last_steps});
  return last_steps;
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace slalom
