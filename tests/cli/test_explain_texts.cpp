// slalom explain and compare on texts: tokenizers, pairs, windows, classes, resuming, views.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>

#include "../support/compare.hpp"
#include "../support/process.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

/// The small BERT, with a vocabulary of w5 … w37 and the pieces ##a, ##b; three named classes.
struct TextModel : ModelFolder {
  TextModel() {
    std::string words = "[PAD]\n[CLS]\n[SEP]\n[UNK]\n[MASK]\n";
    for (int i = 5; i < 38; ++i) words += concat("w", i, "\n");
    write("vocab.txt", words + "##a\n##b\n");
    write("tokenizer_config.json", "{\"tokenizer_class\": \"BertTokenizer\", \"do_lower_case\": true}");
    write("special_tokens_map.json",
          "{\"cls_token\": \"[CLS]\", \"sep_token\": \"[SEP]\", \"pad_token\": \"[PAD]\", \"unk_token\": "
          "\"[UNK]\", \"mask_token\": \"[MASK]\"}");
    Json config = parse_json(read_file(file("config.json")), "config.json");
    config["id2label"] = {{"0", "bad"}, {"1", "so-so"}, {"2", "good"}};
    config["label2id"] = {{"bad", 0}, {"so-so", 1}, {"good", 2}};
    write("config.json", config.dump());
  }
  Finished run(const char* command, const Arguments& options, const ProcessOptions& process = {}) const {
    Arguments all = {command, "--model", path};
    if (std::string(command) != "tokenize")
      all.insert(all.end(), {"--precision", "f64", "--target", "1"});  // the last one counts
    all.insert(all.end(), options.begin(), options.end());
    return run_slalom(all, process);
  }
  std::vector<Json> explain(const Arguments& options, const std::string& input) const {
    const Finished finished = run("explain", options, {.input = input});
    CAPTURE(finished.err);
    CHECK(finished.status == 0);
    return json_lines(finished.out);
  }
};

std::string words(int count) {
  std::string line;
  for (int i = 0; i < count; ++i) line += concat(i == 0 ? "" : " ", "w", 5 + (i * 7) % 33);
  return line;
}

Json without_time(Json row) {
  if (row.contains("cost")) row["cost"].erase("seconds");
  return row;
}

}  // namespace

TEST_CASE("explain: a text is its ids, and tokens know their bytes") {
  const TextModel folder;
  const Json text = folder.explain({"--method", "leave-one-out"}, "{\"text\":\"W7  w30ab.\"}\n").at(0);
  const Json ids =
      folder.explain({"--method", "leave-one-out"}, "{\"input_ids\":[1,7,30,38,39,3,2]}\n").at(0);
  CHECK(text["scores"] == ids["scores"]);
  CHECK(text["log_odds"] == ids["log_odds"]);
  CHECK(ids["tokens"][1]["start"].is_null());
  const Json& tokens = text["tokens"];
  REQUIRE(tokens.size() == 7);
  CHECK(tokens[0]["special"] == true);
  CHECK(tokens[0]["start"].is_null());
  CHECK(tokens[1]["start"] == 0);
  CHECK(tokens[1]["end"] == 2);
  CHECK(tokens[3]["text"] == "##a");
  CHECK(tokens[3]["start"] == 7);
  CHECK(tokens[5]["text"] == "[UNK]");  // the full stop
  CHECK(tokens[5]["start"] == 9);
  CHECK(tokens[5]["special"] == false);
}

TEST_CASE("explain --text, plain lines and TSV are the same text") {
  const TextModel folder;
  const Json one = folder.explain({"--method", "slalom-exact", "--text", "w7 w9"}, "").at(0);
  folder.write("a.txt", "w7 w9\n");
  folder.write("a.tsv", "1\tw7 w9\n");
  for (const char* name : {"a.txt", "a.tsv"}) {
    const Json row = folder.explain({"--method", "slalom-exact", "--input", folder.file(name)}, "").at(0);
    CHECK(row["scores"] == one["scores"]);
  }
  CHECK(folder.explain({"--method", "slalom-exact"}, "w7 w9\n").at(0)["scores"] == one["scores"]);
  const Finished both = folder.run("explain", {"--text", "w7", "--input", folder.file("a.txt")});
  CHECK(both.status == 2);
}

