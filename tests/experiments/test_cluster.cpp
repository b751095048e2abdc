// experiments/cluster with the programs it is for: a task is killed, the same command goes on, and the merged
// bytes are those of one run.
#include <doctest/doctest.h>

#include <filesystem>
#include <regex>

#include "../cli/model_folder.hpp"
#include "../support/process.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;
constexpr int kRows = 24;

bool has_programs(const Arguments& names) {
  for (const std::string& name : names)
    if (run_process({"sh", "-c", "PATH=$PATH:/usr/sbin command -v " + name}).status != 0) {
      MESSAGE("skipped: no " << name);
      return false;
    }
  return true;
}

// A model, rows, and a `slalom` that is killed once while it works on shard 2; or, if the file `script` has
// its number, the script that it runs for.
struct Cluster : ModelFolder {
  Cluster() {
    std::string rows;
    for (int i = 0; i < kRows; ++i) {
      std::string ids = "1";
      for (int t = 0; t < 20 + i % 7; ++t) ids += concat(",", 5 + (7 * i + 3 * t * t) % 33);
      rows += i == 5 ? "{\n" : concat("{\"input_ids\":[", ids, ",2]}\n");
    }
    write("in.jsonl", rows);
    write("slalom", concat("#!/bin/bash\nrun=", slalom_binary(), R"(
if [[ "$*" == *explain*/2.jsonl* ]] && mkdir "${0%/*}/killed" 2> /dev/null; then
  "$run" "$@" &
  until [ -s "${0%/*}/out/2.jsonl.partial" ] || ! kill -0 $!; do sleep 0.01; done
  if [ -e "${0%/*}/script" ]; then kill $(cat ${0%/*}/script); else kill -KILL $!; fi
  wait $!
  exit 137
fi
exec "$run" "$@"
)"));
    std::filesystem::permissions(file("slalom"), std::filesystem::perms::owner_all);
    CHECK(run_slalom({"explain", "--model", path, "--input", file("in.jsonl"), "--output", file("whole"),
                      "--budget", "250", "-q"})
              .status == 4);
  }

  Finished run_script(const char* script, Arguments environment) const {
    environment.push_back("SLALOM=" + file("slalom"));
    return run_process(
        {concat("experiments/cluster/", script), "3", path, file("in.jsonl"), file("out"), "--budget", "250"},
        {.environment = environment});
  }
  std::string bytes(const std::string& name) const {
    return std::regex_replace(read_file(file(name)), std::regex(",\"seconds\":[^,}]*"), "");
  }
  void check_script(const char* script, const Arguments& environment = {}) const {
    const Finished killed = run_script(script, environment);
    CAPTURE(killed.err);
    CHECK(killed.status == 130);
    CHECK(std::filesystem::exists(file("killed")));
    CHECK_FALSE(std::filesystem::exists(file("out/2.jsonl")));
    CHECK_FALSE(std::filesystem::exists(file("out/all")));
    const Finished again = run_script(script, environment);
    CAPTURE(again.err);
    CHECK(again.status == 4);  // a row is bad
    CHECK((bytes("out/all") == bytes("whole")));
  }
};

}  // namespace

TEST_CASE("cluster: GNU parallel, with its job log") {
  if (has_programs({"parallel"})) Cluster().check_script("parallel.sh");
}

TEST_CASE("cluster: GNU parallel, when its script is told to end") {
  if (!has_programs({"parallel"})) return;
  const Cluster cluster;
  const Finished ended = run_process({"sh", "-c",
                                      "echo $$ > \"$0/script\"; exec experiments/cluster/parallel.sh 3 "
                                      "\"$0\" \"$0/in.jsonl\" \"$0/out\" --budget 250",
                                      cluster.path},
                                     {.environment = {"SLALOM=" + cluster.file("slalom")}});
  CAPTURE(ended.err);
  CHECK(ended.status == 130);
  CHECK_FALSE(std::filesystem::exists(cluster.file("out/2.jsonl")));
  CHECK(cluster.run_script("parallel.sh", {}).status == 4);
  CHECK((cluster.bytes("out/all") == cluster.bytes("whole")));
}

TEST_CASE("cluster: ranks of Open MPI") {
  if (has_programs({"mpirun"}))
    Cluster().check_script("mpirun.sh", {"MPIRUN=--allow-run-as-root --oversubscribe"});
}

TEST_CASE("cluster: a Slurm array, a task of which is put back into the queue, and another is killed") {
  if (!has_programs({"munged", "slurmctld", "slurmd", "sbatch"})) return;
  const Cluster cluster;
  cluster.write("submit", R"sh(
set -u
folder=$1 script=$PWD/experiments/cluster/slurm.sbatch
submit() {
  sbatch --array=1-3 --cpus-per-task=1 --output="$folder/log-%a" --parsable "$@" "$script" "$folder" "$folder/in.jsonl" "$folder/out" --budget 250
}
job=$(submit)
until [ -s "$folder/out/1.jsonl.partial" ]; do sleep 0.02; done
scancel --batch --signal=USR1 "${job}_1"
until squeue --noheader --format=%r | grep -q BeginTime; do sleep 0.1; done
scontrol update JobId="${job}_1" StartTime=now # Slurm waits two minutes
while [ -n "$(squeue --noheader)" ]; do sleep 0.1; done
submit --wait > /dev/null
"$SLALOM" merge "$folder"/out/*.jsonl --output "$folder/out/all"
)sh");
  const Finished run = run_process(
      {"experiments/cluster/slurm_here", cluster.file("slurm"), "bash", cluster.file("submit"), cluster.path},
      {.environment = {"SLALOM=" + cluster.file("slalom")}});
  CAPTURE(run.err);
  CHECK(read_file(cluster.file("log-1")).find("error: interrupted") != std::string::npos);
  CHECK(run.status == 4);
  CHECK((cluster.bytes("out/all") == cluster.bytes("whole")));
}
