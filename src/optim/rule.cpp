#include "slalom/optim/rule.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

// 0 · g is 0 unless g is NaN or Inf: the sum of these tells whether all gradients were finite.

/// Stochastic gradient descent with momentum μ at learning rate η_t:
///
///   b ← μ b + g          (b = g without momentum, and then no state is kept)
///   w ← w − η_t b
///
/// With g = 0 the momentum goes on moving w until it has died away.
template <class T>
class Sgd final : public UpdateRule<T> {
 public:
  explicit Sgd(const OptimizerConfig& config)
      : schedule_(config.schedule), momentum_(static_cast<T>(config.momentum)) {}

  std::vector<std::string> state_names() const override {
    return momentum_ == 0 ? std::vector<std::string>{} : std::vector<std::string>{"momentum_buffer"};
  }
  bool moves_without_gradient() const override { return momentum_ != 0; }
  bool moves_fresh_without_gradient() const override { return false; }

  bool update(const ParameterSlice<T>& slice, Index step, T scale) const override {
    T* __restrict w = slice.value;
    T* __restrict b = slice.state[0];
    const T* __restrict g = slice.gradient;
    const T learning_rate = static_cast<T>(schedule_.learning_rate(step)), scaled = learning_rate * scale;
    T not_finite = 0;
    if (momentum_ == 0) {
#pragma omp simd reduction(+ : not_finite)
      for (Index i = 0; i < slice.size; ++i) {
        not_finite += g[i] * T{0};
        w[i] -= scaled * g[i];
      }
    } else {
#pragma omp simd reduction(+ : not_finite)
      for (Index i = 0; i < slice.size; ++i) {
        not_finite += g[i] * T{0};
        b[i] = momentum_ * b[i] + g[i] * scale;
        w[i] -= learning_rate * b[i];
      }
    }
    return not_finite == T{0};
  }

  void skip_steps(const ParameterSlice<T>& slice, Index first, Index last) const override {
    T* __restrict w = slice.value;
    T* __restrict b = slice.state[0];
    for (Index step = first; momentum_ != 0 && step <= last; ++step) {
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

/// RMSprop at learning rate η_t:
///
///   v ← α v + (1 − α) g²
///   w ← w − η_t g / (√v + ε)
///
/// With g = 0 for k steps, w stays and v ← α^k v.
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
    T not_finite = 0;
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

/// The numbers of step t.
template <class T>
struct AdamStep {
  T decay;          // 1 − η_t λ
  T learning_rate;  // η_t / (1 − β₁^t)
  T inverse_root;   // 1 / √(1 − β₂^t)
  T keep_m, take_m, keep_v, take_v, eps;

  void advance(T& w, T& m, T& v, T g) const {
    m = keep_m * m + take_m * g;
    v = keep_v * v + take_v * g * g;
    w = decay * w - learning_rate * m / (std::sqrt(v) * inverse_root + eps);
  }
};

/// AdamW (Loshchilov and Hutter, ICLR 2019) at learning rate η_t, weight decay λ:
///
///   w ← (1 − η_t λ) w
///   m ← β₁ m + (1 − β₁) g
///   v ← β₂ v + (1 − β₂) g²
///   w ← w − η_t / (1 − β₁^t) · m / (√v / √(1 − β₂^t) + ε)
///
/// With g = 0 everything goes on moving, each step at its own learning rate and bias corrections, so a lazy
/// update replays the steps; it runs the same arithmetic as a step and leaves the same bits. A slice without
/// any momentum (a row that never had a gradient) only decays.
template <class T>
class AdamW final : public UpdateRule<T> {
 public:
  explicit AdamW(const OptimizerConfig& config) : config_(config) {}

  std::vector<std::string> state_names() const override { return {"exp_avg", "exp_avg_sq"}; }
  bool moves_without_gradient() const override { return true; }
  bool moves_fresh_without_gradient() const override { return config_.weight_decay != 0; }

  bool update(const ParameterSlice<T>& slice, Index step, T scale) const override {
    T* __restrict w = slice.value;
    T* __restrict m = slice.state[0];
    T* __restrict v = slice.state[1];
    const T* __restrict g = slice.gradient;
    const AdamStep<T> s = numbers(step);
    T not_finite = 0;
#pragma omp simd reduction(+ : not_finite)
    for (Index i = 0; i < slice.size; ++i) {
      not_finite += g[i] * T{0};
      s.advance(w[i], m[i], v[i], g[i] * scale);
    }
    return not_finite == T{0};
  }

  void skip_steps(const ParameterSlice<T>& slice, Index first, Index last) const override {
    T* __restrict w = slice.value;
    T* __restrict m = slice.state[0];
    T* __restrict v = slice.state[1];
    const auto is_zero = [](T x) { return x == T{0}; };
    const bool fresh = std::all_of(m, m + slice.size, is_zero) && std::all_of(v, v + slice.size, is_zero);
    for (Index step = first; step <= last; ++step) {
      if (fresh) {
        const T decay = decay_of(config_.schedule.learning_rate(step));
#pragma omp simd
        for (Index i = 0; i < slice.size; ++i) w[i] *= decay;
      } else {
        const AdamStep<T> s = numbers(step);
#pragma omp simd
        for (Index i = 0; i < slice.size; ++i) s.advance(w[i], m[i], v[i], T{0});
      }
    }
  }

 private:
  T decay_of(double learning_rate) const {
    return static_cast<T>(1 - learning_rate * config_.weight_decay);
  }

  AdamStep<T> numbers(Index step) const {
    const double t = static_cast<double>(step), learning_rate = config_.schedule.learning_rate(step);
    const double b1 = config_.beta1, b2 = config_.beta2;
    return {decay_of(learning_rate),
            static_cast<T>(learning_rate / (1 - std::pow(b1, t))),
            static_cast<T>(1 / std::sqrt(1 - std::pow(b2, t))),
            static_cast<T>(b1),
            static_cast<T>(1 - b1),
            static_cast<T>(b2),
            static_cast<T>(1 - b2),
            static_cast<T>(config_.eps)};
  }

  OptimizerConfig config_;
};

}  // namespace

template <class T>
std::unique_ptr<UpdateRule<T>> make_rule(const OptimizerConfig& config) {
  switch (config.kind) {
    case OptimizerKind::sgd:
      return std::make_unique<Sgd<T>>(config);
    case OptimizerKind::rmsprop:
      return std::make_unique<RmsProp<T>>(config);
    case OptimizerKind::adamw:
      return std::make_unique<AdamW<T>>(config);
  }
  throw Error("[optimizer] unknown kind");
}

template std::unique_ptr<UpdateRule<float>> make_rule(const OptimizerConfig&);
template std::unique_ptr<UpdateRule<double>> make_rule(const OptimizerConfig&);

}  // namespace slalom
