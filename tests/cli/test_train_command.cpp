#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <sstream>

#include "../support/process.hpp"
#include "../support/traced.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

/// Ten rows of two classes.
std::string labelled_rows() {
  std::string rows;
  for (int i = 0; i < 10; ++i) rows += concat("{\"input_ids\":[1,", 5 + i, ",2],\"label\":", i % 2, "}\n");
  return rows;
}

Finished train(const Arguments& options, const std::string& input = {}) {
  Arguments all = {"train", "--threads", "1", "--epochs", "2", "--batch", "4"};
  const auto data = std::ranges::find(options, "--data");
  const bool synthetic = data == options.end() || data[1] == "sparse_bow" || data[1] == "slalom";
  if (synthetic) all.insert(all.end(), {"--epoch-texts", "20"});
  all.insert(all.end(), options.begin(), options.end());
  return run_slalom(all, {.input = input});
}

Finished train_new(const std::string& folder, Arguments options, const std::string& input = {}) {
  for (const char* option : {"--width", "16", "--heads", "2", "--output"}) options.emplace_back(option);
  options.push_back(folder);
  return train(options, input);
}

void check_fails(const Finished& run, const std::string& message) {
  CHECK(run.status == 3);
  CHECK(run.out.empty());
  CHECK(lines_of(run.err).at(0) == "error: " + message);
}

}  // namespace

TEST_CASE("train: a row an epoch, and a folder that other commands read") {
  const TemporaryFolder folder;
  const std::string out = folder.file("a/b/model");
  const Finished run = train_new(out, {"--seed", "3"});
  CHECK(run.status == 0);
  CHECK(run.err.empty());
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 2);
  for (std::size_t e = 0; e < 2; ++e) {
    CHECK(rows[e]["epoch"] == e + 1);
    CHECK(rows[e]["steps"] == 5 * (e + 1));
    CHECK(rows[e]["seed"] == 3);
    CHECK(rows[e]["loss"].get<double>() > 0);
    CHECK(rows[e]["tokens_per_second"].get<double>() > 0);
  }
  CHECK(files_in(out) == std::vector<std::string>{"checkpoint.safetensors", "config.json",
                                                  "model.safetensors", "tokenizer.json",
                                                  "tokenizer_config.json", "training.json"});
  CHECK(parse_json(read_file(out + "/training.json"), "training.json")["seed"] == 3);
  const std::string row = "{\"input_ids\":[1,5,2]}";
  CHECK(run_slalom({"predict", "--model", out}, {.input = row}).status == 0);

  // Two more epochs from there.
  const Finished more = train({"--model", out, "--output", folder.file("more")});
  CHECK(more.status == 0);
  CHECK(json_lines(more.out).size() == 2);
  CHECK(read_file(out + "/config.json") == read_file(folder.file("more/config.json")));
  CHECK(read_file(out + "/model.safetensors") != read_file(folder.file("more/model.safetensors")));
}

TEST_CASE("train: on rows of a file, or of stdin; the same seed gives the same model") {
  const TemporaryFolder folder;
  folder.write("rows.jsonl", labelled_rows());
  CHECK(train_new(folder.file("a"), {"--data", folder.file("rows.jsonl")}).status == 0);
  CHECK(train_new(folder.file("b"), {"--data", "-"}, labelled_rows()).status == 0);
  CHECK(train_new(folder.file("c"), {"--data", "-", "--seed", "1"}, labelled_rows()).status == 0);
  const auto model = [&](const char* name) { return read_file(folder.file(name) + "/model.safetensors"); };
  CHECK(model("a") == model("b"));
  CHECK(model("a") != model("c"));
}

