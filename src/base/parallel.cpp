#include "slalom/base/parallel.hpp"

#include <omp.h>

#include <atomic>
#include <cmath>
#include <exception>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"

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

// --- what was allotted ------------------------------------------------------------------------------------

namespace {

constexpr double kNoQuota = std::numeric_limits<double>::infinity();

// Of one cgroup, whose folder has either v2's file or the two of v1.
double quota_of(const std::string& folder) {
  std::ifstream both(folder + "/cpu.max"), quota(folder + "/cpu.cfs_quota_us"),
      period(folder + "/cpu.cfs_period_us");
  std::string time;
  double of = 0;
  if (!(both >> time >> of) && !(quota >> time && period >> of)) return kNoQuota;
  const double microseconds = parse_number<double>(time).value_or(-1);  // v2: "max", v1: -1
  return microseconds > 0 && of > 0 ? microseconds / of : kNoQuota;
}

// Of a cgroup and those above it. In a container its path may be the host's, of which only the end is there.
double smallest_quota(const std::string& mount, std::filesystem::path group) {
  double smallest = quota_of(mount + group.string());
  for (; group.has_relative_path(); group = group.parent_path())
    smallest = std::min(smallest, quota_of(mount + group.parent_path().string()));
  return smallest;
}

}  // namespace

AllottedCores allotted_cores(const std::string& root) {
  double smallest = kNoQuota;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // number:controllers:path
    const std::vector<std::string> parts = split(line, ':');
    if (parts.size() < 3) continue;
    const std::vector<std::string> controllers = split(parts[1], ',');
    if (!parts[1].empty() && std::ranges::count(controllers, "cpu") == 0) continue;
    for (const std::string& mount : {parts[1], std::string(parts[1].empty() ? "unified" : "cpu")})
      smallest = std::min(smallest, smallest_quota(concat(root, "/sys/fs/cgroup/", mount), parts[2]));
  }
  AllottedCores cores{omp_get_num_procs(), std::nullopt};
  if (smallest < kNoQuota) cores.quota = smallest;
  return cores;
}

int AllottedCores::threads() const {
  const double most = std::min<double>(affinity, std::ceil(quota.value_or(affinity)));
  return std::max(1, static_cast<int>(most));
}

std::string AllottedCores::text() const {
  return concat("affinity ", affinity, ", cgroup quota ", quota ? shortest(*quota) : "none");
}

std::string threads_text() {
  return concat(threads(), threads() == 1 ? " thread (" : " threads (", allotted_cores().text(), ")");
}

}  // namespace slalom