TEST_CASE("explain --unit word: the pieces of a word go together") {
  const TextModel folder;
  const Json row =
      folder.explain({"--method", "leave-one-out", "--unit", "word", "--text", "w7ab w9"}, "").at(0);
  REQUIRE(row["tokens"].size() == 4);  // [CLS], two words, [SEP]
  CHECK(row["tokens"][1]["text"] == "w7ab");
  CHECK(row["tokens"][1]["ids"] == Json({7, 38, 39}));
  CHECK(row["tokens"][1]["end"] == 4);
  CHECK(row["tokens"][2]["id"] == 9);
  const auto f = [&](const std::string& ids) {
    return folder.explain({"--method", "zero"}, "{\"input_ids\":[" + ids + "]}\n")
        .at(0)["log_odds"]
        .get<double>();
  };
  // F(t) − F(t without the word), the other word left.
  CHECK(std::abs(row["scores"]["weight"][1].get<double>() - (f("1,7,38,39,9,2") - f("1,9,2"))) <= 1e-12);
  CHECK(std::abs(row["scores"]["weight"][2].get<double>() - (f("1,7,38,39,9,2") - f("1,7,38,39,2"))) <=
        1e-12);
}

TEST_CASE("explain: the second text of a pair has its segment and its place") {
  const TextModel folder;
  const Json pair =
      folder.explain({"--method", "leave-one-out"}, "{\"text\":\"w7 w9\",\"text_pair\":\"w9\"}\n").at(0);
  const Json ids = folder
                       .explain({"--method", "leave-one-out"},
                                "{\"input_ids\":[1,7,9,2,9,2],\"token_type_ids\":[0,0,0,0,1,1]}\n")
                       .at(0);
  const Json without_types =
      folder.explain({"--method", "leave-one-out"}, "{\"input_ids\":[1,7,9,2,9,2]}\n").at(0);
  CHECK(pair["scores"] == ids["scores"]);
  CHECK(pair["log_odds"] != without_types["log_odds"]);
  CHECK(pair["tokens"][4]["part"] == 1);
  CHECK(pair["tokens"][4]["start"] == 0);
}

TEST_CASE("explain: a long text comes in windows that say so, or fails under --strict") {
  const TextModel folder;  // 64 positions: 62 words a window
  const std::string input = "{\"id\":\"long\",\"text\":\"" + words(100) + "\"}\n";
  const std::vector<Json> rows = folder.explain({"--method", "zero"}, input);
  REQUIRE(rows.size() == 3);  // from token 0, 31 and 38 on
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i]["id"] == "long");
    CHECK(rows[i]["row"] == 0);
    CHECK(rows[i]["window"]["number"] == i);
    CHECK(rows[i]["window"]["of"] == 3);
    CHECK(rows[i]["tokens"].size() == 64);
    CHECK(rows[i]["warnings"].size() == 1);
  }
  CHECK(rows[1]["window"]["first"] == 31);
  CHECK(rows[2]["window"]["first"] == 38);
  CHECK(folder.explain({"--method", "zero", "--stride", "62"}, input).size() == 2);
  CHECK(folder.explain({"--method", "zero", "--max-length", "12"}, input).size() == 19);  // 0, 5, … 90
  const Finished strict = folder.run("explain", {"--method", "zero", "--strict"}, {.input = input});
  CHECK(strict.status == 4);
  CHECK(json_lines(strict.out).at(0)["error"] == "stdin: line 1: the text has 102 tokens, wanted at most 64");
}

