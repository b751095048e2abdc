// A training that is done is never lost: however a study is killed, there is its checkpoint or its record.
#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "../support/temporary_folder.hpp"
#include "../support/traced.hpp"
#include "tiny.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

/// Runs a study until a record of a training is there, and looks at each step before.
void check_trainings_are_kept(const char* program, const std::vector<std::string>& more) {
  CAPTURE(program);
  const TemporaryFolder folder("kept");
  std::vector<std::string> command = {
      program_beside(program), "--size", "tiny", "--threads", "1", "--output", folder.path, "-q"};
  command.insert(command.end(), more.begin(), more.end());
  constexpr std::string_view kCheckpoint = ".checkpoint.safetensors";
  std::set<std::string> begun;
  int steps = 0, recorded = 0;
  const auto look = [&] {
    ++steps;
    if (!std::filesystem::exists(folder.file("work"))) return true;
    for (const std::string& name : files_in(folder.file("work")))
      if (name.ends_with(kCheckpoint)) begun.insert(name.substr(0, name.size() - kCheckpoint.size()));
    recorded = 0;
    for (const std::string& part : begun) {
      const std::string path = folder.file("work/" + part);
      const bool record = std::filesystem::exists(path + ".json");
      recorded += record;
      CHECK((record || std::filesystem::exists(path + std::string(kCheckpoint))));
    }
    return recorded < 2;
  };
  const std::optional<int> status = run_in_steps(command, look);
  if (!status) {
    MESSAGE("skipped: this system forbids tracing");
    return;
  }
  CHECK((*status == 0 || recorded == 2));
  CHECK(recorded >= 1);
  CHECK(steps >= 5);
}

}  // namespace

TEST_CASE("studies: at every step a training has its checkpoint or its record") {
  check_trainings_are_kept("linear_study", {});
  check_trainings_are_kept("text_models", {"--data", "generated"});
  check_trainings_are_kept("case_study", {"--data", "generated"});
}
