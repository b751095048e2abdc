#include "slalom/cli/shard.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <regex>

#include "../support/process.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

// A model and rows of it: short ones, one that is cut into windows, two that are bad.
struct Corpus : ModelFolder {
  static constexpr int kRows = 23;

  Corpus() { write_rows(kRows); }
  void write_rows(int count) const {
    std::string rows;
    for (int i = 0; i < count; ++i) {
      std::string ids = "1";
      for (int t = 0, n = i == 9 ? 100 : 1 + i % 6; t < n; ++t) ids += concat(",", 5 + (7 * i + 3 * t) % 33);
      rows += i == 4 || i == 22 ? "{\n" : concat("{\"id\":\"r", i, "\",\"input_ids\":[", ids, ",2]}\n");
    }
    write("in.jsonl", rows);
  }

  Finished run(const Arguments& command, const std::string& output, const Arguments& more = {},
               const ProcessOptions& process = {}) const {
    return run_slalom(joined(joined(command, {"--model", path, "--input", file("in.jsonl"), "--output",
                                              file(output), "-q"}),
                             more),
                      process);
  }
  /// The shards' files, the last one first.
  Arguments run_shards(const Arguments& command, int n) const {
    Arguments files;
    for (int i = n; i >= 1; --i) {
      const std::string name = concat("shard", i, "of", n);
      const int status = run(command, name, {"--shard", concat(i, "/", n)}).status;
      CHECK((status == 0 || status == 4));
      files.push_back(file(name));
    }
    return files;
  }
  /// But for the times, which differ from run to run.
  void check_same_bytes(const std::string& one, const std::string& other) const {
    const auto lines = [&](const std::string& name) {
      return lines_of(std::regex_replace(read_file(file(name)), std::regex(",\"seconds\":[^,}]*"), ""));
    };
    const std::vector<std::string> found = lines(one), wanted = lines(other);
    REQUIRE(found.size() == wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CAPTURE(i);
      CHECK((found[i] == wanted[i]));
    }
  }
};

const std::vector<Arguments> kCommands = {
    {"predict"},
    {"explain", "--method", "leave-one-out"},
    {"evaluate", "--methods", "leave-one-out,slalom-fidel:value", "--metrics",
     "deletion,removal-mse,kendall"},
    {"explain", "--method", "slalom-fidel", "--budget", "30", "--target", "all", "--precision", "f64"}};

Finished merge(const Arguments& files, const Arguments& more = {}) {
  return run_slalom(joined(joined({"merge"}, files), more));
}

}  // namespace

TEST_CASE("shards: merged in any order they are the bytes of one run, its bad rows and its status") {
  const Corpus corpus;
  for (const Arguments& command : kCommands) {
    CAPTURE(command.front());
    CHECK(corpus.run(command, "whole").status == 4);
    for (const int n : {1, 2, 7, 40}) {  // of 40 seventeen are empty
      CAPTURE(n);
      const Finished merged = merge(corpus.run_shards(command, n), {"--output", corpus.file("merged")});
      CHECK(merged.status == 4);
      if (command.front() != "evaluate") CHECK(merged.err.find(" of 23 rows failed") != std::string::npos);
      corpus.check_same_bytes("merged", "whole");
    }
  }
}

TEST_CASE("shards: rows of predict, which are computed together, are dealt out in blocks") {
  const Corpus corpus;
  corpus.write_rows(2500);
  CHECK(corpus.run({"predict"}, "whole").status == 4);
  for (const int n : {2, 7}) {
    CHECK(merge(corpus.run_shards({"predict"}, n), {"--output", corpus.file("merged")}).status == 4);
    corpus.check_same_bytes("merged", "whole");
  }
  CHECK(lines_of(read_file(corpus.file("shard2of2"))).size() == 1024 + 1);
}

TEST_CASE("shards: what is missing, there twice, unfinished or of another run is refused by name") {
  const Corpus corpus;
  const Arguments command = {"explain", "--method", "leave-one-out"};
  const Arguments files = corpus.run_shards(command, 3);  // 3, 2, 1
  const auto message = [&](const Arguments& some) {
    const Finished merged = merge(some, {"--output", corpus.file("merged")});
    CHECK(merged.status == 3);
    CHECK_FALSE(std::filesystem::exists(corpus.file("merged")));
    return lines_of(merged.err).at(0);
  };
  CHECK(message({files[1]}) == "error: found 1 of 3 shards, missing 1, 3");
  CHECK(merge(files, {"--output", files[0]}).status == 2);
  CHECK(message({files[0], files[1], files[0], files[2]}) ==
        concat("error: ", files[0], ": found shard 3/3, which is also in ", files[0]));
  const auto check_other = [&](const Arguments& other, const std::string& found) {
    corpus.run(joined(command, other), "other", {"--shard", "1/3"});
    CHECK(message({files[0], files[1], corpus.file("other")})
              .starts_with(concat("error: ", corpus.file("other"), ": line ")));
    CHECK(message({files[0], files[1], corpus.file("other")}).find(found) != std::string::npos);
  };
  check_other({"--seed", "3"}, "field \"seed\": found 3, wanted 0 as in " + files[0]);
  check_other({"--held-out", "2"}, "field \"parameters\": found ");
  check_other({"--batch-tokens", "64"}, "field \"parameters\": found {\"batch-tokens\":\"64\",");
  corpus.run(command, "four", {"--shard", "4/4"});
  CHECK(message({files[0], corpus.file("four")}).find("found shard 4/4, wanted one of 3 as in ") !=
        std::string::npos);
  corpus.run({"predict"}, "predicted", {"--shard", "1/3"});
  CHECK(message({files[0], corpus.file("predicted")}).find("field \"command\"") != std::string::npos);

  const std::string shard = read_file(files[1]), whole_input = read_file(corpus.file("in.jsonl"));
  corpus.write("unfinished", shard.substr(0, shard.rfind('\n', shard.size() - 2) + 1));
  CHECK(message({corpus.file("unfinished")}).find("found no line that ends a shard") != std::string::npos);
  corpus.write("short", shard.substr(shard.find('\n') + 1));
  CHECK(message({files[0], corpus.file("short"), files[2]}) ==
        concat("error: ", corpus.file("short"), ": line 1: found row 4, wanted row 1"));

  corpus.write("in.jsonl", whole_input + "{\"input_ids\":[1,5,2]}\n");
  check_other({}, "field \"rows\": found 24, wanted 23");
  corpus.write("in.jsonl",
               std::regex_replace(whole_input, std::regex(R"(,5,)"), ",6,"));  // also others' rows
  check_other({}, "field \"input\"");
  corpus.write("in.jsonl", whole_input);
  randomise(const_cast<Classifier<double>&>(corpus.model), 5);
  save_model(corpus.model, corpus.path, DType::f64);
  check_other({}, "field \"model_sha256\"");
}