TEST_CASE("explain --target: a name, the predicted class of each text, all of them") {
  const TextModel folder;
  const std::string input = "{\"text\":\"w7 w9\"}\n{\"text\":\"w20\"}\n";
  CHECK(folder.explain({"--method", "zero", "--target", "good"}, input).at(1)["target"] == 2);
  const std::vector<Json> all = folder.explain({"--method", "zero", "--target", "all"}, input);
  REQUIRE(all.size() == 6);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i]["target"] == i % 3);
    CHECK(all[i]["row"] == i / 3);
  }
  CHECK(all[4]["label"] == "so-so");
  const std::vector<Json> predicted = folder.explain({"--method", "zero", "--target", "pred"}, input);
  CHECK(json_lines(run_slalom({"explain", "--model", folder.path, "--method", "zero", "--precision", "f64"},
                              {.input = input})
                       .out)
            .at(0)["label"] ==
        predicted.at(0)["label"]);  // the default where there are more than two classes
  for (std::size_t row = 0; row < 2; ++row)
    for (std::size_t c = 0; c < 3; ++c)  // the predicted class has the largest log-odds against the rest
      CHECK(predicted.at(row)["log_odds"].get<double>() >= all[3 * row + c]["log_odds"].get<double>());
  const Finished wrong = folder.run("explain", {"--target", "great"}, {.input = input});
  CHECK(wrong.status == 2);
  CHECK(lines_of(wrong.err).at(0) ==
        "error: --target great, the model has classes 0 to 2: 0 bad, 1 so-so, 2 good");
}

TEST_CASE("explain --resume: a killed run is gone on with, nothing is lost or repeated") {
  const TextModel folder;
  std::string input;
  for (int i = 0; i < 60; ++i)
    input += concat("{\"id\":\"r", i, "\",\"text\":\"", words(3 + i % 20), "\"}\n");
  folder.write("in.jsonl", input);
  const Arguments options = {
      "--budget", "60", "--input", folder.file("in.jsonl"), "--output", folder.file("out.jsonl")};
  const std::string partial = folder.file("out.jsonl.partial");
  const Finished killed = folder.run(
      "explain", options, {.kill = {.signal = SIGKILL, .when = [&] {
                                      std::error_code missing;
                                      const auto size = std::filesystem::file_size(partial, missing);
                                      return !missing && size > 8000;
                                    }}});
  CHECK(killed.status == 128 + SIGKILL);
  CHECK_FALSE(std::filesystem::exists(folder.file("out.jsonl")));
  const std::size_t before = lines_of(read_file(partial)).size();
  CHECK(before >= 1);
  CHECK(before < 60);
  folder.write("out.jsonl.partial", read_file(partial) + "{\"id\":\"torn");  // a line that was cut off
  Arguments resumed = options;
  resumed.push_back("--resume");
  CHECK(folder.run("explain", resumed).status == 0);
  CHECK_FALSE(std::filesystem::exists(partial));
  const std::vector<Json> rows = json_lines(read_file(folder.file("out.jsonl")));
  Arguments whole = options;
  whole.back() = folder.file("whole.jsonl");
  CHECK(folder.run("explain", whole).status == 0);
  const std::vector<Json> wanted = json_lines(read_file(folder.file("whole.jsonl")));
  REQUIRE(rows.size() == 60);
  REQUIRE(wanted.size() == 60);
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(without_time(rows[i]) == without_time(wanted[i]));

  // A finished file is its own; other settings or another input are noticed.
  CHECK(folder.run("explain", resumed).status == 0);
  CHECK(json_lines(read_file(folder.file("out.jsonl"))).size() == 60);
  Arguments other = resumed;
  other.insert(other.end(), {"--seed", "3"});
  const Finished refused = folder.run("explain", other);
  CHECK(refused.status == 3);
  CHECK(refused.err.find("field \"seed\": found 0, wanted 3") != std::string::npos);
  other = resumed;
  other.insert(other.end(), {"--special", "show"});
  CHECK(folder.run("explain", other).err.find("field \"parameters\"") != std::string::npos);
  other.end()[-2] = "--strict";
  other.pop_back();
  CHECK(folder.run("explain", other).err.find("field \"parameters\"") != std::string::npos);
  for (const Arguments& changed :
       {Arguments{"--prior", "gradient"}, Arguments{"--positions", "none"}, Arguments{"--calibrate", "10"}}) {
    other = resumed;
    other.insert(other.end(), changed.begin(), changed.end());
    CHECK(folder.run("explain", other).err.find("field \"parameters\"") != std::string::npos);
  }
  folder.write("in.jsonl", "{\"id\":\"x\",\"text\":\"w7\"}\n" + input);
  CHECK(folder.run("explain", resumed).err.find("field \"id\": found \"x\", wanted \"r0\"") !=
        std::string::npos);
  CHECK(folder.run("explain", {"--resume"}).status == 2);
}

