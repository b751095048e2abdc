#include "slalom/ops/dropout.hpp"

#include <algorithm>

#include "slalom/base/parallel.hpp"

namespace slalom {

namespace {

constexpr Index kRowBlock = 8;
constexpr Index kMaskColumns =
    512;  // columns whose mask is drawn at a time, on the stack; a multiple of its draw unit of 64

// to ← beta · to + from ∘ mask. A site draws row masks in pieces of kMaskColumns; piece p counts as a row of
// its own.
template <class T>
void apply(const Dropout& dropout, std::span<const RowOrigin> origins, Index D, const T* from, T beta,
           T* to) {
  const Index pieces = ceil_div(D, kMaskColumns);
  parallel_ranges(static_cast<Index>(origins.size()), kRowBlock, [&](Index first, Index last) {
    T mask[kMaskColumns];
    for (Index r = first; r < last; ++r)
      for (Index p = 0; p < pieces; ++p) {
        const auto [text, position] = origins[static_cast<std::size_t>(r)];
        const Index begin = p * kMaskColumns, n = std::min(kMaskColumns, D - begin);
        dropout_mask(dropout, text, static_cast<std::uint32_t>(position * pieces + p), n, mask);
        const T* x = from + r * D + begin;
        T* y = to + r * D + begin;
        if (beta == T{0}) {
#pragma omp simd
          for (Index j = 0; j < n; ++j) y[j] = x[j] * mask[j];
        } else {
#pragma omp simd
          for (Index j = 0; j < n; ++j) y[j] += x[j] * mask[j];
        }
      }
  });
}

}  // namespace

template <class T>
Var dropout(Tape<T>& tape, Var x, const Dropout& dropout, std::span<const RowOrigin> origins) {
  if (!dropout.active()) return x;
  const Tensor<T> X = tape.value(x);
  if (static_cast<Index>(origins.size()) != X.rows())
    throw Error(
        concat("[dropout] x is ", to_string(X.shape), " and comes with ", origins.size(), " row origins"));
  if (dropout.rate >= 1) throw Error(concat("[dropout] rate ", dropout.rate, ", wanted one below 1"));
  const Tensor<T> y = tape.allocate(X.shape);
  apply(dropout, origins, X.columns(), X.data, T{0}, y.data);
  return tape.record("dropout", y, {x}, [=](Tape<T>& t, Tensor<const T> dy) {
    const GradientSlot<T> dx = t.gradient_slot(x);
    apply(dropout, origins, dy.columns(), dy.data, dx.beta, dx.data);
  });
}

template Var dropout(Tape<float>&, Var, const Dropout&, std::span<const RowOrigin>);
template Var dropout(Tape<double>&, Var, const Dropout&, std::span<const RowOrigin>);

Operation describe_dropout() {
  static constexpr RowOrigin kOrigins[] = {{0, 0}, {0, 1}, {1, 0}};
  return {"dropout",
          "y = x * mask, mask = 0 with probability rate, else 1 / (1 - rate)",
          "x, y (R, D), row origins (R)",
          {{"rate 0.4", {{3, 7}}, [](Tape<double>& t, std::span<const Var> x) {
              return dropout(t, x[0], {0.4, 99, 1}, kOrigins);
            }}}};
}

}  // namespace slalom