TEST_CASE("train: on texts, with the tokenizer that the model then has") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("words"));
  folder.write("words/vocab.txt", "[PAD]\n[CLS]\n[SEP]\n[UNK]\n[MASK]\ngood\nbad\nfilm\n");
  std::string rows, ids;
  for (int i = 0; i < 10; ++i) {
    rows +=
        concat(i % 2, "\tA ", i % 2 == 0 ? "bad" : "good", " film", i == 3 ? " film film film" : "", "\n");
    ids += concat("{\"label\":", i % 2, ",\"input_ids\":[1,3,", i % 2 == 0 ? 6 : 5, ",7", i == 3 ? ",7" : "",
                  ",2]}\n");
  }
  folder.write("rows.tsv", rows);
  const std::string out = folder.file("model");
  const Finished run = train_new(
      out, {"--data", folder.file("rows.tsv"), "--tokenizer", folder.file("words"), "--max-length", "6"});
  CAPTURE(run.err);
  CHECK(run.status == 0);
  CHECK(run.err.find("1 of 10 texts were cut to 6 tokens") != std::string::npos);
  const Finished held_out =
      train_new(folder.file("held_out"), {"--data", folder.file("rows.tsv"), "--tokenizer",
                                          folder.file("words"), "--max-length", "4", "--holdout", "9"});
  CHECK(held_out.err.find("10 of 10 texts were cut to 4 tokens") != std::string::npos);
  CHECK(read_file(out + "/vocab.txt") == read_file(folder.file("words") + "/vocab.txt"));
  CHECK(train_new(folder.file("ids"), {"--data", "-", "--vocabulary", "8"}, ids).status == 0);
  CHECK(read_file(out + "/model.safetensors") == read_file(folder.file("ids") + "/model.safetensors"));
  // The trained folder reads texts; fine-tuning keeps its tokenizer.
  CHECK(run_slalom({"predict", "--model", out, "--text", "a good film"}).status == 0);
  CHECK(train({"--model", out, "--output", folder.file("tuned"), "--data", folder.file("rows.tsv"),
               "--epochs", "1"})
            .status == 0);
  CHECK(read_file(folder.file("tuned") + "/vocab.txt") == read_file(out + "/vocab.txt"));
  check_fails(
      train_new(folder.file("x"), {"--data", folder.file("rows.tsv")}),
      folder.file("rows.tsv") + ": line 1: field \"input_ids\": found only \"text\", wanted token ids");
}

TEST_CASE("train: data that does not do is refused before the first step") {
  const ModelFolder model;
  const TemporaryFolder folder;
  const std::string out = folder.file("out");
  check_fails(train_new(out, {"--data", folder.file("none")}),
              folder.file("none") + ": cannot open: No such file or directory");
  check_fails(train_new(out, {"--data", "-"}), "stdin: found no rows to train on");
  check_fails(train_new(out, {"--data", "-"}, labelled_rows() + "{\"input_ids\":[1]}"),
              "stdin: line 11: field \"label\": found nothing, wanted a label");
  check_fails(train_new(out, {"--data", "-", "--max-positions", "4"},
                        labelled_rows() + "{\"input_ids\":[1,2,3,4,5],\"label\":0}"),
              "stdin: line 11: field \"input_ids\": found 5 tokens, wanted at most 4, the model's positions");
  check_fails(train_new(out, {"--max-positions", "31"}),
              "sparse_bow: texts have up to 32 tokens, the model has 31 positions");
  check_fails(
      train({"--model", model.path, "--output", out, "--data", "-"}, "{\"input_ids\":[40],\"label\":0}"),
      "stdin: line 1: field \"input_ids\"[0]: found 40, wanted an integer from 0 to 39");
  CHECK_FALSE(std::filesystem::exists(out));
  CHECK(train_new(out, {"--max-positions", "30", "--no-special"}).status == 0);
}

