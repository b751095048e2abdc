#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "../support/process.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

Finished compile(const std::string& table, const std::string& arch, const std::string& folder,
                 const Arguments& more = {}) {
  Arguments all = {"train", "--compile-slalom", table, "--arch", arch, "--output", folder, "--threads", "1"};
  all.insert(all.end(), more.begin(), more.end());
  return run_slalom(all);
}

constexpr const char* kTable =
    "word\tp\timportance\tvalue\n"
    "good\t1\t3\t10\n"
    "bad\t1\t-7\t-10\n";

}  // namespace

// good bad: (e^3 · 10 − e^-7 · 10) / (e^3 + e^-7) = 10 · tanh(5) = 9.99909204262595.
TEST_CASE("train --compile-slalom: a folder that predict reads") {
  const TemporaryFolder folder;
  folder.write("table.tsv", kTable);
  for (const std::string arch : {"bert", "distilbert", "roberta", "gpt2"}) {
    CAPTURE(arch);
    const bool bare = arch == "gpt2";
    const std::string rows = bare ? "{\"input_ids\":[5]}\n{\"input_ids\":[6]}\n{\"input_ids\":[5,6]}"
                                  : "{\"input_ids\":[1,5,2]}\n{\"input_ids\":[1,6,2]}\n{\"input_ids\":[1,5,"
                                    "6,2]}";
    for (const std::string precision : {"f32", "f64"}) {
      const std::string out = folder.file(arch + precision);
      const Finished run =
          compile(folder.file("table.tsv"), arch, out, {"--precision", precision, "--max-positions", "20"});
      CAPTURE(run.err);
      REQUIRE(run.status == 0);
      const std::vector<Json> printed = json_lines(run.out);
      REQUIRE(printed.size() == 1);
      CHECK(printed[0]["arch"] == arch);
      CHECK(printed[0]["words"] == 2);
      CHECK(printed[0]["width"] == 16);
      CHECK(printed[0]["worst_error_f64"].get<double>() <= 1e-8);
      CHECK(printed[0]["worst_error_f32"].get<double>() <= 1e-4);
      CHECK(files_in(out) == std::vector<std::string>{"config.json", "model.safetensors", "tokenizer.json",
                                                      "tokenizer_config.json"});
      const Finished predicted =
          run_slalom({"predict", "--model", out, "--precision", precision, "-q"}, {.input = rows});
      const std::vector<Json> odds = json_lines(predicted.out);
      REQUIRE(odds.size() == 3);
      const double bound = precision == "f64" ? 1e-8 : 1e-4;
      CHECK(std::abs(odds[0]["log_odds"].get<double>() - 10) <= bound);
      CHECK(std::abs(odds[1]["log_odds"].get<double>() + 10) <= bound);
      CHECK(std::abs(odds[2]["log_odds"].get<double>() - 9.99909204262595) <= bound);
    }
  }
}

TEST_CASE("train --compile-slalom: toy is the published table, and its words are the vocabulary") {
  const TemporaryFolder folder;
  const Finished run = compile("toy", "distilbert", folder.file("m"));
  REQUIRE(run.status == 0);
  CHECK(json_lines(run.out).at(0)["words"] == 3);
  const Json words =
      parse_json(read_file(folder.file("m/tokenizer.json")), "tokenizer.json")["model"]["vocab"];
  CHECK(words.dump() ==
        R"({"[PAD]":0,"[CLS]":1,"[SEP]":2,"[UNK]":3,"[MASK]":4,"best":5,"the":6,"worst":7,"[unused0]":8})");
  CHECK(parse_json(read_file(folder.file("m/config.json")), "config")["max_position_embeddings"] == 512);
}

TEST_CASE("train --compile-slalom: what it refuses, it leaves no folder for") {
  const TemporaryFolder folder;
  folder.write("table.tsv", std::string(kTable) + "fine\t1\t4\t0\n");
  const std::string out = folder.file("m");
  const auto refused = [&](const Finished& run, int status, const std::string& message) {
    CHECK(run.status == status);
    CHECK(run.err.starts_with("error: " + message));
    CHECK(run.out.empty());
    CHECK_FALSE(std::filesystem::exists(out));
  };
  const std::string wide = "[compile_slalom] importances of 'bad' and 'fine' are -7 and 4, wanted at most 10";
  refused(compile(folder.file("table.tsv"), "bert", out), 3, wide);
  refused(compile("toy", "bart", out), 2, "--arch bart, wanted bert, distilbert, roberta or gpt2");
  refused(compile("toy", "bert", out, {"--max-positions", "2"}), 3, "[compile_slalom] found 2 positions");
  refused(compile("", "bert", out), 2, "--compile-slalom is missing");
  for (const Arguments& option : {Arguments{"--width", "16"},
                                  {"--lr", "1"},
                                  {"--data", "slalom"},
                                  {"--resume"},
                                  {"--model", "m"},
                                  {"--tokenizer", "t"},
                                  {"--format", "tsv"},
                                  {"--max-length", "9"}})
    refused(compile("toy", "bert", out, option), 2, option[0] + " has no effect with --compile-slalom");
}
