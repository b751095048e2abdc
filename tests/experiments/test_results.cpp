// What is committed is what `make tables` makes of the committed records.
#include <doctest/doctest.h>

#include <filesystem>

#include "../support/process.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/files.hpp"

using namespace slalom;
using namespace slalom::test;

TEST_CASE("results: pages and pictures are what the committed records make") {
  const TemporaryFolder folder("tables");
  const std::string programs = std::filesystem::path(program_beside("reproduce")).parent_path().string();
  const Finished run = run_process({"experiments/reproduce/tables.sh", programs, folder.path});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  std::size_t pages = 0, pictures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("results") || !name.ends_with(".md")) continue;
    CAPTURE(name);
    CHECK(read_file(entry.path().string()) == read_file("experiments/" + name));
    ++pages;
  }
  for (const auto& entry : std::filesystem::directory_iterator("experiments/results")) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    CHECK(read_file(entry.path().string()) == read_file(folder.file("results/" + name)));
    ++pictures;
  }
  CHECK(pages >= 3);
  CHECK(pictures >= 5);
  CHECK(read_file("README.md").find(read_file(folder.file("readme.md"))) != std::string::npos);
}
