#include <doctest/doctest.h>

#include "../support/compare.hpp"
#include "../support/process.hpp"
#include "model_folder.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/nn/predictor.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

const std::string kRow = "{\"id\":\"a\",\"input_ids\":[1,7,30,9,7,2]}\n";

/// The small model, with a vocabulary whose ids 1 and 2 are [CLS] and [SEP].
struct NamedModel : ModelFolder {
  NamedModel() {
    std::string words = "[PAD]\n[CLS]\n[SEP]\n[UNK]\n[MASK]\n";
    for (int i = 5; i < 40; ++i) words += concat("w", i, "\n");
    write("vocab.txt", words);
  }
  Finished explain(const Arguments& options, const std::string& input = kRow) const {
    Arguments all = {"explain", "--model",  path, "--precision",
                     "f64",     "--target", "1"};  // the last one counts
    all.insert(all.end(), options.begin(), options.end());
    return run_slalom(all, {.input = input});
  }
  double log_odds(const std::vector<TokenId>& ids, Index target = 1) {
    PackedTexts texts;
    texts.add(ids);
    return slalom::log_odds<double>(logits_of(model, texts), target);
  }
};

void check_usage(const Finished& run, const std::string& message) {
  CHECK(run.status == 2);
  CHECK(run.out.empty());
  CHECK(lines_of(run.err).at(0) == "error: " + message);
}

}  // namespace

TEST_CASE("explain: a row of output says what was explained, how well, at which cost") {
  NamedModel folder;
  const Finished run = folder.explain({"--method", "slalom-exact", "--target", "2", "--seed", "9"});
  REQUIRE(run.status == 0);
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 1);
  const Json& row = rows[0];
  CHECK(row["id"] == "a");
  CHECK(row["method"] == "slalom-exact");
  CHECK(row["target"] == 2);
  CHECK(row["scale"] == "log-odds");
  CHECK(relative_error(row["log_odds"].get<double>(), folder.log_odds({1, 7, 30, 9, 7, 2}, 2)) <= 1e-12);
  CHECK(row["seed"] == 9);
  CHECK(row["model_sha256"] == sha256_of_files({folder.path + "/model.safetensors"}));
  REQUIRE(row["tokens"].size() == 6);
  CHECK(row["tokens"][0]["special"] == true);
  CHECK(row["tokens"][2]["text"] == "w30");
  CHECK(row["tokens"][2]["special"] == false);
  for (const char* score : {"value", "importance", "linear", "removal"}) {
    REQUIRE(row["scores"][score].size() == 6);
    CHECK(row["scores"][score][0].is_null());
    CHECK(row["scores"][score][5].is_null());
    CHECK(std::abs(row["scores"][score][1].get<double>() - row["scores"][score][4].get<double>()) <=
          1e-12);  // the same word
    CHECK(row["scores"][score][3].is_number());
  }
  CHECK(row["scores"]["background"]["value"].is_number());
  CHECK(row["fidelity"]["n"].get<int>() >= row["fidelity"]["unseen"].get<int>());
  CHECK(row["fidelity"]["unseen"].get<int>() > 0);
  CHECK(row["fidelity"]["removed"] == Json({1, 2, 3}));
  CHECK(row["cost"]["unique_queries"] == 1 + 2 * 3 + 1);  // the text, F([]), F([k]), F([r, r]), F([k, r])
}

TEST_CASE("explain: without background slalom-exact's values are the log-odds of single tokens") {
  NamedModel folder;
  const Finished run = folder.explain({"--method", "slalom-exact", "--background", "none"});
  REQUIRE(run.status == 0);
  const Json row = json_lines(run.out).at(0);
  CHECK(row["scores"]["background"].is_null());
  for (const auto& [at, id] : {std::pair{1, 7}, {2, 30}, {3, 9}})
    CHECK(relative_error(row["scores"]["value"][static_cast<std::size_t>(at)].get<double>(),
                         folder.log_odds({1, id, 2})) <= 1e-10);
  for (const Json& s : row["scores"]["importance"]) CHECK((s.is_null() || std::abs(s.get<double>()) <= 50));
  CHECK(row["cost"]["unique_queries"] == 1 + 2 * 3 - 1);
}

TEST_CASE("explain: leave-one-out, and Shapley values that sum to the log-odds") {
  NamedModel folder;
  const std::vector<TokenId> ids = {1, 7, 30, 9, 7, 2};
  const Json left = json_lines(folder.explain({"--method", "leave-one-out"}).out).at(0);
  for (std::size_t i = 1; i <= 4; ++i) {
    std::vector<TokenId> without = ids;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(std::abs(left["scores"]["weight"][i].get<double>() -
                   (folder.log_odds(ids) - folder.log_odds(without))) <= 1e-10);
  }
  const Json masked =
      json_lines(folder.explain({"--method", "shapley-exact", "--absence", "mask"}).out).at(0);
  double sum = 0;
  for (const Json& w : masked["scores"]["weight"]) sum += w.is_null() ? 0 : w.get<double>();
  CHECK(std::abs(sum - (folder.log_odds(ids) - folder.log_odds({1, 4, 4, 4, 4, 2}))) <= 1e-10);
}

