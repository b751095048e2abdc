// Stochastic gradient descent with momentum μ at learning rate η_t:
//
//   b ← μ b + g          (b = g without momentum, and then no state is kept)
//   w ← w − η_t b
//
// With g = 0 the momentum goes on moving w until it has died away.
#include "slalom/optim/rule.hpp"

namespace slalom {

namespace {

template <class T>
class PlainSgd final : public UpdateRule<T> {
 public:
  explicit PlainSgd(const OptimizerConfig& config) : schedule_(config.schedule) {}

  std::vector<std::string> state_names() const override { return {}; }
  bool moves_without_gradient() const override { return false; }
  bool moves_fresh_without_gradient() const override { return false; }
  void skip_steps(const ParameterSlice<T>&, Index, Index) const override {}

  bool update(const ParameterSlice<T>& slice, Index step, T scale) const override {
    T* __restrict w = slice.value;
    const T* __restrict g = slice.gradient;
    const T learning_rate = static_cast<T>(schedule_.learning_rate(step)) * scale;
    T not_finite = 0;  // 0 · g is 0 unless g is NaN or Inf
#pragma omp simd reduction(+ : not_finite)
    for (Index i = 0; i < slice.size; ++i) {
      not_finite += g[i] * T{0};
      w[i] -= learning_rate * g[i];
    }
    return not_finite == T{0};
  }

 private:
  Schedule schedule_;
};

template <class T>
class MomentumSgd final : public UpdateRule<T> {
 public:
  explicit MomentumSgd(const OptimizerConfig& config)
      : schedule_(config.schedule), momentum_(static_cast<T>(config.momentum)) {}

  std::vector<std::string> state_names() const override { return {"momentum_buffer"}; }
  bool moves_without_gradient() const override { return true; }
  bool moves_fresh_without_gradient() const override { return false; }

  bool update(const ParameterSlice<T>& slice, Index step, T scale) const override {
    T* __restrict w = slice.value;
    T* __restrict b = slice.state[0];
    const T* __restrict g = slice.gradient;
    const T learning_rate = static_cast<T>(schedule_.learning_rate(step));
    T not_finite = 0;  // 0 · g is 0 unless g is NaN or Inf
#pragma omp simd reduction(+ : not_finite)
    for (Index i = 0; i < slice.size; ++i) {
      not_finite += g[i] * T{0};
      b[i] = momentum_ * b[i] + g[i] * scale;
      w[i] -= learning_rate * b[i];
    }
    return not_finite == T{0};
  }

  void skip_steps(const ParameterSlice<T>& slice, Index first, Index last) const override {
    T* __restrict w = slice.value;
    T* __restrict b = slice.state[0];
    for (Index step = first; step <= last; ++step) {
      const T learning_rate = static_cast<T>(schedule_.learning_rate(step));
#pragma omp simd
      for (Index i = 0; i < slice.size; ++i) {
        b[i] *= momentum_;
        w[i] -= learning_rate * b[i];
      }
    }
  }

 private:
  Schedule schedule_;
  T momentum_;
};

}  // namespace

template <class T>
std::unique_ptr<UpdateRule<T>> make_sgd(const OptimizerConfig& config) {
  if (config.momentum == 0) return std::make_unique<PlainSgd<T>>(config);
  return std::make_unique<MomentumSgd<T>>(config);
}

template std::unique_ptr<UpdateRule<float>> make_sgd(const OptimizerConfig&);
template std::unique_ptr<UpdateRule<double>> make_sgd(const OptimizerConfig&);

}  // namespace slalom