TEST_CASE("explain --resume: a changed row is refused, whatever changed in it, and so is a changed folder") {
  const TextModel folder;
  const std::string first = R"({"text":"w7 w8","text_pair":"w9"})", second = R"({"input_ids":[1,7,9,2]})",
                    typed = R"({"input_ids":[1,7,9,2],"token_type_ids":[0,0,1,1]})",
                    failing = R"({"input_ids":[1,2]})", last = R"({"text":"w5"})";
  const Arguments options = {"--method", "leave-one-out",          "--input", folder.file("in.jsonl"),
                             "--output", folder.file("out.jsonl"), "--resume"};
  const auto explain = [&](const std::vector<std::string>& rows) {
    std::string input;
    for (const std::string& row : rows) input += row + "\n";
    folder.write("in.jsonl", input);
    return folder.run("explain", options);
  };
  CHECK(explain({first, second, failing, last}).status == 4);
  const auto check_refused = [&](const std::vector<std::string>& rows, int row) {
    const Finished run = explain(rows);
    CHECK(run.status == 3);
    CHECK(lines_of(run.err).at(0) == concat("error: ", folder.file("in.jsonl"), ": line ", row + 1, ": row ",
                                            row, " has not the text or ids that it had in the run that ",
                                            folder.file("out.jsonl"), " is of"));
    CHECK_FALSE(std::filesystem::exists(folder.file("out.jsonl.partial")));
  };
  check_refused({second, first, failing, last}, 0);
  check_refused({R"({"text":"w7 w8","text_pair":"w10"})", second, failing, last}, 0);
  check_refused({R"({"text":"w7 w8 w9"})", second, failing, last}, 0);
  check_refused({R"({"text":"w7  w8","text_pair":"w9"})", second, failing, last}, 0);  // the places differ
  check_refused({first, typed, failing, last}, 1);
  check_refused({first, second, second, last}, 2);
  CHECK(explain({first, second, failing, last}).status == 4);
  CHECK(json_lines(read_file(folder.file("out.jsonl"))).size() == 4);

  ClassifierConfig config = folder.model.config();
  config.label_names = {"worse", "so-so", "better"};
  folder.write("config.json", config_json(config));
  const Finished renamed = explain({first, second, failing, last});
  CHECK(renamed.status == 3);
  CHECK(renamed.err.find("field \"parameters\"") != std::string::npos);
}

TEST_CASE("explain --dry-run: what the run will ask, without asking it") {
  const TextModel folder;
  const std::string input = "{\"text\":\"" + words(30) + "\"}\n";
  for (const char* method : {"slalom-fidel", "slalom-exact", "kernel-shap", "leave-one-out", "random"}) {
    CAPTURE(method);
    const Json plan = folder.explain({"--method", method, "--dry-run"}, input).at(0);
    const Json done = folder.explain({"--method", method}, input).at(0);
    const double queries = done["cost"]["queries"].get<double>() + done["fidelity"]["queries"].get<double>();
    const double tokens =
        done["cost"]["token_forwards"].get<double>() + done["fidelity"]["token_forwards"].get<double>();
    CHECK(plan["texts"] == 1);
    CHECK(std::abs(plan["queries"].get<double>() - queries) <= 0.02 * queries + 3);
    CHECK(plan["token_forwards"].get<double>() >= 0.8 * tokens);
    CHECK(plan["token_forwards"].get<double>() <= 1.7 * tokens);
    CHECK(plan["seconds"].get<double>() > 0);
  }
}

TEST_CASE("compare: a row a method, and how far the methods agree") {
  const TextModel folder;
  const std::string input = "{\"text\":\"w7 w9 w20 w31\"}\n{\"text\":\"w8 w30 w12 w5 w6\"}\n";
  const Finished run = folder.run(
      "compare", {"--methods", "leave-one-out,slalom-exact:value,shapley-exact,zero"}, {.input = input});
  REQUIRE(run.status == 0);
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 2 * 5 + 4);  // four methods and a matrix for each row, a summary for each method
  CHECK(rows[0]["method"] == "leave-one-out");
  CHECK(rows[0]["scores"]["weight"][0].is_null());
  CHECK(rows[6]["method"] == "slalom-exact");
  CHECK(rows[6]["row"] == 1);
  const Json& matrix = rows[4]["matrix"];
  CHECK(rows[4]["methods"][1] == "slalom-exact:value");
  REQUIRE(matrix.size() == 4);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(std::abs(matrix[i][i].get<double>() - 1) <= 1e-12);
    CHECK(matrix[i][(i + 1) % 3] == matrix[(i + 1) % 3][i]);
    CHECK(matrix[3][i].is_null());  // equal scores rank nothing
  }
  CHECK(rows[10]["summary"] == "leave-one-out");
  CHECK(rows[10]["r2"]["n"] == 2);
  CHECK(rows[12]["spearman"].size() == 4);
}