TEST_CASE("explain: a program as the classifier gives what the model gives") {
  const std::string answers = R"(sed -u 's/.*\[1,\([0-9]*\).*/{"log_odds": 0.\1}/')";
  const Finished run = run_slalom({"explain", "--classifier-command", answers, "--special-ids", "1,2",
                                   "--method", "leave-one-out", "--held-out", "0"},
                                  {.input = "{\"input_ids\":[1,7,30,2]}\n"});
  REQUIRE(run.status == 0);
  const Json row = json_lines(run.out).at(0);
  CHECK(row["log_odds"] == 0.7);
  CHECK(std::abs(row["scores"]["weight"][1].get<double>() - (0.7 - 0.30)) <= 1e-15);
  CHECK(row["scores"]["weight"][2] == 0);
  CHECK(row["fidelity"].is_null());
  CHECK(row["model_sha256"].is_null());
}

TEST_CASE("explain: a classifier that answers wrongly is an error that says how") {
  const auto error_of = [](const std::string& command) {
    const Finished run =
        run_slalom({"explain", "--classifier-command", command, "--timeout", "0.5"}, {.input = kRow});
    CHECK(run.status == 3);
    CHECK(run.out.empty());
    return lines_of(run.err).at(0);
  };
  CHECK(error_of("cat").find("field \"log_odds\": missing") != std::string::npos);
  CHECK(error_of("sleep 5").find("no answer for 0.5 s") != std::string::npos);
  CHECK(error_of("true").find("after 0 of 1 answers") != std::string::npos);
  CHECK(error_of("sed -u 's/.*/{\"log_odds\": 1e999}/'").find("error: ") == 0);
}

TEST_CASE("explain: options that would change nothing, or say nothing, are refused") {
  NamedModel folder;
  check_usage(
      folder.explain({"--method", "leave-one-out", "--budget", "5"}),
      "--budget has no effect without --method slalom-exact, slalom-eff, slalom-fidel, slalom-shapley, "
      "linear-deletion, kernel-shap, permutation-shap, controlled-shap or lime");
  check_usage(folder.explain({"--method", "lime", "--flip"}),
              "--flip has no effect without --method slalom-exact, slalom-eff or slalom-fidel");
  for (const auto& [option, value] : {std::pair{"--background", "none"}, {"--short-length", "3"}})
    check_usage(folder.explain({"--method", "slalom-eff", "--as-published", option, value}),
                concat(option, " has no effect with --as-published"));
  CHECK(folder.explain({"--method", "leave-one-out", "--as-published"}).status == 2);
  check_usage(folder.explain({"--method", "slalom-eff", "--budget", "0"}),
              "budget 0, slalom-eff wants at least 1");
  check_usage(folder.explain({"--target", "3"}),
              "--target 3, the model has classes 0 to 2: 0 LABEL_0, 1 LABEL_1, 2 LABEL_2");
  check_usage(folder.explain({"--mask-id", "3", "--method", "leave-one-out"}),
              "--mask-id has no effect without --absence mask or --baseline mask");
  check_usage(folder.explain({"--special-ids", "1,x"}), "--special-ids 1,x, wanted ids separated by commas");
  check_usage(run_slalom({"explain", "--model", folder.path, "--classifier-command", "cat"}),
              "--model and --classifier-command, wanted one of them");
  check_usage(folder.explain({"--max-memory", "1"}),
              "--max-memory 1: the model and a text of 64 tokens need 65 MiB");
  check_usage(folder.explain({"--method", "integrated-gradients", "--as-published", "--tolerance", "1"}),
              "--tolerance has no effect with --as-published");
  CHECK(folder.explain({"--method", "nothing"}).status == 2);
}

TEST_CASE("explain: a row that fails has its error in the output, the others go on, and the status is 4") {
  NamedModel folder;
  const Finished run = folder.explain({"--method", "zero"}, kRow + "{\"id\":5,\"input_ids\":[1,2]}\n" + kRow);
  CHECK(run.status == 4);
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 3);
  const std::string message =
      "stdin: line 2: the text is empty, or all of its tokens are special; wanted a token to explain";
  CHECK(rows[1]["error"] == message);
  CHECK(rows[1]["id"] == 5);
  CHECK(rows[1]["row"] == 1);
  CHECK(rows[2]["row"] == 2);
  CHECK(rows[2]["scores"]["weight"].size() == 6);
  CHECK(lines_of(run.err).at(0) == "error: " + message);
}

