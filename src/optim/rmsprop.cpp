// RMSprop at learning rate η_t:
//
//   v ← α v + (1 − α) g²
//   w ← w − η_t g / (√v + ε)
//
// With g = 0 for k steps, w stays and v ← α^k v.
#include <cmath>

#include "slalom/optim/rule.hpp"

namespace slalom {

namespace {

template <class T>
class RmsProp final : public UpdateRule<T> {
 public:
  explicit RmsProp(const OptimizerConfig& config)
      : schedule_(config.schedule), alpha_(config.alpha), eps_(static_cast<T>(config.eps)) {}

  std::vector<std::string> state_names() const override { return {"square_avg"}; }
  bool moves_without_gradient() const override { return false; }
  bool moves_fresh_without_gradient() const override { return false; }

  bool update(const ParameterSlice<T>& slice, Index step, T scale) const override {
    T* __restrict w = slice.value;
    T* __restrict v = slice.state[0];
    const T* __restrict g = slice.gradient;
    const T learning_rate = static_cast<T>(schedule_.learning_rate(step));
    const T keep = static_cast<T>(alpha_), take = static_cast<T>(1 - alpha_);
    T not_finite = 0;  // 0 · g is 0 unless g is NaN or Inf
#pragma omp simd reduction(+ : not_finite)
    for (Index i = 0; i < slice.size; ++i) {
      const T scaled = g[i] * scale;
      not_finite += g[i] * T{0};
      v[i] = keep * v[i] + take * scaled * scaled;
      w[i] -= learning_rate * scaled / (std::sqrt(v[i]) + eps_);
    }
    return not_finite == T{0};
  }

  void skip_steps(const ParameterSlice<T>& slice, Index first, Index last) const override {
    T* __restrict v = slice.state[0];
    const T keep = static_cast<T>(std::pow(alpha_, static_cast<double>(last - first + 1)));
#pragma omp simd
    for (Index i = 0; i < slice.size; ++i) v[i] *= keep;
  }

 private:
  Schedule schedule_;
  double alpha_;
  T eps_;
};

}  // namespace

template <class T>
std::unique_ptr<UpdateRule<T>> make_rmsprop(const OptimizerConfig& config) {
  return std::make_unique<RmsProp<T>>(config);
}

template std::unique_ptr<UpdateRule<float>> make_rmsprop(const OptimizerConfig&);
template std::unique_ptr<UpdateRule<double>> make_rmsprop(const OptimizerConfig&);

}  // namespace slalom
