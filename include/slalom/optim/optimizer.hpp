// The optimiser: one rule applied to all parameters of a store, at the speed of memory.
//
// Dense parameters are flat loops. Of a row-sparse parameter only the rows with a gradient are visited;
// each row remembers the step at which it was last up to date, and the steps in between are made up for
// ("lazy update", see rule.hpp) when it is needed again. The result is that of the dense optimiser with zero
// gradients for the rows that were away.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "slalom/autograd/parameter_store.hpp"
#include "slalom/base/memory.hpp"
#include "slalom/optim/rule.hpp"

namespace slalom {

struct StepReport {
  bool finite = true;        ///< no gradient was NaN or Inf; if false, values and state are spoilt
  double gradient_norm = 0;  ///< √(Σ g²) over dense gradients and touched rows, before clipping; 0 without it
};

/// One number a parameter, in the layout of the store's blocks.
template <class T>
struct StateBlock {
  std::string name;
  std::span<T> values;
};

/// Step at which each row of a row-sparse parameter was last brought up to date; 0 = never.
struct LazyRowSteps {
  std::string parameter;
  std::span<std::int64_t> steps;
};

template <class T>
class Optimizer {
 public:
  /// The store must be allocated and outlive the optimiser. Throws UsageError for a bad configuration.
  Optimizer(const OptimizerConfig& config, ParameterStore<T>& store);

  /// One step with the gradients in the store, after finish_gradients(); allocates nothing.
  StepReport step();

  /// With AdamW or momentum a row moves while it is away: call this before a forward pass reads rows of a
  /// row-sparse parameter. Rows may repeat; nothing is done for other parameters and rules.
  void update_lazy_rows(ParameterId id, std::span<const Index> rows);
  /// The same for all rows, before values are saved or evaluated.
  void refresh_all();

  const OptimizerConfig& config() const { return config_; }
  /// Learning rate of the next step.
  double next_rate() const { return config_.schedule.learning_rate(steps_ + 1); }

  /// All that a checkpoint needs besides the values: the number of steps done, the state and each row's last
  /// step. Written back into an optimiser of the same configuration, they continue the run with the same
  /// bits.
  Index steps() const { return steps_; }
  void set_steps(Index steps);
  std::vector<StateBlock<T>> state();
  std::vector<LazyRowSteps> lazy_row_steps();

 private:
  /// Dense parameters that follow one another in the store's blocks; the zeros that pad them to aligned
  /// offsets belong to it, so that it is one flat loop.
  struct DenseRange {
    ParameterId first;
    Index size = 0;  // scalars
  };
  /// A row-sparse parameter.
  struct Table {
    ParameterId id;
    std::vector<std::int64_t> last_steps;  // one a row
  };

  void find_parameters();
  double gradient_norm();

  ParameterSlice<T> slice(ParameterId first, Index begin, Index size) const;
  ParameterSlice<T> row_slice(const Table& table, Index row) const;
  bool update_dense(const DenseRange& range, T scale) const;
  bool update_rows(Table& table, T scale) const;
  void catch_up(Table& table, Index row, Index last) const;

  OptimizerConfig config_;
  ParameterStore<T>& store_;
  std::unique_ptr<UpdateRule<T>> rule_;
  std::vector<std::string> state_names_;
  std::array<MappedMemory, kMaxStates> state_;
  std::vector<DenseRange> dense_;
  std::vector<Table> tables_;
  std::vector<double> squares_;  // of the norm's blocks
  Index steps_ = 0;
};

}  // namespace slalom