TEST_CASE("compare --flip: methods with a SLALOM have flips, the others go on without") {
  const TextModel folder;
  const Finished run = folder.run("compare", {"--methods", "leave-one-out,slalom-exact", "--flip"},
                                  {.input = "{\"text\":\"w7 w9 w20\"}\n"});
  REQUIRE(run.status == 0);
  const std::vector<Json> rows = json_lines(run.out);
  CHECK(rows.at(0)["flip"].is_null());
  CHECK_FALSE(rows.at(0)["parameters"].contains("flip"));
  CHECK(rows.at(1)["flip"].size() == 3);
  CHECK(rows.at(1)["flip"][0]["by"] == "slalom-exact");
  CHECK(rows.at(1)["parameters"]["flip"] == 20);
  for (const Arguments& options : {Arguments{"--methods", "leave-one-out,lime"}, {"--methods", "none"}})
    CHECK(folder.run("compare", {options[0], options[1], "--flip"}).status == 2);
}

TEST_CASE("explain: the terminal view, a page and pictures") {
  const TextModel folder;
  const Arguments options = {"--text",  "w7 <script>w9 w20",
                             "--view",  "terminal",
                             "--color", "never",
                             "--html",  folder.file("page.html"),
                             "--svg",   folder.file("plane.svg")};
  const Finished run = folder.run("explain", options);
  REQUIRE(run.status == 0);
  CHECK(run.out.find("for so-so against the rest") != std::string::npos);
  CHECK(run.out.find("fidelity: ") != std::string::npos);
  CHECK(run.out.find("\x1b[") == std::string::npos);
  const std::string page = read_file(folder.file("page.html"));
  CHECK(page.find("&lt;") != std::string::npos);
  CHECK(page.find("<script>w9") == std::string::npos);
  CHECK(page.find("insertion") != std::string::npos);
  CHECK(read_file(folder.file("plane.svg")).find("<svg") != std::string::npos);
  CHECK(read_file(folder.file("plane-text.svg")).find("w20") != std::string::npos);
  CHECK(folder.run("explain", {"--text", "w7", "--view", "tty"}).status == 2);
}

TEST_CASE("predict and evaluate take texts") {
  const TextModel folder;
  const Json text = json_lines(folder.run("predict", {"--text", "w7 w9"}).out).at(0);
  const Json ids = json_lines(folder.run("predict", {}, {.input = "{\"input_ids\":[1,7,9,2]}\n"}).out).at(0);
  CHECK(text["logits"] == ids["logits"]);
  const Finished evaluated = folder.run("evaluate", {"--methods", "leave-one-out", "--metrics", "deletion"},
                                        {.input = "{\"text\":\"" + words(80) + "\"}\n"});
  REQUIRE(evaluated.status == 0);
  CHECK(json_lines(evaluated.out).at(0)["n"] == 2);  // two windows
}

TEST_CASE("explain --text: a folder without tokenizer files says what it wants") {
  const ModelFolder bare;
  const Finished none = run_slalom({"explain", "--model", bare.path, "--special-ids", "1,2", "--text", "w7"});
  CHECK(none.status == 3);
  CHECK(none.err.find("has no tokenizer files") != std::string::npos);
}

