#include "slalom/cli/resume.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "../support/error_of.hpp"
#include "../support/temporary_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const Json kSettings = {{"seed", 7}};

std::string line(int row, const std::string& more = "") {
  return concat("{\"id\":\"r", row, "\",\"row\":", row, ",\"input\":\"f", row, "\",\"seed\":7", more, "}\n");
}

}  // namespace

TEST_CASE("finished rows: all but the last, whatever lines they have") {
  const TemporaryFolder folder;
  const std::string path = folder.file("out.jsonl");
  CHECK(finished_rows(path, kSettings).rows.empty());
  const std::string kept = line(0) + line(0) + line(1, ",\"error\":\"bad\"");
  folder.write("out.jsonl.partial", kept + line(2) + line(3).substr(0, 20));
  const FinishedRows finished = finished_rows(path, kSettings);
  REQUIRE(finished.rows.size() == 2);
  CHECK(finished.rows[1].id_json == "\"r1\"");
  CHECK(finished.rows[1].input == "f1");
  CHECK(finished.bytes == kept.size());
  CHECK(finished.failed == 1);
}

TEST_CASE("finished rows: lines of something else are refused with file, line and field") {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& lines) {
    folder.write("out.jsonl.partial", lines);
    const std::string all = error_of([&] { finished_rows(folder.file("out.jsonl"), kSettings); });
    CHECK(all.starts_with(folder.file("out.jsonl.partial") + ": line "));
    return all.substr(folder.file("out.jsonl.partial: line ").size());
  };
  CHECK(message("{\"id\":0,\"row\":0,\"input\":\"f\",\"seed\":8}\n") ==
        "1: field \"seed\": found 8, wanted 7 of this run");
  CHECK(message(line(0) + line(2)) == "2: field \"row\": found 2, wanted 1");
  CHECK(message("{\"row\":0,\"input\":\"f\",\"seed\":7}\n") == "1: field \"id\": missing, wanted the row's");
  CHECK(message("{\"id\":0,\"row\":0,\"seed\":7}\n") == "1: field \"input\": missing, wanted a string");
  CHECK(message("[7]\n") == "1: field \"seed\": found null, wanted 7 of this run");
  std::filesystem::remove(folder.file("out.jsonl.partial"));
  folder.write("out.jsonl", line(0) + line(2));
  CHECK(error_of([&] {
          finished_rows(folder.file("out.jsonl"), kSettings);
        }).starts_with(folder.file("out.jsonl") + ": line 2: "));
  CHECK_FALSE(std::filesystem::exists(folder.file("out.jsonl.partial")));
}
