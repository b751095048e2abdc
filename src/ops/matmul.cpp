#include "slalom/ops/matmul.hpp"

#include "slalom/kernels/gemm.hpp"

namespace slalom {

template <class T>
Var matmul(Tape<T>& tape, Var a, Var b) {
  const Tensor<T> A = tape.value(a), B = tape.value(b);
  if (A.shape.rank != 2 || B.shape.rank != 2 || A.shape[1] != B.shape[0])
    throw Error(concat("[matmul] a is ", to_string(A.shape), ", b ", to_string(B.shape),
                       ", wanted (m, k) and (k, n)"));
  const Index m = A.shape[0], k = A.shape[1], n = B.shape[1];
  const Tensor<T> c = tape.allocate({m, n});
  gemm<T>(m, n, k, {A.data, k}, {B.data, n}, T{0}, c.data, n);
  return tape.record("matmul", c, {a, b}, [=](Tape<T>& t, Tensor<const T> dc) {
    if (t.needs_gradient(a)) {
      const GradientSlot<T> da = t.gradient_slot(a);
      gemm<T>(m, k, n, {dc.data, n}, {B.data, n, Layout::transposed}, da.beta, da.data, k);
    }
    if (t.needs_gradient(b)) {
      const GradientSlot<T> db = t.gradient_slot(b);
      gemm<T>(k, n, m, {A.data, k, Layout::transposed}, {dc.data, n}, db.beta, db.data, n);
    }
  });
}

template Var matmul(Tape<float>&, Var, Var);
template Var matmul(Tape<double>&, Var, Var);

Operation describe_matmul() {
  return {"matmul",
          "C = A B",
          "A (m, k), B (k, n), C (m, n)",
          {{"rectangular",
            {{2, 3}, {3, 4}},
            [](Tape<double>& t, std::span<const Var> x) { return matmul(t, x[0], x[1]); }},
           {"a square, squared", {{3, 3}}, [](Tape<double>& t, std::span<const Var> x) {
              return matmul(t, x[0], x[0]);
            }}}};
}

}  // namespace slalom
