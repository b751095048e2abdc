#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "../support/temporary_folder.hpp"
#include "tiny.hpp"

using namespace slalom;
using namespace slalom::test;

TEST_CASE(
    "case study: the card of a model that was trained on generated reviews ranks the planted ratings first") {
  const TemporaryFolder output("case_study");
  const Finished run = run_tiny("case_study", output.path, {"--data", "generated"});
  CAPTURE(run.out);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json json = parse_json(read_file(output.file("results.json")), "results.json");
  REQUIRE(json["checks"].size() == 5);
  for (const Json& check : json["checks"]) CHECK(check["holds"].get<bool>());
  const Json& found = json["models"][0];
  CHECK(found["8.rank"] == 1);
  CHECK(found["3.rank"] == 1);
  CHECK(found["spearman_naive_bayes"].get<double>() > 0.3);
  const std::string card = read_file(output.file("card.tsv"));
  CHECK(card.starts_with("id\ttoken\tvalue\timportance\tlinear\tcount\ttexts\tnaive_bayes\n"));
  CHECK(std::ranges::count(card, '\n') == 1 + found["tokens"].get<Index>());
  for (const char* file : {"README.md", "plane.svg", "plane.png", "figure.svg", "model/model.safetensors"})
    CHECK(std::filesystem::file_size(output.file(file)) > 0);

  // Nothing is trained again: the model's file stays as it is.
  const auto trained = std::filesystem::last_write_time(output.file("model/model.safetensors"));
  const Finished again = run_tiny("case_study", output.path, {"--data", "generated"});
  CHECK(again.status == 0);
  CHECK(std::filesystem::last_write_time(output.file("model/model.safetensors")) == trained);
  CHECK(read_file(output.file("card.tsv")) == card);
}
