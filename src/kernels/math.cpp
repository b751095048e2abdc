#include "slalom/kernels/math.hpp"

namespace slalom {

const char* name(Activation activation) {
  switch (activation) {
    case Activation::none:
      return "none";
    case Activation::gelu_erf:
      return "gelu_erf";
    case Activation::gelu_tanh:
      return "gelu_tanh";
    case Activation::relu:
      return "relu";
    case Activation::tanh:
      return "tanh";
  }
  return "unknown";
}

}  // namespace slalom
