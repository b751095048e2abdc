// Two loops that elementwise operations are written with.
#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/base/parallel.hpp"

namespace slalom {

constexpr Index kElementBlock = 16384;

/// y[i] ← f(i).
template <class T, class F>
void fill(Tensor<T> y, const F& f) {
  parallel_ranges(y.size(), kElementBlock, [&](Index first, Index last) {
#pragma omp simd
    for (Index i = first; i < last; ++i) y.data[i] = f(i);
  });
}

/// Gradient of v += f(i), element by element, if v needs one.
template <class T, class F>
void accumulate_gradient(Tape<T>& tape, Var v, const F& f) {
  if (!tape.needs_gradient(v)) return;
  const GradientSlot<T> slot = tape.gradient_slot(v);
  const Tensor<T> d{slot.data, tape.value(v).shape};
  if (slot.beta == T{0})
    fill(d, f);
  else
    fill(d, [&](Index i) { return d.data[i] + f(i); });
}

}  // namespace slalom
