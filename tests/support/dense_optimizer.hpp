// The update rules once more, slowly and in the order of PyTorch's documentation: one number after the
// other, no sparsity, everything in double.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "slalom/optim/config.hpp"

namespace slalom::test {

class DenseOptimizer {
 public:
  DenseOptimizer(const OptimizerConfig& config, std::vector<double> start)
      : values(std::move(start)), config_(config), a_(values.size()), b_(values.size()) {}

  void step(std::vector<double> gradient) {
    const double rate = config_.schedule.learning_rate(++t_);
    if (config_.max_gradient_norm > 0) clip(gradient);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (config_.kind == OptimizerKind::sgd) sgd(i, gradient[i], rate);
      if (config_.kind == OptimizerKind::rmsprop) rmsprop(i, gradient[i], rate);
      if (config_.kind == OptimizerKind::adamw) adamw(i, gradient[i], rate);
    }
  }

  std::vector<double> values;

 private:
  void clip(std::vector<double>& gradient) const {
    double sum = 0;
    for (const double g : gradient) sum += g * g;
    const double scale = config_.max_gradient_norm / (std::sqrt(sum) + 1e-6);
    if (scale < 1)
      for (double& g : gradient) g *= scale;
  }
  void sgd(std::size_t i, double g, double rate) {
    a_[i] = t_ == 1 ? g : config_.momentum * a_[i] + g;
    values[i] -= rate * a_[i];
  }
  void rmsprop(std::size_t i, double g, double rate) {
    a_[i] = config_.alpha * a_[i] + (1 - config_.alpha) * g * g;
    values[i] -= rate * g / (std::sqrt(a_[i]) + config_.eps);
  }
  void adamw(std::size_t i, double g, double rate) {
    values[i] *= 1 - rate * config_.weight_decay;
    a_[i] = config_.beta1 * a_[i] + (1 - config_.beta1) * g;
    b_[i] = config_.beta2 * b_[i] + (1 - config_.beta2) * g * g;
    const double correction1 = 1 - std::pow(config_.beta1, t_), correction2 = 1 - std::pow(config_.beta2, t_);
    const double denominator = std::sqrt(b_[i]) / std::sqrt(correction2) + config_.eps;
    values[i] -= rate / correction1 * a_[i] / denominator;
  }

  OptimizerConfig config_;
  std::vector<double> a_, b_;
  int t_ = 0;
};

}  // namespace slalom::test
