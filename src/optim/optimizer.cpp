#include "slalom/optim/optimizer.hpp"

#include <atomic>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

constexpr Index kDenseGrain = Index{1} << 16;  // scalars
constexpr Index kRowGrain = 16;
constexpr Index kShards = 16;

template <class T>
std::unique_ptr<UpdateRule<T>> make_rule(const OptimizerConfig& config) {
  switch (config.kind) {
    case OptimizerKind::sgd:
      return make_sgd<T>(config);
    case OptimizerKind::rmsprop:
      return make_rmsprop<T>(config);
    case OptimizerKind::adamw:
      return make_adamw<T>(config);
  }
  throw Error("[optimizer] unknown kind");
}

}  // namespace

template <class T>
Optimizer<T>::Optimizer(const OptimizerConfig& config, ParameterStore<T>& store)
    : config_(config), store_(store), dense_(dense_ranges(store)), norm_(store) {
  config.validate();
  if (store.block_size() == 0) throw Error("[optimizer] the parameter store is empty or not allocated");
  rule_ = make_rule<T>(config);
  state_names_ = rule_->state_names();
  for (std::size_t k = 0; k < state_names_.size(); ++k)
    state_[k] = MappedMemory(static_cast<std::size_t>(store.block_size()) * sizeof(T));
  for (const ParameterId id : row_sparse_parameters(store))
    tables_.push_back({id, std::vector<std::int64_t>(static_cast<std::size_t>(store.shape(id).rows()))});
}

template <class T>
StepReport Optimizer<T>::step() {
  StepReport report;
  T scale = 1;
  if (config_.max_gradient_norm > 0) {
    report.gradient_norm = norm_.compute();
    scale = static_cast<T>(clipping_scale(report.gradient_norm, config_.max_gradient_norm));
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
