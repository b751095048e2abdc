// A program as the classifier, with a tokenizer beside it: texts, special tokens, bounds, plans.
#include <doctest/doctest.h>

#include <filesystem>

#include "../support/process.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

// The log-odds is the number of "good" (id 5) less that of "bad" (6).
const std::string kCount = R"sh(sed -u 's/.*\[//;s/\].*//' | while IFS=, read -r ids; do n=0
for id in $(echo "$ids" | tr , ' '); do case $id in 5) n=$((n+1));; 6) n=$((n-1));; esac; done
echo "{\"log_odds\": $n}"; done)sh";

struct TokenizerFolder : TemporaryFolder {
  explicit TokenizerFolder(const char* name = "tokenizer") : TemporaryFolder(name) {
    write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nthe\nfi\n##ne\n");
  }
  Finished run(const char* command, const Arguments& options, const std::string& input = "",
               const std::string& program = kCount) const {
    Arguments all = {command, "--classifier-command", program, "--tokenizer", path};
    all.insert(all.end(), options.begin(), options.end());
    return run_slalom(all, {.input = input});
  }
  Json explained(const Arguments& options, const std::string& input = "") const {
    const Finished finished = run("explain", options, input);
    CAPTURE(finished.err);
    REQUIRE(finished.status == 0);
    return json_lines(finished.out).at(0);
  }
};

const Arguments kLeaveOneOut = {"--method", "leave-one-out", "--held-out", "0"};

