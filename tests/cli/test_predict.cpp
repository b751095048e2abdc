#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "../support/compare.hpp"
#include "../support/process.hpp"
#include "model_folder.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/ops/cross_entropy.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

const std::string kRows =
    "{\"id\":\"größe\",\"input_ids\":[1,7,30,2],\"label\":2}\n"
    "\n"
    "{\"input_ids\":[5],\"id\":12.5}\n"
    "{\"input_ids\":[1,7,30,2],\"text\":\"said twice\"}";
const std::vector<std::vector<TokenId>> kTexts = {{1, 7, 30, 2}, {5}, {1, 7, 30, 2}};

Finished predict(const ModelFolder& folder, const Arguments& options, const ProcessOptions& process) {
  Arguments all = {"predict", "--model", folder.path, "--threads", "1"};
  all.insert(all.end(), options.begin(), options.end());
  return run_slalom(all, process);
}

/// The last row is bad, and the others are not.
void check_fails(const ModelFolder& folder, const std::string& input, const std::string& message) {
  const Finished run = predict(folder, {}, {.input = input});
  CHECK(run.status == 4);
  const std::vector<Json> rows = json_lines(run.out);
  for (const Json& row : rows) CHECK(row.contains("error") == (&row == &rows.back()));
  CHECK(rows.back()["error"] == message);
  CHECK(lines_of(run.err).at(0) == "error: " + message);
  const Finished strict = predict(folder, {"--strict"}, {.input = input});
  CHECK(strict.status == 3);
  CHECK(json_lines(strict.out).size() == rows.size() - 1);  // the good ones before it
  CHECK(lines_of(strict.err).at(0) == "error: " + message);
}

/// Logits (3, C) of kTexts.
std::vector<double> wanted_logits(ModelFolder& folder) {
  PackedTexts texts;
  for (const auto& text : kTexts) texts.add(text);
  return logits_of(folder.model, texts);
}

void put_gz(const std::string& path, const std::string& bytes) {
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

}  // namespace

TEST_CASE("predict: logits, log-odds, and the loss where there is a label") {
  ModelFolder folder;
  const std::vector<double> wanted = wanted_logits(folder);
  for (const Index target : {0, 1, 2})
    for (const char* precision : {"f32", "f64"}) {
      CAPTURE(precision);
      const double tolerance = precision[1] == '6' ? 1e-13 : 1e-5;
      const Finished run =
          predict(folder, {"--precision", precision, "--target", std::to_string(target)}, {.input = kRows});
      CHECK(run.status == 0);
      CHECK(run.err == "3 queries, 2 unique, 5 token-forwards\n");
      const std::vector<Json> rows = json_lines(run.out);
      REQUIRE(rows.size() == 3);
      for (std::size_t i = 0; i < 3; ++i) {
        const std::span logits = std::span(wanted).subspan(3 * i, 3);
        CHECK(relative_error(numbers(rows[i]["logits"]), logits) < tolerance);
        CHECK(std::abs(rows[i]["log_odds"].get<double>() - log_odds<double>(logits, target)) < tolerance);
        CHECK(rows[i].contains("loss") == (i == 0));
      }
      const double loss = cross_entropy_of<double>(std::span(wanted).first(3), 2);
      CHECK(std::abs(rows[0]["loss"].get<double>() - loss) < tolerance);
      CHECK(rows[0]["logits"] == rows[2]["logits"]);
    }
}

TEST_CASE("predict: ids come back as they were given, whatever the locale") {
  const ModelFolder folder;
  for (const char* locale : {"LC_ALL=C", "LC_ALL=C.UTF-8"}) {
    const Finished run = predict(folder, {}, {.input = kRows, .environment = {locale, "NO_COLOR=1"}});
    const std::vector<std::string> lines = lines_of(run.out);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].starts_with("{\"id\":\"größe\",\"logits\":["));
    CHECK(lines[1].starts_with("{\"id\":12.5,"));
    CHECK(lines[2].starts_with("{\"id\":2,"));  // the number of the row
    CHECK(std::ranges::count(run.out + run.err, '\x1b') == 0);
  }
}

TEST_CASE("predict: 9 digits give back every float, 17 every double") {
  const ModelFolder folder;
  const auto check = [&](const char* precision, int digits) {
    const Finished run = predict(folder, {"--precision", precision}, {.input = kRows});
    std::size_t longest = 0;
    for (const Json& row : json_lines(run.out))
      for (const double logit : numbers(row["logits"])) {
        const std::string printed = significant(logit, digits);
        CHECK(run.out.find(printed) != std::string::npos);
        longest = std::max(longest, static_cast<std::size_t>(std::ranges::count_if(
                                        printed, [](char c) { return c >= '0' && c <= '9'; })));
      }
    CHECK(longest >= static_cast<std::size_t>(digits));
  };
  check("f32", 9);
  check("f64", 17);
}

