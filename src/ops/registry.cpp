#include "slalom/ops/registry.hpp"

#include "slalom/base/random.hpp"
#include "slalom/ops/attention.hpp"
#include "slalom/ops/binary_cross_entropy.hpp"
#include "slalom/ops/cross_entropy.hpp"
#include "slalom/ops/dropout.hpp"
#include "slalom/ops/elementwise.hpp"
#include "slalom/ops/embedding.hpp"
#include "slalom/ops/gather_rows.hpp"
#include "slalom/ops/layer_norm.hpp"
#include "slalom/ops/linear.hpp"
#include "slalom/ops/reductions.hpp"
#include "slalom/ops/rotary.hpp"
#include "slalom/ops/softmax.hpp"
#include "slalom/ops/squared_error.hpp"

namespace slalom {

const std::vector<Operation>& operations() {
  static const std::vector<Operation> list = {describe_attention(),     describe_binary_cross_entropy(),
                                              describe_cross_entropy(), describe_dropout(),
                                              describe_add(),           describe_mul(),
                                              describe_scale(),         describe_tanh(),
                                              describe_sigmoid(),       describe_embedding(),
                                              describe_layer_norm(),    describe_linear(),
                                              describe_sum(),           describe_mean(),
                                              describe_gather_rows(),   describe_rotary(),
                                              describe_softmax(),       describe_squared_error()};
  return list;
}

std::vector<Leaf> random_leaves(const OperationExample& example, std::uint64_t seed) {
  Rng rng(seed, Purpose::test);
  std::vector<Leaf> leaves;
  for (const Shape& shape : example.leaves) {
    Leaf leaf{shape, std::vector<double>(static_cast<std::size_t>(shape.size()))};
    for (double& x : leaf.values) x = rng.normal();
    leaves.push_back(std::move(leaf));
  }
  return leaves;
}

}  // namespace slalom
