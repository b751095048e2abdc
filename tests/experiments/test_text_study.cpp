#include <doctest/doctest.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <map>
#include <numeric>

#include "../support/compare.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/data/generated_reviews.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"
#include "tiny.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

/// Classifiers of generated reviews, trained once for all tests of this file.
const std::string& models() {
  static const TemporaryFolder folder("text_study_models");
  if (files_in(folder.path).empty()) run_tiny_shards("text_models", folder.path, {"--data", "generated"});
  static const Finished run =
      run_tiny("text_models", folder.path, {"--data", "generated", "--progress", "none"});
  CAPTURE(run.err);
  CAPTURE(run.out);
  REQUIRE(run.status == 0);
  return folder.path;
}

Finished study(const std::string& output, const std::string& parts, const std::vector<std::string>& more = {},
               const char* threads = "1", const ProcessOptions& options = {}) {
  std::vector<std::string> command = {program_beside("text_study"),
                                      "--size",
                                      "tiny",
                                      "--output",
                                      output,
                                      "--threads",
                                      threads,
                                      "--models",
                                      models(),
                                      "--data",
                                      "generated",
                                      "--part",
                                      parts,
                                      "--texts",
                                      "2",
                                      "--queries",
                                      "40"};
  command.insert(command.end(), more.begin(), more.end());
  return run_process(command, options);
}

std::vector<Json> records(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/records/" + name + ".jsonl";
  LineReader lines(path);
  std::vector<Json> found;
  for (std::string line; lines.next(line);) found.push_back(parse_json(line, lines.where()));
  return found;
}

/// The log-odds of the positive class of the first 64 tokens of a test review, as the command line has it.
double asked_log_odds(std::uint64_t index) {
  const std::string folder = models() + "/generated/distilbert_2";
  const Review review = generated_review(0, (std::uint64_t{1} << 40) + index);
  std::vector<TokenId> ids = load_tokenizer(folder).value().encode(review.text, "review").ids;
  if (ids.size() > 64) ids.erase(ids.begin() + 63, ids.end() - 1);
  const Finished run =
      run_slalom({"predict", "--model", folder},
                 {.input = JsonRow().field("input_ids", std::span<const TokenId>(ids)).str()});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return parse_json(run.out, "stdout")["log_odds"].get<double>();
}

/// What must not depend on the machine's mood.
std::vector<Json> without_seconds(std::vector<Json> list) {
  for (Json& record : list)
    for (Json& method : record["methods"]) method.erase("seconds");
  return list;
}

const Json& method(const Json& record, const std::string& name, const std::string& settings) {
  for (const Json& m : record["methods"])
    if (m["method"] == name && m["settings"] == settings) return m;
  FAIL("no method " << name);
  return record;
}

std::vector<double> numbers(const Json& list) {
  return list.get<std::vector<double>>();
}

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

TEST_CASE("text models: classifiers of generated reviews, kept by a second run") {
  const std::string folder = models() + "/generated";
  const Json record = parse_json(read_file(folder + "/distilbert_2/text_model.json"), "text_model.json");
  CHECK(record["texts"] == 500);
  const double accuracy = record["right"].get<double>() / 500;
  CHECK(accuracy > 0.7);
  CHECK(record["interval"][0].get<double>() < accuracy);
  CHECK(record["interval"][1].get<double>() > accuracy);
  const std::vector<double> losses = numbers(record["held_out_losses"]);
  CHECK(losses[record["best_epoch"].get<std::size_t>() - 1] == std::ranges::min(losses));
  const Json results = parse_json(read_file(folder + "/results.json"), "results.json");
  CHECK(results["estimates"]["generated.lstm.accuracy"][0].get<double>() > 0.7);
  const auto trained = std::filesystem::last_write_time(folder + "/distilbert_2/model.safetensors");
  const Finished again = run_tiny("text_models", models(), {"--data", "generated", "--progress", "none"});
  CHECK(again.status == 0);
  CHECK(again.err.find("generated_distilbert_2: done before, kept") != std::string::npos);
  CHECK(std::filesystem::last_write_time(folder + "/distilbert_2/model.safetensors") == trained);
}

