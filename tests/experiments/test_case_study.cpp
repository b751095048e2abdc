#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "../support/temporary_folder.hpp"
#include "slalom/data/generated_reviews.hpp"
#include "tiny.hpp"

using namespace slalom;
using namespace slalom::test;

TEST_CASE("case study: of a model that was trained on generated reviews, the planted ratings rank first") {
  const TemporaryFolder output("case_study");
  run_tiny_shards("case_study", output.path, {"--data", "generated"});
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
  // Planted ratings decide: the table's strongest tokens turn any review, random ones few.
  CHECK(json["edits"].size() == 50);
  const Json& estimates = json["estimates"];
  CHECK(estimates["edits.in: token table.flipped"][0].get<double>() > 0.9);
  CHECK(estimates["edits.in: at random.flipped"][0].get<double>() < 0.5);
  CHECK(estimates["edits.out: greedy.flipped"][0].get<double>() >=
        estimates["edits.out: token table.flipped"][0].get<double>());
  const std::string card = read_file(output.file("card.tsv"));
  CHECK(card.starts_with("id\ttoken\tvalue\timportance\tlinear\tcount\ttexts\tnaive_bayes\n"));
  CHECK(std::ranges::count(card, '\n') == 1 + found["tokens"].get<Index>());
  for (const char* file : {"README.md", "plane.svg", "figure.svg", "model/model.safetensors"})
    CHECK(std::filesystem::file_size(output.file(file)) > 0);

  // Nothing is trained again: the model's file stays as it is.
  const auto trained = std::filesystem::last_write_time(output.file("model/model.safetensors"));
  const Finished again = run_tiny("case_study", output.path, {"--data", "generated"});
  CHECK(again.status == 0);
  CHECK(std::filesystem::last_write_time(output.file("model/model.safetensors")) == trained);
  CHECK(read_file(output.file("card.tsv")) == card);
}

TEST_CASE("case study: without BERT's vocabulary one is trained on the reviews") {
  const TemporaryFolder output("case_study"), data("case_study_data");
  for (const char* name : {"imdb_train.tsv", "imdb_test.tsv"}) {
    std::string lines;
    for (std::uint64_t i = 0; i < 60; ++i) {
      const Review review = generated_review(0, i);
      lines += concat(review.label, "\t", review.text, "\n");
    }
    data.write(name, lines);
  }
  const Finished run = run_tiny("case_study", output.path, {"--data", data.path});
  CAPTURE(run.err);
  CHECK(run.status == 1);  // sixty reviews teach it nothing
  const std::string vocabulary = read_file(output.file("model/vocab.txt"));
  CHECK(vocabulary.starts_with("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"));
  CHECK(vocabulary.find("\nwonderful\n") != std::string::npos);

  const Finished missing = run_tiny("case_study", output.path, {"--data", data.file("none")});
  CHECK(missing.status == 3);
  CHECK(missing.err.find("none: found no such folder") != std::string::npos);
  std::filesystem::remove(data.file("imdb_test.tsv"));
  const Finished half = run_tiny("case_study", output.path, {"--data", data.path});
  CHECK(half.status == 3);
  CHECK(half.err.find("found no imdb_test.tsv, also not as .gz") != std::string::npos);
}
