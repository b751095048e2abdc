#include "slalom/cli/cli.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "../support/process.hpp"
#include "model_folder.hpp"
#include "slalom/base/sha256.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

/// Status, nothing on stdout, and "error: MESSAGE" as the first line on stderr.
void check_fails(int status, const Arguments& arguments, const std::string& message,
                 const ProcessOptions& options = {}) {
  CAPTURE(message);
  const Finished run = run_slalom(arguments, options);
  CHECK(run.status == status);
  CHECK(run.out.empty());
  CHECK(run.err.substr(0, run.err.find('\n')) == "error: " + message);
}

/// Code points, which is what 80 columns are counted in here.
std::ptrdiff_t columns(const std::string& line) {
  return std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; });
}

}  // namespace

TEST_CASE("slalom: version and help go to stdout") {
  CHECK(run_slalom({"--version"}).out == "slalom 0.1.0\n");
  const Finished help = run_slalom({"--help"});
  CHECK(help.status == 0);
  CHECK(help.err.empty());
  for (const Command& command : commands())
    CHECK(help.out.find("\n  " + std::string(command.name) + " ") != std::string::npos);
  CHECK(run_slalom({"help"}).out == help.out);
  CHECK(run_slalom({"-h"}).out == help.out);
}

TEST_CASE(
    "slalom COMMAND --help: a screen in 80 columns, and slalom help COMMAND every option with its meaning") {
  for (const Command& command : commands()) {
    CAPTURE(command.name);
    const Finished help = run_slalom({command.name, "--help"}), all = run_slalom({"help", command.name});
    CHECK(help.status == 0);
    CHECK(help.err.empty());
    CHECK(lines_of(help.out).size() <= 32);
    CHECK(command.examples.size() == 2);
    for (const std::string& example : command.examples)
      CHECK(help.out.find("slalom " + example + "\n") != std::string::npos);
    for (const Option& option : all_options(command)) {
      CAPTURE(option.name);
      CHECK(help.out.find("--" + long_name(option)) != std::string::npos);
      CHECK(all.out.find("--" + long_name(option)) != std::string::npos);
      CHECK((option.fallback.empty() || option.meaning.find("(default") == std::string::npos));
    }
    CHECK(all.out.find("default: )") == std::string::npos);
    for (const std::string& line : lines_of(help.out + all.out)) CHECK(columns(line) <= 80);
    CHECK(run_slalom({command.name, "-h"}).out == help.out);
  }
  for (const std::string& line : lines_of(run_slalom({"--help"}).out)) CHECK(columns(line) <= 80);
}

TEST_CASE("slalom: without a command the usage, on stderr") {
  const Finished run = run_slalom({});
  CHECK(run.status == 2);
  CHECK(run.out.empty());
  CHECK(run.err == run_slalom({"--help"}).out);
}

TEST_CASE("slalom: a wrong command line exits with 2") {
  check_fails(2, {"explode"}, "unknown command \"explode\"");
  check_fails(2, {"predict", "--model", "m", "stray"}, "unexpected argument \"stray\"");
  check_fails(2, {"inspect", "parameters", "stray", "--model", "m"}, "unexpected argument \"stray\"");
  check_fails(2, {"predict", "--quiet=yes"}, "--quiet yes, wanted no value");
  check_fails(2, {"fit", "--skip-special=maybe"}, "--skip-special maybe, wanted true or false");
  check_fails(2, {"predict", "--threads", "two"}, "--threads two, wanted a whole number");
  check_fails(2, {"predict", "--threads", "-1"}, "--threads -1, wanted 0 to 1024");
  check_fails(2, {"predict", "--seed", "-1"},
              "--seed -1, wanted a whole number from 0 to 18446744073709551615");
  check_fails(2, {"predict", "--precision", "f16"}, "--precision f16, wanted f32, f64 or bf16");
  check_fails(2, {"predict", "--progress", "loud"}, "--progress loud, wanted auto, plain or none");
  check_fails(2, {"predict"}, "--model is missing");
  check_fails(2, {"predict", "--output", "x.jsonl.gz"}, "--output x.jsonl.gz: output is not compressed");
  check_fails(2, {"inspect", "parameters"}, "--model is missing");
  check_fails(2, {"inspect", "souls", "--model", "m"},
              "inspect souls, wanted activations, attention, gradients, parameters or names");
  check_fails(2, {"inspect", "--model", "m"},
              "inspect, wanted activations, attention, gradients, parameters or names");
  // The library's words, but they name the option.
  for (const auto& [option, name] :
       {std::pair{"--nope", "nope"}, {"--nope=5", "nope"}, {"-qx", "x"}, {"--model", "model"}}) {
    const Finished run = run_slalom({"predict", option});
    CHECK(run.status == 2);
    CHECK(lines_of(run.err).at(0).find(name) != std::string::npos);
    CHECK(lines_of(run.err).back() == "hint: slalom predict --help lists the options");
  }
}

TEST_CASE("slalom: options that a command has no use for are refused") {
  const TemporaryFolder folder;
  check_fails(2, {"info", "--input", "rows.jsonl"}, "--input has no effect in info: it reads no rows");
  check_fails(2, {"fit", "--precision", "f32"}, "--precision f32, wanted f64");
  check_fails(2, {"fit", "--skip-special"}, "--skip-special has no effect without --model");
  check_fails(2, {"inspect", "parameters", "--model", "m", "--input", "rows.jsonl"},
              "--input has no effect with inspect parameters");
  check_fails(2, {"inspect", "names", "--model", "m", "--text", "x"},
              "--text has no effect with inspect names");
  check_fails(2, {"evaluate", "--model", "m", "--metrics", "kendall", "--step", "2"},
              "--step has no effect without --metrics insertion or deletion");
  check_fails(2, {"evaluate", "--model", "m", "--metrics", "deletion", "--held-out", "2"},
              "--held-out has no effect without --metrics removal-mse");
}