TEST_CASE("predict: -q silences stderr; no rows give no output") {
  const ModelFolder folder;
  const Finished quiet = predict(folder, {"-q"}, {.input = kRows});
  CHECK(quiet.err.empty());
  CHECK(lines_of(quiet.out).size() == 3);
  for (const char* nothing : {"", "\n \n\t\n"}) {
    const Finished run = predict(folder, {}, {.input = nothing});
    CHECK(run.status == 0);
    CHECK(run.out.empty());
    CHECK(run.err == "0 queries, 0 unique, 0 token-forwards\n");
  }
}

TEST_CASE("predict: rows that cannot be read are named by file, line and field") {
  const ModelFolder folder;
  const std::string good = "{\"input_ids\":[1]}\n";
  check_fails(folder, good + "{\"text\":\"words\"}",
              "stdin: line 2: field \"input_ids\": found only \"text\", wanted token ids");
  check_fails(folder, good + "{\"input_ids\":[1,40]}",
              "stdin: line 2: field \"input_ids\"[1]: found 40, wanted an integer from 0 to 39");
  check_fails(folder, "{\"input_ids\":[]}",
              "stdin: line 1: field \"input_ids\": found [], wanted a token or more");
  check_fails(folder, "{\"input_ids\":[1],\"label\":3}",
              "stdin: line 1: field \"label\": found 3 (number), wanted an integer from 0 to 2");
  std::string ids = "1";
  for (int k = 1; k < 65; ++k) ids += ",1";
  check_fails(
      folder, "\n{\"input_ids\":[" + ids + "]}",
      "stdin: line 2: field \"input_ids\": found 65 tokens, wanted at most 64, the model's positions");
  const Finished no_json = predict(folder, {}, {.input = good + "good movie"});
  CHECK(no_json.status == 4);
  CHECK(no_json.err.starts_with("error: stdin: line 2: byte 1: "));
}

TEST_CASE("predict: bad rows have an error in their place, and lose none of their neighbours") {
  const ModelFolder folder;
  const std::string good = "{\"input_ids\":[1,7,30,2]}\n";
  std::string input;
  for (int i = 0; i < 1500; ++i) input += i == 1100 ? std::string("{\n") : good;
  const std::vector<std::string> bad = {"{\"id\":\"x\",\"input_ids\":[1,40]}",
                                        "{\"id\":\"x\",\"input_ids\":[1],\"label\":3}",
                                        "{\"id\":\"x\",\"input_ids\":[1],\"token_type_ids\":[0,1]}",
                                        "{\"id\":\"x\"}",
                                        "{\"id\":[],\"input_ids\":[1]}",
                                        "[1]",
                                        "{\"input_ids\":[1],\"text\":\"\xFF\"}"};
  for (const std::string& row : bad) input += row + "\n" + good;
  const Finished run = predict(folder, {}, {.input = input});
  CHECK(run.status == 4);
  CHECK(run.err.find("8 of 1514 rows failed") != std::string::npos);
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 1514);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool failed = i == 1100 || (i >= 1500 && i % 2 == 0);
    CHECK(rows[i].contains("error") == failed);
    if (failed)
      CHECK(rows[i]["row"] == i);
    else
      CHECK(rows[i]["logits"] == rows[0]["logits"]);
    if (i < 1500 || i > 1506) CHECK(rows[i]["id"] == i);
  }
  for (const std::size_t i : {1500, 1502, 1504, 1506}) CHECK(rows[i]["id"] == "x");
  CHECK(json_lines(predict(folder, {}, {.input = "{\n5\n"}).out).size() == 2);  // no good row at all
}

TEST_CASE("predict --strict: stops at the first bad row, the good ones before it are written") {
  const ModelFolder folder;
  const TemporaryFolder files("files");
  const std::string input = kRows + "\n{\"input_ids\":[40]}\n" + kRows;
  const std::string message =
      "error: stdin: line 5: field \"input_ids\"[0]: found 40, wanted an integer from 0 to 39";
  const std::string wanted = predict(folder, {}, {.input = kRows}).out;
  const Finished run = predict(folder, {"--strict"}, {.input = input});
  CHECK(run.status == 3);
  CHECK(run.out == wanted);
  CHECK(lines_of(run.err).at(0) == message);
  const Finished to_file = predict(folder, {"--strict", "--output", files.file("out")}, {.input = input});
  CHECK(to_file.status == 3);
  CHECK(read_file(files.file("out")) == wanted);
}