TEST_CASE("text study: every method explains every text, under both settings where there are two") {
  const TemporaryFolder output("text_study");
  const Finished run = study(output.path, "imdb,human");
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  for (const char* name : {"generated", "hat50", "hat100", "hat200"}) {
    const std::vector<Json> list = records(output.path, concat(name, "_distilbert_2"));
    REQUIRE(list.size() == 2);
    for (const Json& record : list) {
      const std::size_t n = record["tokens"].size();
      CHECK(record["methods"].size() == 26);
      if (record["corpus"] == "generated") {
        const double asked = asked_log_odds(record["text"].get<std::uint64_t>());
        CHECK(record["predicted"] == (asked > 0 ? 1 : 0));
        CHECK(relative_error(record["log_odds"].get<double>(), std::abs(asked)) <= 1e-5);
      }
      CHECK(record.contains("human") == (std::string(name) != "generated"));
      for (const Json& m : record["methods"]) {
        CAPTURE(m["method"].get<std::string>());
        for (const auto& [kind, scores] : m["scores"].items()) {
          CHECK(scores.size() == n);
          const Json& found = m["metrics"][kind];
          // Scores that are all equal rank nothing.
          const bool ranks = std::ranges::adjacent_find(scores, std::not_equal_to<>()) != scores.end();
          CHECK((m["method"] == "zero") <= !ranks);
          for (const char* area : {"insertion", "deletion", "published-insertion", "published-deletion"})
            CHECK(found.contains(area) == ranks);
          CHECK(found.contains("published-naive-bayes"));
          CHECK(found.contains("published-human") == record.contains("human"));
        }
        CHECK(m["removal"].size() == 10);
        CHECK(m["published_removal"].size() == 10);
        // The factor minimises the error over all deletions, and all sizes have as many.
        const std::vector<double> errors = numbers(m["removal"]), scaled = numbers(m["removal_scaled"]);
        CHECK(sum_of(scaled) <= sum_of(errors) * (1 + 1e-9));
      }
      // All tokens removed one by one: their own prediction is exact.
      CHECK(std::abs(method(record, "leave-one-out", "corrected")["single_removal"].get<double>() - 1) <
            1e-9);
      CHECK(method(record, "leave-one-out", "corrected")["removal"][0].get<double>() < 1e-9);
    }
  }
}

TEST_CASE("text study: an additive model is explained by its weights, and a recurrent one like any other") {
  const TemporaryFolder output("text_study_references");
  REQUIRE(study(output.path, "references").status == 0);
  const std::vector<Json> recurrent = records(output.path, "generated_lstm");
  CHECK(recurrent.size() == 2);
  for (const Json& record : recurrent)  // what its deletions were is what one removal does
    CHECK(method(record, "leave-one-out", "corrected")["removal"][0].get<double>() < 1e-9);
  for (const Json& record : records(output.path, "generated_naive_bayes")) {
    for (const Json& error : method(record, "leave-one-out", "corrected")["removal"])
      CHECK(error.get<double>() < 1e-9);
    // The log-odds of naive Bayes is a sum over tokens, its scores another smoothing of the same counts; the
    // published metrics speak of class 1 and of the true label, whatever is predicted.
    const Json& scored = method(record, "leave-one-out", "corrected");
    CHECK(scored["metrics"]["weight"]["naive-bayes"].get<double>() > 0.8);
    CHECK(scored["metrics"]["weight"]["published-naive-bayes"].get<double>() > 0.8);
    CHECK(scored["metrics"]["weight"]["published-insertion"].get<double>() <
          scored["metrics"]["weight"]["published-deletion"].get<double>());
    CHECK(scored["metrics"]["weight"]["insertion"].get<double>() >
          scored["metrics"]["weight"]["deletion"].get<double>());
    for (const Json& error : scored["published_removal"]) CHECK(error.get<double>() < 1e-9);
    // No change is predicted: the error is what removals do.
    CHECK(method(record, "zero", "corrected")["published_removal"][4].get<double>() > 1e-3);
  }
  for (const Json& record : records(output.path, "generated_logistic_regression")) {
    const std::vector<double> removed =
                                  numbers(method(record, "leave-one-out", "corrected")["scores"]["weight"]),
                              weights = numbers(record["references"]["logistic-regression"]);
    std::map<std::string, int> count;
    for (const Json& token : record["tokens"]) ++count[token.get<std::string>()];
    for (std::size_t i = 0; i < removed.size(); ++i) {
      // Presence counts: one of two equal words is missed by nobody.
      const double want = count[record["tokens"][i].get<std::string>()] == 1 ? weights[i] : 0;
      CHECK(std::abs(removed[i] - want) < 1e-12);
    }
  }
}

