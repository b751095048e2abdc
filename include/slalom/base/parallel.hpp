// Fixed work split: blocks are cut by the shape of the work, never by the number of threads, so that
// every block computes the same bits whoever runs it.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace slalom {

/// Extents, offsets and row numbers.
using Index = std::int64_t;

inline Index ceil_div(Index a, Index b) {
  return (a + b - 1) / b;
}

/// Runs body(block) for block = 0 … blocks − 1 on the threads OpenMP has. Bodies must write disjoint
/// memory; a body may not throw.
template <class Body>
void parallel_for(Index blocks, const Body& body) {
  if (blocks <= 1 || omp_get_max_threads() == 1 || omp_in_parallel()) {
    for (Index b = 0; b < blocks; ++b) body(b);
    return;
  }
#pragma omp parallel for schedule(dynamic)
  for (Index b = 0; b < blocks; ++b) body(b);
}

/// Cuts [0, n) into pieces of `grain` and runs body(begin, end) for each of them.
template <class Body>
void parallel_ranges(Index n, Index grain, const Body& body) {
  parallel_for(ceil_div(n, grain), [&](Index b) { body(b * grain, std::min(n, (b + 1) * grain)); });
}

/// Number of threads that parallel_for uses; set_threads(0) keeps OpenMP's default (OMP_NUM_THREADS).
int threads();
void set_threads(int count);

}  // namespace slalom
