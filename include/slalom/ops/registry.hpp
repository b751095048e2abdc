// The list of all differentiable operations: what each computes, on which shapes, and small examples on which
// the gradient test checks it.
#pragma once

#include "slalom/autograd/gradient_check.hpp"

namespace slalom {

struct OperationExample {
  const char* label;
  std::vector<Shape> leaves;  // shapes of the inputs that are differentiated
  TapeFunction apply;
};

struct Operation {
  const char* name;     // as passed to Tape::record
  const char* formula;  // plain text
  const char* shapes;
  std::vector<OperationExample> examples;
};

/// In the order of the include/slalom/ops folder. To add an operation: write ops/x.{hpp,cpp} with a
/// describe_x(), and add it to the list in src/ops/registry.cpp; tests/ops/test_gradients.cpp then checks it.
const std::vector<Operation>& operations();

/// Leaves of the example's shapes with standard normal values, a function of `seed`.
std::vector<Leaf> random_leaves(const OperationExample& example, std::uint64_t seed);

}  // namespace slalom