TEST_CASE("shards: one that was killed or told to end goes on, and the merged bytes are the same") {
  const Corpus corpus;
  const Arguments command = {"explain", "--method", "slalom-fidel", "--budget", "3000"};
  CHECK(corpus.run(command, "whole").status == 4);
  CHECK(corpus.run(command, "b", {"--shard", "2/2"}).status == 0);
  for (const int signal : {SIGKILL, SIGTERM, SIGUSR1}) {
    CAPTURE(signal);
    const Arguments shard = {"--shard", "1/2", "--resume"};
    for (const char* left : {"a", "a.partial"}) std::filesystem::remove(corpus.file(left));
    const auto has_rows = [&] {
      std::error_code missing;
      const auto size = std::filesystem::file_size(corpus.file("a.partial"), missing);
      return !missing && size > 4000;
    };
    const Finished ended = corpus.run(command, "a", shard, {.kill = {.signal = signal, .when = has_rows}});
    CHECK(ended.status == (signal == SIGKILL ? 128 + SIGKILL : 130));
    CHECK(merge({corpus.file("a.partial"), corpus.file("b")}).status == 3);
    const Finished other = corpus.run(command, "a", {"--shard", "2/2", "--resume"});
    CHECK(other.err.find("field \"row\": found 0, wanted 1") != std::string::npos);
    for (int again = 0; again < 2; ++again) {  // a finished one stays as it is
      CHECK(corpus.run(command, "a", shard).status == 4);
      CHECK(merge({corpus.file("a"), corpus.file("b")}, {"--output", corpus.file("merged")}).status == 4);
      corpus.check_same_bytes("merged", "whole");
    }
    CHECK(corpus.run(command, "a", {"--resume"}).err.find("field \"row\": found 2, wanted 1") !=
          std::string::npos);
  }
}

TEST_CASE("--shard: i/n, or what Slurm or MPI says of the process") {
  const Corpus corpus;
  const auto shard = [&](const std::string& word, const Arguments& environment = {}) {
    const Finished run = corpus.run({"predict"}, "out", {"--shard", word}, {.environment = environment});
    if (run.status != 4 && run.status != 0) return lines_of(run.err).at(0);
    const std::string end = lines_of(read_file(corpus.file("out"))).back();
    return parse_json(end, "end")["shard"].get<std::string>();
  };
  CHECK(shard("3/7") == "3/7");
  for (const char* wrong : {"0/3", "4/3", "3", "1/0", "-1/3", "1/3/3", "a/b", "1/2000000"})
    CHECK(shard(wrong) ==
          concat("error: --shard ", wrong, ", wanted i/n with i from 1 to n, and n at most 1000000"));
  const Arguments array = {"SLURM_ARRAY_TASK_ID=5", "SLURM_ARRAY_TASK_COUNT=4", "SLURM_ARRAY_TASK_MIN=3"};
  CHECK(shard("auto", array) == "3/4");
  CHECK(shard("auto", {"SLURM_PROCID=0", "SLURM_NTASKS=3"}) == "1/3");
  CHECK(shard("auto", {"OMPI_COMM_WORLD_RANK=2", "OMPI_COMM_WORLD_SIZE=3"}) == "3/3");
  CHECK(shard("auto", {"PMI_RANK=1", "PMI_SIZE=3"}) == "2/3");
  CHECK(shard("auto", joined({"SLURM_PROCID=0", "SLURM_NTASKS=1"}, array)) == "3/4");
  CHECK(shard("auto", {"SLURM_PROCID=0"}) == "error: --shard auto: found SLURM_PROCID without SLURM_NTASKS");
  CHECK(shard("auto", {"PMI_RANK=x"}) == "error: --shard auto: PMI_RANK is \"x\", wanted a whole number");
  CHECK(shard("auto", {"PMI_RANK=3", "PMI_SIZE=3"})
            .starts_with("error: --shard auto: PMI_RANK and PMI_SIZE say 4/3, "));
  const std::string none = shard("auto");
  for (const char* variable :
       {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_PROCID", "SLURM_NTASKS",
        "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE"})
    CHECK(none.find(variable) != std::string::npos);
}

TEST_CASE("--shard: where there are no rows to share out, it says so") {
  const Corpus corpus;
  for (const Arguments& command :
       {Arguments{"audit"}, {"compare"}, {"explain", "--aggregate"}, {"explain", "--html", "page.html"}}) {
    const Finished run = corpus.run(command, "out", {"--shard", "1/2"});
    CHECK(run.status == 2);
    CHECK(run.err.find(" has no effect ") != std::string::npos);
  }
}