TEST_CASE("predict: an input that breaks off ends with an error, the rows before that are written") {
  const ModelFolder folder;
  const TemporaryFolder files("files");
  put_gz(files.file("rows.jsonl.gz"),
         kRows + "\n" + std::string(std::size_t{65} << 20, ' '));  // too long a line
  const Finished run = predict(folder, {"--input", files.file("rows.jsonl.gz")}, {});
  CHECK(run.status == 3);
  CHECK(run.out == predict(folder, {}, {.input = kRows}).out);
  CHECK(run.err.starts_with("error: " + files.file("rows.jsonl.gz") + ": line 5 is longer than "));
}

TEST_CASE("predict: each row names its class, the predicted one unless there are two") {
  ModelFolder folder;
  const std::vector<double> wanted = wanted_logits(folder);
  const std::vector<Json> rows = json_lines(predict(folder, {"--precision", "f64"}, {.input = kRows}).out);
  REQUIRE(rows.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::span logits = std::span(wanted).subspan(3 * i, 3);
    const Index best = std::ranges::max_element(logits) - logits.begin();
    CHECK(rows[i]["target"] == best);
    CHECK(rows[i]["label"] == concat("LABEL_", best));
    CHECK(rows[i]["scale"] == "log-odds");
    CHECK(std::abs(rows[i]["log_odds"].get<double>() - log_odds<double>(logits, best)) < 1e-13);
  }
}

TEST_CASE("predict: a name that is another class's number, and what was taken") {
  ModelFolder folder;
  Json config = parse_json(read_file(folder.file("config.json")), "config.json");
  config["id2label"] = {{"0", "1"}, {"1", "2"}, {"2", "3"}};
  folder.write("config.json", config.dump());
  const Finished run = predict(folder, {"--target", "2"}, {.input = kRows});
  CHECK(json_lines(run.out).at(0)["target"] == 1);
  CHECK(lines_of(run.err).at(0) ==
        "warning: --target 2 was taken as the name of class 1; class 2 is named \"3\"");
  CHECK(predict(folder, {"--target", "3", "-q"}, {.input = kRows}).err.empty());
}

TEST_CASE("predict: labels of their own, and one output") {
  ModelFolder folder;
  Json config = parse_json(read_file(folder.file("config.json")), "config.json");
  config["problem_type"] = "multi_label_classification";
  folder.write("config.json", config.dump());
  const std::string row = "{\"input_ids\":[1,7,30,2],\"label\":[0,1,1]}";
  const Json several =
      json_lines(predict(folder, {"--target", "0", "--precision", "f64"}, {.input = row}).out).at(0);
  CHECK(several["log_odds"] == several["logits"][0]);
  double loss = 0;
  for (int c = 0; c < 3; ++c)
    loss += std::log1p(
                std::exp((c == 0 ? 1 : -1) * several["logits"][static_cast<std::size_t>(c)].get<double>())) /
            3;
  CHECK(std::abs(several["loss"].get<double>() - loss) < 1e-13);

  ClassifierConfig one = small_config(Architecture::bert, 1);
  one.labels = 1;
  Classifier<double> model(one);
  randomise(model, 3);
  save_model(model, folder.path, DType::f64);
  const std::string number = "{\"input_ids\":[1,7],\"label\":-0.5}";
  const Json output = json_lines(predict(folder, {"--precision", "f64"}, {.input = number}).out).at(0);
  const double x = output["logits"][0].get<double>();
  CHECK(output["scale"] == "output");
  CHECK(output["log_odds"] == x);
  CHECK(std::abs(output["loss"].get<double>() - (x + 0.5) * (x + 0.5)) < 1e-13);
  const Json logit =
      json_lines(predict(folder, {"--precision", "f64", "--sigmoid"}, {.input = number}).out).at(0);
  CHECK(logit["scale"] == "log-odds");
  CHECK(logit["log_odds"] == x);
  for (const bool sigmoid : {false, true}) {  // which explanations say, too
    std::vector<std::string> explain = {"explain", "--model",       folder.path, "--method",
                                        "zero",    "--special-ids", ""};
    if (sigmoid) explain.push_back("--sigmoid");
    const Json explained = json_lines(run_slalom(explain, {.input = number}).out).at(0);
    CHECK(explained["scale"] == (sigmoid ? "log-odds" : "output"));
    CHECK(explained["parameters"].contains("sigmoid") == sigmoid);
  }
}