TEST_CASE(
    "text study: killed and resumed on other threads it has the same records, and keeps finished texts") {
  const TemporaryFolder whole("text_study_whole"), killed("text_study_killed");
  REQUIRE(study(whole.path, "human").status == 0);
  const auto finished = [&] {
    std::map<std::string, std::filesystem::file_time_type> files;
    if (std::filesystem::exists(killed.file("work")))
      for (const auto& entry : std::filesystem::directory_iterator(killed.file("work")))
        if (entry.path().extension() == ".json")
          files[entry.path().filename().string()] = entry.last_write_time();
    return files;
  };
  const Finished run =
      study(killed.path, "human", {}, "2", {.kill = {SIGKILL, [&] { return finished().size() >= 2; }}});
  CHECK(run.status == 128 + SIGKILL);
  const auto before = finished();
  REQUIRE(before.size() >= 2);
  REQUIRE(before.size() < 6);
  REQUIRE(study(killed.path, "human", {}, "2").status == 0);
  const auto after = finished();
  CHECK(after.size() == 6);
  for (const auto& [file, time] : before) CHECK(after.at(file) == time);
  for (const char* name : {"hat50", "hat100", "hat200"})
    CHECK(without_seconds(records(killed.path, concat(name, "_distilbert_2"))) ==
          without_seconds(records(whole.path, concat(name, "_distilbert_2"))));
}

TEST_CASE("text study: removed shares of a text are a record that a second run keeps") {
  const TemporaryFolder output("text_study_shares");
  REQUIRE(study(output.path, "shares").status == 0);
  const std::vector<Json> first = records(output.path, "shares_generated_distilbert_2");
  REQUIRE(first.size() == 2);
  for (const Json& record : first) {
    CHECK(record["tokens"].get<int>() >= 10);
    for (const Json& errors : record["errors"]) CHECK(errors["mse"].size() == record["levels"].size());
  }
  const Finished again = study(output.path, "shares");
  CHECK(again.err.find("done before, kept") != std::string::npos);
  CHECK(records(output.path, "shares_generated_distilbert_2") == first);
}

TEST_CASE("text study: corpora, parts and models that do not exist") {
  const TemporaryFolder output("text_study_errors");
  const Finished corpus = run_tiny("text_models", output.path, {"--corpus", "imbd"});
  CHECK(corpus.status == 2);
  CHECK(corpus.err.find("--corpus imbd, wanted imdb, yelp, sst2, imdb_bow, generated") != std::string::npos);
  const Finished part = study(output.path, "imbd");
  CHECK(part.status == 2);
  CHECK(part.err.find("--part imbd, wanted imdb, yelp, human, drawn, references, runtime, shares") !=
        std::string::npos);
  const Finished unnamed =
      run_tiny("text_study", output.path, {"--part", "imdb", "--models", output.file("none")});
  CHECK(unnamed.status == 3);
  CHECK(unnamed.err.starts_with(
      "no folder of reviews was named (--data DIR, make DATA=DIR): generated reviews are used\n"));
  const Finished model = study(output.path, "imdb", {"--layers", "6"});
  CHECK(model.status == 3);
  CHECK(model.err.find("distilbert_6: found no model") != std::string::npos);
}