Arguments leave_one_out(const Arguments& more) {
  Arguments all = kLeaveOneOut;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace

TEST_CASE("explain --tokenizer: a text is its ids, special tokens are known, and tokens print as text") {
  const TokenizerFolder folder;
  const Json text = folder.explained(kLeaveOneOut, "{\"text\":\"Good  fine bad\"}\n"),
             ids = folder.explained(kLeaveOneOut, "{\"input_ids\":[2,5,8,9,6,3]}\n"),
             one = folder.explained(leave_one_out({"--text", "Good  fine bad"}));
  // F = 1 − 1; without "good" −1, without "bad" 1
  CHECK(text["log_odds"] == 0);
  CHECK(text["scores"]["weight"] == Json({nullptr, 1, 0, 0, -1, nullptr}));
  CHECK(ids["scores"] == text["scores"]);
  CHECK(one["scores"] == text["scores"]);
  CHECK(text["tokens"][0]["special"] == true);
  CHECK(text["tokens"][1]["text"] == "good");
  CHECK(text["tokens"][1]["start"] == 0);
  CHECK(text["tokens"][4]["start"] == 11);
  CHECK(ids["tokens"][3]["text"] == "##ne");
  CHECK(ids["tokens"][3]["start"].is_null());
  CHECK(ids["parameters"]["tokenizer"] == folder.path);
}

TEST_CASE("explain --tokenizer: words, windows and the mask are the folder's") {
  const TokenizerFolder folder;
  const std::string row = "{\"text\":\"good fine bad\"}\n";
  const Json words = folder.explained(leave_one_out({"--unit", "word"}), row);
  CHECK(words["tokens"][2]["text"] == "fine");
  CHECK(words["scores"]["weight"] == Json({nullptr, 1, 0, -1, nullptr}));
  const std::vector<Json> windows =
      json_lines(folder.run("explain", leave_one_out({"--max-length", "4", "--stride", "2"}), row).out);
  REQUIRE(windows.size() == 2);  // [CLS] good fi [SEP], [CLS] ##ne bad [SEP]
  CHECK(windows[0]["scores"]["weight"] == Json({nullptr, 1, 0, nullptr}));
  CHECK(windows[1]["scores"]["weight"] == Json({nullptr, 0, -1, nullptr}));
  const Json masked = folder.explained(leave_one_out({"--absence", "mask"}), row);
  CHECK(masked["parameters"]["mask_id"] == 4);
  CHECK(masked["scores"]["weight"] == Json({nullptr, 1, 0, 0, -1, nullptr}));
}

TEST_CASE("compare and evaluate take texts for a program with --tokenizer") {
  const TokenizerFolder folder;
  const std::string row = "{\"text\":\"good the bad\"}\n";
  const Finished compared = folder.run("compare", {"--methods", "leave-one-out,shapley-exact"}, row);
  REQUIRE(compared.status == 0);
  for (const std::size_t i : {0, 1})  // an additive classifier: all methods agree
    CHECK(json_lines(compared.out).at(i)["scores"]["weight"] == Json({nullptr, 1, 0, -1, nullptr}));
  const Finished evaluated =
      folder.run("evaluate", {"--methods", "leave-one-out", "--metrics", "removal-mse"}, row);
  REQUIRE(evaluated.status == 0);
  CHECK(json_lines(evaluated.out).at(0)["mean"] == 0);
}

TEST_CASE("compare: without --methods only those that a text without special tokens allows") {
  const TemporaryFolder folder("tokenizer");
  folder.write("vocab.json", R"({"g": 0, "b": 1, "h": 2, "Ġ": 3, "t": 4, "i": 5})");
  folder.write("merges.txt", "#version: 0.2\n");
  const Finished run = run_slalom({"compare", "--classifier-command", kCount, "--tokenizer", folder.path,
                                   "--text", "g bit hi", "--held-out", "1", "--budget", "20"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(run.out.find("\"leave-one-out\"") != std::string::npos);
  CHECK(run.out.find("kernel-shap") == std::string::npos);
}

TEST_CASE("--tokenizer: folders and rows that do not fit are refused") {
  const TokenizerFolder folder;
  const auto first_line = [](const Finished& run, int status) {
    CHECK(run.status == status);
    CHECK(run.out.empty());
    return lines_of(run.err).at(0);
  };
  CHECK(first_line(run_slalom({"explain", "--model", folder.path, "--tokenizer", folder.path}), 2) ==
        "error: --tokenizer has no effect without --classifier-command");
  const TemporaryFolder empty("empty");
  CHECK(first_line(run_slalom({"explain", "--classifier-command", kCount, "--tokenizer", empty.path}), 3) ==
        "error: " + empty.path +
            ": found no tokenizer.json, vocab.txt, vocab.json with merges.txt, or SentencePiece model");
  CHECK(first_line(run_slalom({"explain", "--classifier-command", kCount, "--text", "good"}), 3) ==
        "error: --text: no tokenizer for it");
  folder.write("special_tokens_map.json", R"({"cls_token": "<s>"})");
  CHECK(first_line(folder.run("explain", kLeaveOneOut, "{\"text\":\"good\"}\n"), 3) ==
        "error: " + folder.file("special_tokens_map.json") +
            ": field \"cls_token\": found \"<s>\", wanted a token of the vocabulary");
}

TEST_CASE(
    "explain: with a program, too, a bad row loses none of its neighbours; a program that fails ends the "
    "run") {
  const TokenizerFolder folder;
  const std::string input =
      "{\"text\":\"good\"}\n{\"input_ids\":[2,10,3]}\n{\"input_ids\":[2,3]}\n{\n{\"text\":\"good bad\"}\n";
  const Finished run = folder.run("explain", kLeaveOneOut, input);
  CHECK(run.status == 4);
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(rows[i].contains("error") == (i >= 1 && i <= 3));
    CHECK(rows[i]["row"] == i);
  }
  CHECK(rows[4]["scores"]["weight"] == Json({nullptr, 1, -1, nullptr}));
  const Finished failing = folder.run("explain", kLeaveOneOut, input, "sed -u 3q | " + kCount);
  CHECK(failing.status == 3);
  CHECK(failing.err.find("line 5: classifier command ") != std::string::npos);
}

TEST_CASE("explain: a program gets the segments of a pair") {
  const TokenizerFolder folder;
  const std::string log = folder.file("questions");
  const Finished run = folder.run("explain", leave_one_out({"--text", "good bad", "--text-pair", "the"}), "",
                                  "sed -u 'w " + log + "' | sed -u 's/.*/{\"log_odds\": 1}/'");
  REQUIRE(run.status == 0);
  CHECK(lines_of(read_file(log)).at(0) == R"({"input_ids":[2,5,6,3,7,3],"token_type_ids":[0,0,0,0,1,1]})");
  CHECK(lines_of(read_file(log)).at(3) == R"({"input_ids":[2,5,6,3,3],"token_type_ids":[0,0,0,0,1]})");
}

TEST_CASE("explain --dry-run: a program is not asked, and no time is predicted") {
  const TokenizerFolder folder;
  const std::string program = "touch " + folder.file("started") + "; " + kCount;
  const std::string row = "{\"text\":\"good the bad\"}\n";
  const Finished plan = folder.run("explain", leave_one_out({"--dry-run"}), row, program);
  REQUIRE(plan.status == 0);
  const Json json = json_lines(plan.out).at(0);
  CHECK(json["texts"] == 1);
  CHECK(json["queries"] == 4);  // the text and three deletions
  CHECK(json["token_forwards"].get<double>() >= 5 + 3 * 4);
  CHECK(json["tokens_per_second"].is_null());
  CHECK(json["seconds"].is_null());
  const Finished said =
      folder.run("explain", leave_one_out({"--dry-run", "--view", "terminal"}), row, program);
  CHECK(said.out.starts_with("leave-one-out of 1 text: about 4 queries, "));
  CHECK(said.out.ends_with(
      " token-forwards; no time is predicted, for the program is not queried: its outputs may cost money\n"));
  CHECK_FALSE(std::filesystem::exists(folder.file("started")));
}

TEST_CASE("explain and compare warn of answers that are bounds, text by text") {
  const TokenizerFolder folder;
  const std::string bounds = kCount + R"( | sed -u 's/: 2}/: 2,"bound":"lower"}/')";
  const std::string rows = "{\"text\":\"good good bad\"}\n{\"text\":\"good bad\"}\n";
  const std::vector<Json> found = json_lines(folder.run("explain", kLeaveOneOut, rows, bounds).out);
  REQUIRE(found.size() == 2);
  // of "good good bad", "good bad" and "good good" the last is 2
  CHECK(found[0]["warnings"] == Json({"1 of 3 answers are bounds: 0 upper, 1 lower, 0 both (unknown); the "
                                      "explanation takes them for the log-odds"}));
  CHECK(found[1]["warnings"].empty());
  const std::vector<Json> compared = json_lines(
      folder.run("compare", {"--methods", "leave-one-out,zero", "--held-out", "0"}, rows, bounds).out);
  CHECK(compared.at(0)["warnings"] == found[0]["warnings"]);
  CHECK(compared.at(1)["warnings"].empty());
  const Json card = json_lines(folder.run("explain", {"--aggregate"}, rows, bounds).out).at(0);
  CHECK(card["warnings"].dump().find(" answers are bounds: 0 upper, ") != std::string::npos);
}

TEST_CASE("explain --resume: rows of another tokenizer are not gone on with") {
  const TokenizerFolder folder, other("other");
  const auto explain = [&](const TokenizerFolder& of, const Arguments& more) {
    Arguments all = leave_one_out({"--text", "good bad", "--output", folder.file("out.jsonl")});
    all.insert(all.end(), more.begin(), more.end());
    return of.run("explain", all);
  };
  REQUIRE(explain(folder, {}).status == 0);
  CHECK(explain(folder, {"--resume"}).status == 0);
  const Finished changed = explain(other, {"--resume"});
  CHECK(changed.status == 3);
  CHECK(changed.err.find("field \"parameters\"") != std::string::npos);
}