TEST_CASE("predict: a target that the model has not is a usage error") {
  const ModelFolder folder;
  const Finished run = predict(folder, {"--target", "3"}, {});
  CHECK(run.status == 2);
  CHECK(run.err == "error: --target 3, the model has classes 0 to 2: 0 LABEL_0, 1 LABEL_1, 2 LABEL_2\n");
}

TEST_CASE("predict: input from a file, gzip or not, or from - for stdin") {
  const ModelFolder folder;
  const TemporaryFolder files("files");
  files.write("rows.jsonl", kRows);
  put_gz(files.file("rows.jsonl.gz"), kRows);
  const std::string wanted = predict(folder, {"--input", "-"}, {.input = kRows}).out;
  CHECK(lines_of(wanted).size() == 3);
  CHECK(predict(folder, {"--input", files.file("rows.jsonl")}, {}).out == wanted);
  CHECK(predict(folder, {"--input", files.file("rows.jsonl.gz")}, {}).out == wanted);
  const Finished none = predict(folder, {"--input", files.file("none")}, {});
  CHECK(none.status == 3);
  CHECK(none.err == "error: " + files.file("none") + ": cannot open: No such file or directory\n");
}

TEST_CASE("predict: the output file is there whole or not at all") {
  const ModelFolder folder;
  const TemporaryFolder files("files");
  const std::string out = files.file("out.jsonl");
  const std::string broken = files.file("broken.gz");
  put_gz(broken, kRows);
  std::filesystem::resize_file(broken, std::filesystem::file_size(broken) - 9);
  CHECK(predict(folder, {"--output", out, "--input", broken}, {}).status == 3);
  std::filesystem::remove(broken);
  CHECK(files_in(files.path).empty());
  const Finished run = predict(folder, {"--output", out}, {.input = kRows});
  CHECK(run.status == 0);
  CHECK(run.out.empty());
  CHECK(files_in(files.path) == std::vector<std::string>{"out.jsonl"});
  const std::string written = read_file(out);
  CHECK(json_lines(written).size() == 3);
  CHECK(predict(folder, {"--output", out, "--target", "3"}, {.input = kRows}).status == 2);
  CHECK(read_file(out) == written);
}

TEST_CASE("predict: output that cannot be written") {
  const ModelFolder folder;
  const Finished no_folder = predict(folder, {"--output", "/nowhere/out"}, {.input = kRows});
  CHECK(no_folder.status == 3);
  CHECK(no_folder.err == "error: /nowhere/out: cannot open for writing: No such file or directory\n");
  const Finished full = predict(folder, {"--output", "/dev/full"}, {.input = kRows});
  CHECK(full.status == 3);
  CHECK(full.err == "error: /dev/full: cannot write: No space left on device\n");
  const Finished full_stdout = predict(folder, {}, {.input = kRows, .stdout_file = "/dev/full"});
  CHECK(full_stdout.status == 3);
  CHECK(full_stdout.err == "error: stdout: cannot write: No space left on device\n");
}

TEST_CASE("predict: a closed pipe ends quietly, even if the parent ignores SIGPIPE") {
  const ModelFolder folder;
  const ProcessOptions closed{.input = kRows, .closed_pipe = true};
  const Finished run = predict(folder, {}, closed);
  CHECK(run.status == 128 + SIGPIPE);
  CHECK(run.err.empty());
  const auto before = std::signal(SIGPIPE, SIG_IGN);  // which the child inherits
  const Finished ignoring = predict(folder, {}, closed);
  std::signal(SIGPIPE, before);
  CHECK(ignoring.status == 128 + SIGPIPE);
  CHECK(ignoring.err.empty());
}

TEST_CASE("predict --precision bf16: near float32, and a line says how near") {
  const ModelFolder folder;
  const Finished full = predict(folder, {}, {.input = kRows}),
                 run = predict(folder, {"--precision", "bf16"}, {.input = kRows});
  REQUIRE(run.status == 0);
  const std::vector<Json> rows = json_lines(run.out), wanted = json_lines(full.out);
  REQUIRE(rows.size() == 3);
  double largest = 0;
  for (std::size_t i = 0; i < 3; ++i)
    largest =
        std::max(largest, std::abs(rows[i]["log_odds"].get<double>() - wanted[i]["log_odds"].get<double>()));
  CHECK(largest > 0);
  CHECK(largest < 0.1);
  CHECK(lines_of(run.err).size() == lines_of(full.err).size() + 1);
}