TEST_CASE("explain --special show: special tokens have the scores that the method gives them") {
  const TextModel folder;
  const Arguments options = {"--method", "input-x-gradient", "--text", "w7 w9"};
  Arguments shown = options;
  shown.insert(shown.end(), {"--special", "show"});
  const Json without = folder.explain(options, "").at(0), with = folder.explain(shown, "").at(0);
  CHECK(without["scores"]["weight"][0].is_null());
  CHECK(with["scores"]["weight"][1] == without["scores"]["weight"][1]);
  CHECK(std::abs(with["scores"]["weight"][0].get<double>() + with["scores"]["weight"][3].get<double>() -
                 with["checks"]["special_tokens"].get<double>()) <= 1e-12);
  shown[1] = "leave-one-out";  // has none to give
  CHECK(folder.explain(shown, "").at(0)["scores"]["weight"][0].is_null());
}

TEST_CASE("explain: an interrupt leaves an older output as it is, and finished rows beside it") {
  const TextModel folder;
  std::string input;
  for (int i = 0; i < 400; ++i) input += concat("{\"text\":\"", words(20), "\"}\n");
  folder.write("in.jsonl", input);
  folder.write("out.jsonl", "older\n");
  const std::string partial = folder.file("out.jsonl.partial");
  const Finished run = folder.run(
      "explain",
      {"--method", "slalom-fidel", "--input", folder.file("in.jsonl"), "--output", folder.file("out.jsonl")},
      {.kill = {.signal = SIGINT, .when = [&] {
                  std::error_code missing;
                  const auto size = std::filesystem::file_size(partial, missing);
                  return !missing && size > 3000;
                }}});
  CHECK(run.status == 130);
  CHECK(run.err.find("--resume goes on") != std::string::npos);
  CHECK(read_file(folder.file("out.jsonl")) == "older\n");
  for (const Json& row : json_lines(read_file(partial))) CHECK(row["method"] == "slalom-fidel");
}

TEST_CASE("compare and evaluate: a row that fails does not end the run") {
  const TextModel folder;
  const std::string input = "{\"text\":\"w7 w9\"}\n{\"text\":\"\"}\n{\"text\":\"w8 w5 w6\"}\n";
  const Finished compared = folder.run("compare", {"--methods", "zero,leave-one-out"}, {.input = input});
  CHECK(compared.status == 4);
  const std::vector<Json> rows = json_lines(compared.out);
  REQUIRE(rows.size() == 3 + 1 + 3 + 2);
  CHECK(rows[3]["error"].get<std::string>().find("line 2") != std::string::npos);
  CHECK(rows.back()["r2"]["n"] == 2);
  const Finished evaluated =
      folder.run("evaluate", {"--methods", "zero,leave-one-out", "--metrics", "deletion"}, {.input = input});
  CHECK(evaluated.status == 4);
  for (const Json& row : json_lines(evaluated.out)) CHECK(row["n"] == 2);
}

TEST_CASE("compare: a method that cannot explain a text has its error, the others their rows") {
  const TextModel folder;
  const std::string input = "{\"text\":\"" + words(21) + "\"}\n{\"text\":\"w8 w5 w6\"}\n";
  const Finished run =
      folder.run("compare", {"--methods", "shapley-exact,leave-one-out,lime"}, {.input = input});
  CHECK(run.status == 4);
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 2 * 4 + 3);
  CHECK(rows[0]["method"] == "shapley-exact");
  CHECK(rows[0]["error"] ==
        "stdin: line 1: shapley-exact: [shapley] 21 players, wanted 1 to 20 to enumerate all coalitions");
  CHECK(rows[1]["scores"]["weight"].size() == 23);
  CHECK(rows[2]["method"] == "lime");
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(rows[3]["matrix"][0][i].is_null());
    CHECK(rows[3]["matrix"][i][0].is_null());
  }
  CHECK(rows[3]["matrix"][1][2].is_number());
  CHECK(rows[7]["matrix"][0][1].is_number());
  CHECK(rows[8]["r2"]["n"] == 1);
  CHECK(rows[9]["r2"]["n"] == 2);
  CHECK(lines_of(run.err).at(0) == "error: " + rows[0]["error"].get<std::string>());
  const Finished none =
      folder.run("compare", {"--methods", "shapley-exact"}, {.input = input.substr(0, input.find('\n'))});
  CHECK(none.status == 4);
  CHECK(json_lines(none.out).size() == 2);  // its error and a matrix of null, no summary
}

