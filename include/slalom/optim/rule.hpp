// What an update rule is: a formula for one step, and what it comes to when the gradient is zero.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "slalom/optim/config.hpp"

namespace slalom {

/// No rule keeps more numbers than this for each parameter.
inline constexpr std::size_t kMaxStates = 2;

/// `size` adjacent scalars with their gradients and the rule's state; the pointers never overlap.
template <class T>
struct ParameterSlice {
  T* value = nullptr;
  const T* gradient = nullptr;
  std::array<T*, kMaxStates> state{};
  Index size = 0;
};

/// Rules hold constants only, so one rule may work on many slices at once. Steps count from 1.
template <class T>
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;

  /// Names of the state blocks (PyTorch's), at most kMaxStates; their numbers start at zero.
  virtual std::vector<std::string> state_names() const = 0;
  /// One step with the gradient times `scale`. Returns whether all gradients were finite.
  virtual bool update(const ParameterSlice<T>& slice, Index step, T scale) const = 0;
  /// Steps first … last with a gradient of zero (slice.gradient is not read).
  virtual void skip_steps(const ParameterSlice<T>& slice, Index first, Index last) const = 0;
  /// Does a step without a gradient change values, or state alone?
  virtual bool moves_without_gradient() const = 0;
  /// Does a step without a gradient change values even while all state is zero?
  virtual bool moves_fresh_without_gradient() const = 0;
};

/// The rule of the configuration's kind: torch.optim.SGD (no dampening, no Nesterov), torch.optim.RMSprop
/// (not centred, no momentum) or torch.optim.AdamW (no AMSGrad).
template <class T>
std::unique_ptr<UpdateRule<T>> make_rule(const OptimizerConfig& config);

}  // namespace slalom
