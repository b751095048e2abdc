// The Euclidean norm of all gradients of a store, for clipping.
#pragma once

#include <vector>

#include "slalom/autograd/parameter_store.hpp"

namespace slalom {

/// A run of dense parameters that follow one another in the store's blocks; the zeros that pad them to
/// aligned offsets belong to it, so that it is one flat loop.
struct DenseRange {
  ParameterId first;
  Index size = 0;  // scalars
};
template <class T>
std::vector<DenseRange> dense_ranges(const ParameterStore<T>& store);

template <class T>
std::vector<ParameterId> row_sparse_parameters(const ParameterStore<T>& store);

/// Keeps the scratch memory, so that computing allocates nothing. The store must be allocated and outlive it.
template <class T>
class GradientNorm {
 public:
  explicit GradientNorm(const ParameterStore<T>& store);

  /// √(Σ g²) over dense gradients and touched rows, after finish_gradients(). Sums are of type double,
  /// block by block in a fixed order.
  double compute();

 private:
  const ParameterStore<T>& store_;
  std::vector<DenseRange> dense_;
  std::vector<ParameterId> sparse_;
  std::vector<double> partial_;
};

/// What clipping multiplies the gradients with, as torch.nn.utils.clip_grad_norm_:
/// min(1, max_norm / (norm + 1e-6)).
double clipping_scale(double norm, double max_norm);

}  // namespace slalom