TEST_CASE("explain --baseline pad: the folder's pad token, and no other special one") {
  NamedModel folder;
  const Arguments options = {"--method", "integrated-gradients", "--baseline", "pad"};
  const auto at_baseline = [&] {
    return json_lines(folder.explain(options).out).at(0)["checks"]["log_odds_baseline"].get<double>();
  };
  const auto all = [&](TokenId id) { return folder.log_odds({1, id, id, id, id, 2}); };
  CHECK(relative_error(at_baseline(), all(0)) <= 1e-10);  // [PAD] of vocab.txt
  folder.write("special_tokens_map.json", R"({"pad_token": "w9"})");
  CHECK(relative_error(at_baseline(), all(9)) <= 1e-10);
  folder.write("special_tokens_map.json", R"({"pad_token": null})");
  Json config = parse_json(read_file(folder.file("config.json")), "config.json");
  config["pad_token_id"] = 11;
  folder.write("config.json", config.dump());
  CHECK(relative_error(at_baseline(), all(11)) <= 1e-10);
  config.erase("pad_token_id");
  folder.write("config.json", config.dump());
  const Finished none = folder.explain(options);
  check_usage(none, "--baseline pad: the folder names no pad token");
  CHECK(lines_of(none.err).at(1) == "hint: give an id: --baseline mask --mask-id N");
}

TEST_CASE("explain: words that the vocabulary does not have are warned of, from half of a text on") {
  NamedModel folder;
  const auto warnings = [&](const std::string& text) {
    return json_lines(folder.explain({"--method", "zero", "--json"}, "{\"text\":\"" + text + "\"}\n").out)
        .at(0)["warnings"]
        .dump();
  };
  CHECK(warnings("x y").find("every token of this text is unknown to the vocabulary: 2 of 2 are [UNK]") !=
        std::string::npos);
  CHECK(warnings("x w5").find(
            "half or more of this text's tokens are unknown to the vocabulary: 1 of 2 are [UNK]") !=
        std::string::npos);
  CHECK(warnings("x w5 w6").find("unknown") == std::string::npos);
}

TEST_CASE("explain: the same bits with one thread and with two") {
  NamedModel folder;
  const auto without_time = [](Json row) {
    row["cost"].erase("seconds");
    return row.dump();
  };
  for (const char* method : {"slalom-fidel", "kernel-shap"}) {
    const Json one = json_lines(folder.explain({"--method", method, "--threads", "1"}).out).at(0),
               two = json_lines(folder.explain({"--method", method, "--threads", "2"}).out).at(0);
    CHECK(without_time(one) == without_time(two));
  }
}

TEST_CASE("--precision bf16: a tenth of the queries say how far it is from float32") {
  const NamedModel folder;
  const Finished run = folder.explain({"--precision", "bf16", "--method", "shapley-exact"});
  REQUIRE(run.status == 0);
  const Json row = json_lines(run.out).at(0), bf16 = row["bf16"];
  CHECK(bf16["n"].get<Index>() >= 2);
  const double median = bf16["median_difference"].get<double>();
  CHECK(median > 0);
  CHECK(bf16["largest_difference"].get<double>() >= median);
  CHECK(bf16["largest_difference"].get<double>() < 0.1);
  CHECK(row["warnings"].size() >= 1);
  CHECK(!json_lines(folder.explain({}).out).at(0).contains("bf16"));
  const Finished evaluated =
      run_slalom({"evaluate", "--model", folder.path, "--precision", "bf16", "--methods", "leave-one-out",
                  "--metrics", "deletion", "--target", "1"},
                 {.input = kRow});
  REQUIRE(evaluated.status == 0);
  CHECK(json_lines(evaluated.out).at(0)["bf16"]["n"].get<Index>() >= 1);
}

TEST_CASE("--precision bf16: what is no query is refused") {
  const NamedModel folder;
  for (const char* method : {"attn-lrp", "integrated-gradients"}) {
    const Finished run = folder.explain({"--precision", "bf16", "--method", method});
    CHECK(run.status == 2);
    CHECK(run.err.find(method) != std::string::npos);
  }
  for (const Arguments& other : {Arguments{"inspect", "attention", "--model", folder.path},
                                 Arguments{"audit", "--model", folder.path}, Arguments{"train"}}) {
    Arguments all = other;
    all.insert(all.end(), {"--precision", "bf16"});
    const Finished run = run_slalom(all, {.input = kRow});
    CHECK(run.status == 2);
    CHECK(run.err.find("--precision bf16") != std::string::npos);
  }
}