TEST_CASE("slalom: every option that takes a number names itself when it gets none") {
  int found = 0;
  for (const Command& command : commands()) {
    for (const Option& option : all_options(command))
      for (const char* value : {"1.5", "x", "NaN", "", "0x10", "99999999999999999999"}) {
        if (option.value != "N") continue;
        const std::string name = "--" + option.name, given = name + "=" + value;
        CAPTURE(command.name);
        CAPTURE(given);
        const Finished run = run_slalom({command.name, given});
        CHECK(run.status == 2);
        CHECK(run.err.starts_with(
            concat("error: ", name, *value ? " " : "", value, ", wanted a whole number")));
        ++found;
      }
  }
  CHECK(found > 300);
}

TEST_CASE("slalom train: options that make no sense exit with 2 and leave no folder behind") {
  const TemporaryFolder folder;
  const std::string out = folder.file("model");
  const auto wrong = [&](const Arguments& options, const std::string& message) {
    Arguments all = {"train", "--width", "16", "--heads", "2", "--output", out};
    all.insert(all.end(), options.begin(), options.end());
    check_fails(2, all, message);
    CHECK_FALSE(std::filesystem::exists(out));
  };
  check_fails(2, {"train"}, "--output is missing: the folder that receives the model");
  wrong({"--heads", "3"}, "options: field \"heads\": found 3, wanted a divisor of the width 16");
  wrong({"--dropout", "1"}, "options: field \"embedding_dropout\": found 1, wanted a rate in [0, 1)");
  wrong({"--layers", "0"}, "--layers 0, wanted 1 to 1000");
  wrong({"--epochs", "0"}, "--epochs 0, wanted 1 to 1048576");
  wrong({"--batch", "2.5"}, "--batch 2.5, wanted a whole number");
  wrong({"--lr", "0"}, "[schedule] learning rate is 0, wanted a positive number");
  wrong({"--lr", "5e-5x"}, "--lr 5e-5x, wanted a number");
  wrong({"--dropout", "0,3"}, "--dropout 0,3, wanted a number");
  wrong({"--clip", "inf"}, "--clip inf, wanted a number");
  wrong({"--arch", "bart"}, "--arch bart, wanted bert, distilbert, roberta or gpt2");
  wrong({"--optimizer", "adam"}, "--optimizer adam, wanted rmsprop, adamw or sgd");
  wrong({"--momentum", ".5"}, "[optimizer] momentum is 0.5, but rmsprop has none here");
  wrong({"--positions", "sine"}, "--positions sine, wanted learned, rope or none");
  wrong({"--read-out", "mean"}, "--read-out mean, wanted first or last");
  wrong({"--length", "long"}, "--length long, wanted binomial, fixed or uniform");
  wrong({"--vocabulary", "9"}, "--vocabulary 9, the data needs 16");
}

TEST_CASE("slalom: a model folder that cannot be read exits with 3") {
  const TemporaryFolder folder;
  check_fails(3, {"predict", "--model", folder.file("none")},
              folder.file("none") + ": found no such model folder");
  check_fails(3, {"predict", "--model", folder.path},
              folder.file("config.json") + ": cannot open: No such file or directory");
  check_fails(3, {"info", "--model", folder.path},
              folder.file("config.json") + ": cannot open: No such file or directory");
  const Finished long_name = run_slalom({"predict", "--model", std::string(5000, 'm')});
  CHECK(long_name.status == 3);
  CHECK(long_name.err.starts_with("error: "));
}

TEST_CASE("slalom info: the program and a model's card") {
  const ModelFolder folder;
  const Finished json = run_slalom({"info", "--json", "--threads", "2"});
  CHECK(json.status == 0);
  REQUIRE(json_lines(json.out).size() == 1);
  const Json facts = json_lines(json.out)[0];
  CHECK(facts["version"] == "0.1.0");
  CHECK(!facts["blas_core"].get<std::string>().empty());
  CHECK(facts["threads"] == 2);
  CHECK(facts["allotted"].get<std::string>().starts_with("affinity "));
  CHECK(facts["sgemm_gflops"].get<double>() > 0);
  CHECK(!facts.contains("architecture"));

  const Json card = json_lines(run_slalom({"info", "--json", "--model", folder.path}).out).at(0);
  CHECK(card["architecture"] == "bert");
  CHECK(card["layers"] == 2);
  CHECK(card["width"] == 24);
  CHECK(card["labels"] == 3);
  CHECK(card["parameters"] == folder.model.parameters().scalars());

  CHECK(card["label_2"] == "LABEL_2");
  CHECK(card["read_out"] == "first token");
  CHECK(card["tokenizer"] == "none: rows of input_ids only");
  CHECK(card["ignored_tensors"] == 0);
  CHECK(card["tensors"].get<int>() > 30);
  CHECK(card["sha256"] == sha256_of_files({folder.file("model.safetensors")}));
  folder.write("vocab.txt", "[PAD]\n[CLS]\n[SEP]\n[UNK]\nthe\n");
  const Json named = json_lines(run_slalom({"info", "--json", "--model", folder.path}).out).at(0);
  CHECK(named["tokenizer"].get<std::string>().starts_with("WordPiece"));
  CHECK(named["tokenizer_vocabulary"] == 5);
  CHECK(named["special_tokens"] == "[PAD] (0), [CLS] (1), [SEP] (2)");

  const std::string table = run_slalom({"info", "--model", folder.path}).out;
  CHECK(table.starts_with("what "));
  for (const auto& [fact, value] : named.items()) CHECK(table.find("\n" + fact + " ") != std::string::npos);
}