TEST_CASE(
    "train --holdout: the last rows are asked after each epoch, never trained on, and may end the run") {
  const TemporaryFolder all("train_holdout"), plain("train_without_holdout");
  // Every row says 1, and so does a row that is asked: its loss falls. Where it says 0, its loss rises.
  std::string rows;
  for (int i = 0; i < 10; ++i) rows += concat("{\"input_ids\":[1,", 5 + i, ",2],\"label\":1}\n");
  // As many ids as the held-out rows need are there either way.
  const Arguments common = {"--data", "-", "--vocabulary", "20", "--lr", "1e-3"};
  REQUIRE(train_new(plain.path, common, rows).status == 0);
  for (const int label : {0, 1}) {
    Arguments held_out = common;
    held_out.insert(held_out.end(), {"--holdout", "1"});
    const Finished run =
        train_new(all.path, held_out, rows + concat("{\"input_ids\":[1,7,2],\"label\":", label, "}\n"));
    REQUIRE(run.status == 0);
    const std::vector<Json> epochs = json_lines(run.out);
    REQUIRE(epochs.size() == 2);
    const double first = epochs[0]["holdout_loss"], last = epochs[1]["holdout_loss"];
    CHECK((label == 1 ? last < first : last > first));
    CHECK((read_file(all.file("model.safetensors")) == read_file(plain.file("model.safetensors"))) ==
          (label == 1));
    // The model that is kept has the lower loss: log(1 + exp(∓F)).
    const Finished asked =
        run_slalom({"predict", "--model", all.path}, {.input = "{\"input_ids\":[1,7,2]}\n"});
    const double f = json_lines(asked.out).at(0)["log_odds"];
    CHECK(std::abs(std::log1p(std::exp(label == 1 ? -f : f)) - std::min(first, last)) <= 1e-4);
    CHECK(std::abs(first - last) > 1e-3);
  }

  CHECK(train_new(all.path, {"--data", "-", "--holdout", "10"}, rows)
            .err.find("--holdout 10 leaves nothing of 10 rows to train on") != std::string::npos);
  CHECK(train_new(all.path, {"--data", "-", "--patience", "1"}, rows).err.find("without --holdout") !=
        std::string::npos);
}

TEST_CASE("train: a run that diverges stops with the step and the activation") {
  const TemporaryFolder folder;
  const Finished run = train_new(folder.file("out"), {"--lr", "1e30"});
  CHECK(run.status == 3);
  CHECK(run.err.starts_with("error: [train] step 2: the loss is NaN or Inf; the first such activation is "));
  CHECK(lines_of(run.err).back() == "hint: try a lower --lr, or --clip 1");
  CHECK(files_in(folder.file("out")).empty());
}

TEST_CASE("train: an option that would change nothing is refused") {
  const test::TemporaryFolder folder;
  const auto refused = [&](const Arguments& options, const std::string& start) {
    const Finished run = train_new(folder.file("m"), options, labelled_rows());
    CAPTURE(run.err);
    CHECK(run.status == 2);
    CHECK(run.err.starts_with("error: " + start));
  };
  refused({"--input", "rows.jsonl"}, "--input has no effect in train");
  refused({"--slalom-words", "words.tsv"}, "--slalom-words has no effect without --data slalom");
  refused({"--data", "-", "--length", "fixed"}, "--length has no effect without --data sparse_bow or slalom");
  refused({"--model", "somewhere"}, "--width has no effect with --model");
  refused({"--no-feed-forward", "--feed-forward", "8"},
          "--feed-forward has no effect with --no-feed-forward");
  refused({"--arch", "gpt2", "--no-special"}, "--no-special has no effect with gpt2, which has none");
}

TEST_CASE("train: an update that leaves no finite numbers is no model") {
  const test::TemporaryFolder folder;
  const Finished run = train_new(folder.file("m"), {"--epochs", "1", "--epoch-texts", "4", "--lr", "1e38"});
  CHECK(run.status == 3);
  CHECK(
      run.err.starts_with("error: [train] step 1: the update is NaN or Inf; the first such activation is "));
  CHECK_FALSE(std::filesystem::exists(folder.file("m/model.safetensors")));
}