TEST_CASE("explain --aggregate and --dry-run: a bad row is left out, and the status says so") {
  const TextModel folder;
  const std::string input = "{\"text\":\"w8 w5 w6\"}\n{\n{\"text\":\"w8\"}\n";
  const Finished card = folder.run("explain", {"--aggregate"}, {.input = input});
  CHECK(card.status == 4);
  CHECK(json_lines(card.out).at(0)["texts"] == 2);
  const Finished plan = folder.run("explain", {"--dry-run", "--method", "zero"}, {.input = input});
  CHECK(plan.status == 4);
  CHECK(json_lines(plan.out).at(0)["texts"] == 2);
}

TEST_CASE("explain --resume: bad rows are finished rows, too") {
  const TextModel folder;
  const std::string input =
      "{\"text\":\"w8 w5 w6\"}\n{\n{\"id\":\"x\",\"input_ids\":[]}\n{\"text\":\"w8\"}\n";
  folder.write("in.jsonl", input);
  const Arguments options = {"--method",        "zero", "--input", folder.file("in.jsonl"), "--output",
                             folder.file("out")};
  CHECK(folder.run("explain", options).status == 4);
  const std::string whole = read_file(folder.file("out"));
  CHECK(json_lines(whole).size() == 4);
  Arguments resume = options;
  resume.emplace_back("--resume");
  const std::vector<Json> before = json_lines(whole);
  for (std::size_t kept = 1; kept <= 4;
       ++kept) {  // lines of a run that was killed, the last to be done again
    std::string lines;
    for (std::size_t i = 0; i < kept; ++i) lines += lines_of(whole)[i] + "\n";
    folder.write("out.partial", lines);
    const Finished run = folder.run("explain", resume);
    CAPTURE(run.err);
    CHECK(run.status == 4);
    const std::vector<Json> after = json_lines(read_file(folder.file("out")));
    REQUIRE(after.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) CHECK(without_time(after[i]) == without_time(before[i]));
  }
}

TEST_CASE("compare: without --methods those that the classifier allows") {
  const ModelFolder decoder(Architecture::gpt2);
  const Finished run = run_slalom({"compare", "--model", decoder.path, "--special-ids", ""},
                                  {.input = "{\"input_ids\":[5,6,7]}\n"});
  CAPTURE(run.err);
  CHECK(run.status == 0);
  CHECK(json_lines(run.out).size() == 6 + 1 + 6);
}

TEST_CASE("texts: a byte order mark is no part of the first text") {
  const TextModel folder;
  folder.write("plain.txt", "\xEF\xBB\xBFw7 w9\n");
  folder.write("rows.tsv",
               "\xEF\xBB\xBF"
               "1\tw7 w9\n");
  for (const char* name : {"plain.txt", "rows.tsv"}) {
    const Finished run = folder.run("tokenize", {"--input", folder.file(name)});
    CHECK(json_lines(run.out).at(0)["ids"] == Json({1, 7, 9, 2}));
  }
}

TEST_CASE("explain --progress: how many rows a file has, bad ones counted; of a pipe nobody knows") {
  const TextModel folder;
  const std::string rows = "text,id\n\"w5\nw6\",a\nw7 w8,b,c\nw9,d\n";
  folder.write("rows.csv", rows);
  const Arguments options = {"--method", "leave-one-out", "--progress", "plain"};
  const auto shown = [&](const Arguments& more, const std::string& input = {}) {
    return lines_of(folder.run("explain", joined(options, more), {.input = input}).err);
  };
  const std::string output = folder.file("out.jsonl");
  const auto has = [](const std::vector<std::string>& lines, const std::string& begins) {
    return std::ranges::any_of(lines, [&](const std::string& line) { return line.starts_with(begins); });
  };
  CHECK(has(shown({"--input", folder.file("rows.csv"), "--output", output}), "explain  3/3  100%  took "));
  CHECK(has(shown({"--format", "csv"}, rows), "explain  3"));
  CHECK_FALSE(has(shown({"--format", "csv"}, rows), "explain  3/"));
  // Of finished rows a later run keeps all but the last, and shows no pace before it has one.
  folder.write("out.jsonl.partial", read_file(output));
  CHECK(
      has(shown({"--input", folder.file("rows.csv"), "--output", output, "--resume"}), "explain  2/3  66%"));
}
