#include "slalom/base/parallel.hpp"

#include <omp.h>

#include <atomic>
#include <exception>
#include <mutex>

namespace slalom {

void detail::run_blocks(Index blocks, void (*run)(const void* body, Index block), const void* body) {
  if (blocks <= 1 || omp_get_max_threads() == 1 || omp_in_parallel()) {
    for (Index b = 0; b < blocks; ++b) run(body, b);
    return;
  }
  // No exception may leave the parallel region. Blocks are handed out in order, so all before one that failed
  // have started: which failure is the first does not depend on the threads.
  std::atomic<Index> failed{blocks};
  std::exception_ptr failure;
  std::mutex guard;
#pragma omp parallel for schedule(dynamic)
  for (Index b = 0; b < blocks; ++b) {
    if (b > failed) continue;
    try {
      run(body, b);
    } catch (...) {
      const std::lock_guard lock(guard);
      if (b < failed) {
        failed = b;
        failure = std::current_exception();
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
}

int threads() {
  return omp_get_max_threads();
}

void set_threads(int count) {
  if (count > 0) omp_set_num_threads(count);
}

int thread_number() {
  return omp_get_thread_num();
}

}  // namespace slalom