TEST_CASE("train: labels of their own and numbers, whose kind the model keeps") {
  const TemporaryFolder folder;
  const auto rows = [](const std::vector<std::string>& labels) {
    std::string lines;
    for (std::size_t i = 0; i < 8; ++i)
      lines += concat("{\"input_ids\":[1,", 5 + i, ",2],\"label\":", labels[i % labels.size()], "}\n");
    return lines;
  };
  const auto check = [&](const char* type, const std::string& lines, int labels, bool has_accuracy) {
    CAPTURE(std::string(type));
    const std::string out = folder.file(type), again = out + "-again";
    const Finished run = train_new(out, {"--problem-type", type, "--data", "-", "--holdout", "2"}, lines);
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    const Json row = json_lines(run.out).back();
    CHECK(row["loss"].get<double>() > 0);
    CHECK(row["accuracy"].is_number() == has_accuracy);
    CHECK(row["holdout_accuracy"].is_number() == has_accuracy);
    CHECK(train({"--model", out, "--output", again, "--data", "-"}, lines).status == 0);
    const ClassifierConfig config = read_config(again);
    CHECK(config.problem_type == problem_type_named(type));
    CHECK(config.labels == labels);
  };
  check("multi_label_classification", rows({"[0,1,1]", "[1,0,0]"}), 3, true);
  check("regression", rows({"0.5", "-3"}), 1, false);
  check("regression", rows({"[0.5,1]"}), 2, false);
  check_fails(train_new(folder.file("x"), {"--problem-type", "multi_label_classification", "--data", "-"},
                        rows({"[0,1]", "[0]"})),
              "stdin: line 2: field \"label\": found 1 numbers, wanted 2 as in the row before");
}

TEST_CASE("train --resume: other rows under the same name are noticed") {
  const test::TemporaryFolder folder;
  folder.write("rows.jsonl", labelled_rows());
  const Arguments options = {"--data", folder.file("rows.jsonl")};
  REQUIRE(train_new(folder.file("m"), options).status == 0);
  folder.write("rows.jsonl", labelled_rows() + labelled_rows());
  const Finished run = train_new(folder.file("m"), {"--data", folder.file("rows.jsonl"), "--resume"});
  CHECK(run.status == 3);
  CHECK(run.err.find("setting \"data_fingerprint\"") != std::string::npos);
}

TEST_CASE("train over a finished folder: at every step it holds one whole model or no config.json") {
  const TemporaryFolder all;
  const std::string folder = all.file("m");
  REQUIRE(train({"--width", "16", "--heads", "4", "--epoch-texts", "8", "--output", folder}).status == 0);
  all.write("m/notes.txt", "mine");
  all.write("m/vocab.txt", "of another model");
  const auto files = [&] {
    std::map<std::string, std::string> contents;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.is_regular_file() && !entry.path().filename().string().starts_with("checkpoint."))
        contents[entry.path().filename()] = read_file(entry.path());
    return contents;
  };
  std::vector<std::map<std::string, std::string>> seen = {files()};
  const std::optional<int> status =
      run_in_steps({slalom_binary(), "train", "--threads", "1", "--width", "16", "--heads", "2", "--layers",
                    "1", "--epochs", "1", "--epoch-texts", "8", "--seed", "2", "--output", folder},
                   [&] {
                     if (files() != seen.back()) seen.push_back(files());
                     return true;
                   });
  if (!status) {
    MESSAGE("skipped: this system forbids tracing");
    return;
  }
  REQUIRE(*status == 0);
  seen.push_back(files());
  CHECK(seen.size() >= 5);
  CHECK(seen.front().at("config.json") != seen.back().at("config.json"));
  CHECK(seen.front().at("model.safetensors") != seen.back().at("model.safetensors"));
  CHECK_FALSE(seen.back().contains("vocab.txt"));  // the new tokenizer has none
  for (const auto& contents : seen) {
    CHECK(contents.at("notes.txt") == "mine");
    CHECK((!contents.contains("config.json") || contents == seen.front() || contents == seen.back()));
  }
  CHECK(files_in(folder) == std::vector<std::string>{"checkpoint.safetensors", "config.json",
                                                     "model.safetensors", "notes.txt", "tokenizer.json",
                                                     "tokenizer_config.json", "training.json"});
}

TEST_CASE("train: a folder that another process writes is refused") {
  const TemporaryFolder all;
  const std::string folder = all.file("m");
  make_folders(folder);
  const FolderLock lock(folder);
  const Finished run = train_new(folder, {"--epoch-texts", "8"});
  CHECK(run.status == 3);
  CHECK(lines_of(run.err).at(0) == "error: " + folder + ": another process writes it");
  CHECK(files_in(folder).empty());
}
