// Fixed work split: blocks are cut by the shape of the work, never by the number of threads, so that
// every block computes the same bits whoever runs it.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "slalom/base/index.hpp"

namespace slalom {

namespace detail {
void run_blocks(Index blocks, void (*run)(const void* body, Index block), const void* body);
}

/// Runs body(block) for block = 0 … blocks − 1 on the threads OpenMP has. Bodies must write disjoint memory.
/// Of the exceptions that they throw, the one of the first block is thrown on when all threads are done;
/// blocks behind it may not have run.
template <class Body>
void parallel_for(Index blocks, const Body& body) {
  detail::run_blocks(
      blocks, [](const void* b, Index block) { (*static_cast<const Body*>(b))(block); }, &body);
}

/// Cuts [0, n) into pieces of `grain` and runs body(begin, end) for each of them.
template <class Body>
void parallel_ranges(Index n, Index grain, const Body& body) {
  parallel_for(ceil_div(n, grain), [&](Index b) { body(b * grain, std::min(n, (b + 1) * grain)); });
}

/// Number of threads that parallel_for uses; set_threads(0) keeps OpenMP's default (OMP_NUM_THREADS).
int threads();
void set_threads(int count);
/// Of the calling thread among them, from 0.
int thread_number();

/// What the system lets this process use of the machine's cores.
struct AllottedCores {
  int affinity;                 // cores that it may run on
  std::optional<double> quota;  // of time, in cores: the smallest of its cgroups (v2 or v1); none: no limit

  /// As many as can run at a time, at least 1.
  int threads() const;
  /// "affinity 2, cgroup quota 1.5".
  std::string text() const;
};
/// `root` is where /proc and /sys are.
AllottedCores allotted_cores(const std::string& root = "");
/// "2 threads (affinity 2, cgroup quota 1.5)", of threads().
std::string threads_text();

}  // namespace slalom
