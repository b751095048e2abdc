#include <doctest/doctest.h>
#include <sched.h>

#include <string>
#include <vector>

#include "../support/temporary_folder.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"

using namespace slalom;
using namespace slalom::test;

TEST_CASE("parallel: every block runs once, ranges end where the work ends") {
  std::vector<int> runs(1000);
  parallel_for(1000, [&](Index block) { ++runs[static_cast<std::size_t>(block)]; });
  parallel_ranges(999, 7, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) ++runs[static_cast<std::size_t>(i)];
  });
  for (std::size_t i = 0; i < runs.size(); ++i) CHECK(runs[i] == (i < 999 ? 2 : 1));
}

TEST_CASE("parallel: what a block throws arrives, of several the first block's, on any number of threads") {
  const int before = threads();
  for (const int count : {1, 2, 4}) {
    set_threads(count);
    for (int repeat = 0; repeat < 50; ++repeat) try {
        parallel_for(100, [&](Index outer) {
          parallel_for(10, [&](Index inner) {
            if (outer >= 13 && inner == 4) throw Error(concat("block ", outer));
          });
        });
        FAIL("nothing was thrown");
      } catch (const Error& e) {
        CHECK(std::string(e.what()) == "block 13");
      }
  }
  set_threads(before);
}

namespace {

// The quota that is read from such files below a folder that stands for /.
std::optional<double> quota_with(const std::vector<std::pair<std::string, std::string>>& files) {
  const TemporaryFolder root;
  for (const auto& [path, bytes] : files) {
    make_folders(std::filesystem::path(root.file(path)).parent_path().string());
    root.write(path, bytes);
  }
  return allotted_cores(root.path).quota;
}

}  // namespace

TEST_CASE("allotted cores: the smallest quota of the process's cgroups, of either version") {
  const std::pair<std::string, std::string> two = {"proc/self/cgroup", "0::/job/task\n"};
  const std::pair<std::string, std::string> one = {"proc/self/cgroup",
                                                   "7:memory:/x\n4:cpu,cpuacct:/job\n0::/\n"};
  const std::string v2 = "sys/fs/cgroup/", v1 = "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_";
  CHECK_FALSE(quota_with({}));
  CHECK_FALSE(quota_with({two}));
  CHECK_FALSE(quota_with({two, {v2 + "job/task/cpu.max", "max 100000\n"}}));
  CHECK(quota_with({two, {v2 + "job/task/cpu.max", "150000 100000\n"}}) == 1.5);
  CHECK(quota_with(
            {two, {v2 + "job/task/cpu.max", "400000 100000\n"}, {v2 + "job/cpu.max", "20000 10000\n"}}) ==
        2.0);
  CHECK(quota_with({two, {v2 + "cpu.max", "50000 100000\n"}}) ==
        0.5);  // the folder's own root, as in a container
  CHECK(quota_with({one, {v1 + "quota_us", "300000\n"}, {v1 + "period_us", "100000\n"}}) == 3.0);
  CHECK_FALSE(quota_with({one, {v1 + "quota_us", "-1\n"}, {v1 + "period_us", "100000\n"}}));
  CHECK(quota_with({one,
                    {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "25000"},
                    {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"}}) == 0.25);
  CHECK_FALSE(quota_with({two, {v2 + "cpu.max", "nonsense"}}));
}

TEST_CASE("allotted cores: threads are the affinity's or the quota's, the smaller one") {
  CHECK(AllottedCores{8, std::nullopt}.threads() == 8);
  CHECK(AllottedCores{2, 1.5}.threads() == 2);
  CHECK(AllottedCores{8, 1.5}.threads() == 2);
  CHECK(AllottedCores{8, 0.25}.threads() == 1);
  CHECK(AllottedCores{2, 64.0}.threads() == 2);
  CHECK(AllottedCores{2, 1.5}.text() == "affinity 2, cgroup quota 1.5");
  cpu_set_t all, first;
  REQUIRE(sched_getaffinity(0, sizeof(all), &all) == 0);
  CHECK(allotted_cores().affinity == CPU_COUNT(&all));
  CPU_ZERO(&first);
  int core = 0;
  while (!CPU_ISSET(core, &all)) ++core;
  CPU_SET(core, &first);
  REQUIRE(sched_setaffinity(0, sizeof(first), &first) == 0);
  CHECK(allotted_cores().affinity == 1);
  CHECK(sched_setaffinity(0, sizeof(all), &all) == 0);
}
