#include <doctest/doctest.h>

#include <cmath>

#include "../support/process.hpp"
#include "model_folder.hpp"
#include "slalom/inspect/compiled_slalom.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

Finished audit(const std::string& folder, const Arguments& options = {}) {
  Arguments all = {"audit", "--model", folder, "--threads", "1"};
  all.insert(all.end(), options.begin(), options.end());
  return run_slalom(all);
}

Json audit_json(const std::string& folder, Arguments options = {}) {
  options.emplace_back("--json");
  const Finished run = audit(folder, options);
  CAPTURE(run.err);
  CHECK(run.status == 0);
  CHECK(run.err.empty());
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 1);
  return rows[0];
}

/// The published toy table as a model: best (5) .6, 1.1; the (6) −1, .7; worst (7) .4, −1.6.
struct ToyFolder : TemporaryFolder {
  explicit ToyFolder(const std::string& architecture) {
    CHECK(run_slalom({"train", "--compile-slalom", "toy", "--arch", architecture, "--output", path,
                      "--precision", "f64"})
              .status == 0);
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

// A SLALOM repeats to the same value: 7 F(a) − F(a⁷) = 6 v, so that best and worst prove 6 (1.1 + 1.6) / 16.
TEST_CASE("audit --json: a compiled SLALOM is no additive model, but a SLALOM") {
  for (const std::string architecture : {"bert", "distilbert", "roberta", "gpt2"}) {
    CAPTURE(architecture);
    const ToyFolder folder(architecture);
    const Json a = audit_json(folder.path, {"--tokens", "5,6,7", "--max-repeats", "7"});
    CHECK(a["estimate"].get<double>() >= 1.0125 - 1e-9);
    CHECK(a["bound"].get<double>() >= 1.0125 - 1e-7);
    CHECK(a["estimate"].get<double>() >= a["bound"].get<double>());
    CHECK(a["bound"].get<double>() <= a["half_range"].get<double>());
    CHECK(a["bound"].get<double>() >= a["positionwise_bound"].get<double>());
    CHECK(a["rounding_error"].get<double>() < 1e-6);
    CHECK(a["positionwise_rounding_error"].get<double>() > 0);
    CHECK(a["witness"].size() == 4);
    CHECK(a["positionwise_witness"].size() == 4);
    CHECK(a["collapsed"] == false);
    CHECK(a["nearly_constant"] == false);
    CHECK(a["repetitions"].is_null());
    CHECK(a["spread"].get<double>() > 0.05);
    REQUIRE(a["curves"].size() == 3);
    const double values[] = {1.1, 0.7, -1.6};
    const char* words[] = {"best", "the", "worst"};
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(a["curves"][k]["token"] == 5 + k);
      CHECK(a["curves"][k]["text"] == words[k]);
      const std::vector<double> curve = numbers(a["curves"][k]["log_odds"]);
      CHECK(curve.size() == 7);
      for (const double x : curve) CHECK(std::abs(x - values[k]) <= 1e-9);
    }
    CHECK(a["distance"]["longest"] == 4);
    CHECK(a["distance"]["texts"] == 3 + 9 + 27 + 81);
    CHECK(a["distance"]["slalom"].get<double>() <= 1e-6);
    CHECK(a["distance"]["slalom_background"].get<double>() <= 1e-6);
    CHECK(a["distance"]["positionwise"].get<double>() > 0.1);
    CHECK(a["distance"]["additive"].get<double>() >= a["distance"]["positionwise"].get<double>());
    CHECK(a["distance"]["constant"].get<double>() > a["distance"]["additive"].get<double>());
    CHECK(a["prefix"] == (architecture == "gpt2" ? Json::array() : Json{1}));
    CHECK(a["suffix"] == (architecture == "gpt2" ? Json::array() : Json{2}));
    CHECK(a["target"] == 1);
    CHECK(a["seed"] == 0);
    CHECK(a["precision"] == "f64");
    CHECK(a["version"] == "0.1.0");
    CHECK(a["queries"].get<int>() > a["unique_queries"].get<int>());
    CHECK(a["token_forwards"].get<int>() > a["unique_queries"].get<int>());
  }
}

TEST_CASE("audit: what the folder calls special is no token of a text") {
  const ToyFolder folder("bert");
  const Json a = audit_json(folder.path);
  REQUIRE(a["curves"].size() == 4);
  for (std::size_t k = 0; k < 4; ++k) CHECK(a["curves"][k]["token"] == 5 + k);
  CHECK(a["curves"][3]["text"] == "[unused0]");
}

TEST_CASE("audit: a model without tokenizer files is read bare, with at most as many tokens as it has") {
  const ModelFolder folder(Architecture::gpt2);  // 40 words, 64 positions
  const Json a = audit_json(folder.path, {"--max-repeats", "100", "--target", "2", "--seed", "9"});
  CHECK(a["curves"].size() == 40);
  CHECK(numbers(a["curves"][0]["log_odds"]).size() == 64);
  CHECK(a["distance"]["longest"] == 2);  // 40 + 1600 texts; 64,000 more would be too many
  CHECK(a["target"] == 2);
  CHECK(a["seed"] == 9);
  CHECK(audit_json(folder.path, {"--longest", "0", "--target", "1"})["distance"].is_null());
}

// The answers to the witness are asked of the model once more, by predict.
TEST_CASE("audit: the witness proves the bound, with the answers that it names") {
  const ModelFolder bare(Architecture::gpt2);
  const ToyFolder wrapped("bert");
  for (const auto& [folder, tokens] : {std::pair{bare.path, "3,20,5,17"}, {wrapped.path, "5,6,7"}}) {
    const Json a = audit_json(folder, {"--tokens", tokens, "--target", "1"});
    for (const std::string kind : {"", "positionwise_"}) {
      std::string rows;
      for (const Json& text : a[kind + "witness"]) {
        Json ids = a["prefix"];
        ids.insert(ids.end(), text.begin(), text.end());
        ids.insert(ids.end(), a["suffix"].begin(), a["suffix"].end());
        rows += "{\"input_ids\":" + ids.dump() + "}\n";
      }
      const Finished predicted = run_slalom(
          {"predict", "--model", folder, "--precision", "f64", "-q", "--target", "1"}, {.input = rows});
      const std::vector<double> f = numbers(a[kind + "witness_log_odds"]),
                                c = numbers(a[kind + "witness_coefficients"]);
      const std::vector<Json> asked = json_lines(predicted.out);
      REQUIRE(asked.size() == f.size());
      REQUIRE(c.size() == f.size());
      double sum = 0, sizes = 0;
      for (std::size_t i = 0; i < f.size(); ++i) {
        CHECK(std::abs(asked[i]["log_odds"].get<double>() - f[i]) <= 1e-12);
        const std::vector<double> interval = numbers(a[kind + "witness_enclosure"][i]);
        CHECK(interval[0] <= f[i]);
        CHECK(interval[1] >= f[i]);
        sum += c[i] * f[i];
        sizes += std::abs(c[i]);
      }
      CHECK(std::abs(std::abs(sum) / sizes - a[kind + "estimate"].get<double>()) <= 1e-12);
    }
  }
}

TEST_CASE("audit: float32 finds certificates, double proves them") {
  const ToyFolder folder("distilbert");
  const Json wide = audit_json(folder.path, {"--tokens", "5,6,7"}),
             narrow = audit_json(folder.path, {"--tokens", "5,6,7", "--precision", "f32"});
  CHECK(narrow["precision"] == "f32");
  CHECK(std::abs(narrow["estimate"].get<double>() - wide["estimate"].get<double>()) > 1e-9);
  CHECK(std::abs(narrow["bound"].get<double>() - wide["bound"].get<double>()) <= 1e-6);
}

// The [CLS] token sees n words as one of n times the weight; a SLALOM with one word has its value for all n.
TEST_CASE("audit: all numbers of repetitions at once, of a model without positions") {
  const TemporaryFolder folder("no_positions");
  CHECK(
      run_slalom({"train", "--arch", "bert", "--layers", "1", "--width", "16", "--heads", "2", "--positions",
                  "none", "--epochs", "1", "--epoch-texts", "20", "--output", folder.path, "-q"})
          .status == 0);
  const Json a = audit_json(folder.path, {"--tokens", "9,12"});
  REQUIRE(a["repetitions"].is_object());
  const std::vector<double> range = numbers(a["repetitions"]["log_odds"]);
  const Json& curve = a["curves"][a["repetitions"]["token"] == 9 ? 0 : 1]["log_odds"];
  for (const double f : numbers(curve)) {
    CHECK(range[0] <= f);
    CHECK(range[1] >= f);
  }
  CHECK(range[1] - range[0] <= 1);
  CHECK(has(audit(folder.path, {"--tokens", "9,12"}).out, "Proved for every n ≥ 1: F("));
}

TEST_CASE("audit: a report in words") {
  const ToyFolder folder("bert");
  const Finished run = audit(folder.path, {"--tokens", "7,5"});
  CHECK(run.status == 0);
  CHECK(run.err.empty());
  CHECK(has(run.out, "Is " + folder.path + " additive?"));
  CHECK(has(run.out, "the 2 tokens given,\nwhich the model reads as [CLS] … [SEP]."));
  CHECK(has(run.out, "Not collapsed: "));
  // 29 (1.1 + 1.6) / 62 from 1 and 30 repetitions, of (1.1 + 1.6) / 2.
  CHECK(has(
      run.out,
      "Proved not to be an additive bag of words: whatever the weights, some text's log-odds is off by at "
      "least\n"
      "  1.2629 nats. The most that texts like these could prove is half the range of F over them, 1.35 "
      "(estimated):\n"
      "  this is 94 % of it.\n"
      "  Each of them has 30 · F(\"best\") − F(\"best\" × 30) − 30 · F(\"worst\") + F(\"worst\" × 30) = 0, "
      "but "
      "here\n"
      "    F(\"best\") = 1.100000\n"
      "    F(\"best\" × 30) = 1.100000\n"
      "    F(\"worst\") = -1.600000\n"
      "    F(\"worst\" × 30) = -1.600000\n"));
  CHECK(has(run.out, "|30 · 1.100000 − 1.100000 − 30 · (-1.600000) + (-1.600000)| / 62 ≥ 1.2629.\n"));
  CHECK(has(run.out, "an additive bag of words"));
  CHECK(has(run.out, "token repeated    n = 1    n = 2    n = 3    n = 5   n = 10   n = 30\n"));
  CHECK(has(run.out, "worst           -1.6000  -1.6000"));
  CHECK(has(run.out, " unique, "));

  // All weights 0: a constant.
  const TemporaryFolder constant("constant");
  save_model(Classifier<float>(small_config(Architecture::gpt2, 1)), constant.path);
  const Finished dull = audit(constant.path, {"--tokens", "3,4,5", "--target", "1"});
  CHECK(dull.status == 0);
  CHECK(has(dull.out, "without special tokens."));
  CHECK(has(dull.out, "Collapsed: "));
  CHECK(has(dull.out,
            "Not proved to be anything but an additive bag of words: the best certificate found is "));
  CHECK(has(dull.out,
            "Nearly constant: over repetitions of a token the log-odds varies by 0 nats (estimated)"));
}

TEST_CASE("audit: a wrong command line") {
  const ModelFolder folder(Architecture::gpt2);
  const auto refused = [&](const Arguments& options, const std::string& message) {
    const Finished run = audit(folder.path, options);
    CHECK(run.status == 2);
    CHECK(run.out.empty());
    CHECK(lines_of(run.err).at(0) == "error: " + message);
  };
  refused({"--target", "1", "--tokens", "3"}, "--tokens 3, wanted at least 2");
  refused({"--target", "1", "--tokens", "3,x"}, "--tokens 3,x, wanted ids separated by commas");
  refused({"--target", "1", "--tokens", "3;4"}, "--tokens 3;4, wanted ids separated by commas");
  refused({"--target", "1", "--tokens", "3,40"}, "--tokens: id 40, the model has 0 to 39");
  refused({"--target", "1", "--tokens", "3,-1"}, "--tokens 3,-1, wanted ids separated by commas");
  refused({"--target", "1", "--tokens", "3,4,3"}, "--tokens: id 3 twice");
  refused({}, "--target pred: an audit is of one class, the model has 3");
  refused({"--target", "3"}, "--target 3, the model has classes 0 to 2: 0 LABEL_0, 1 LABEL_1, 2 LABEL_2");
  refused({"--target", "1", "--max-repeats", "0"}, "--max-repeats 0, wanted 1 to 4096");
  refused({"--input", "rows"}, "--input has no effect in audit: it asks texts of its own");
  CHECK(run_slalom({"audit"}).status == 2);
  CHECK(audit(folder.file("none")).status == 3);
}
