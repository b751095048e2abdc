#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "../support/process.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const std::string kHeader = "claim\tpublished\tresults\tnumbers\twanted\n";

// A number of results.json with its interval; NaN is null there.
std::string number(const std::string& name, const std::string& value, const std::string& low,
                   const std::string& high) {
  return concat('"', name, "\":[", value, ",", low, ",", high, "]");
}
std::string number(const std::string& name, const std::string& value) {
  return number(name, value, value, value);
}

std::string control(const std::string& name, bool holds) {
  return concat(R"({"name":")", name, R"(","holds":)", holds ? "true" : "false", "}");
}

// A folder of results, and the claims that are to be judged by them.
struct Studies {
  TemporaryFolder folder{"reproduce"};

  void add_raw(const std::string& study, const std::string& json) const {
    make_folders(folder.file("in/" + study));
    folder.write("in/" + study + "/results.json", json);
  }
  void add(const std::string& study, const std::vector<std::string>& numbers,
           const std::vector<std::string>& controls = {}) const {
    add_raw(study, concat(R"({"size":"tiny","seed":7,"estimates":{)", listed(numbers), R"(},"checks":[)",
                          listed(controls), "]}"));
  }
  Finished run(const std::string& claims) const {
    make_folders(folder.file("in"));
    folder.write("claims.tsv", claims);
    return run_process({program_beside("reproduce"), "--input", folder.file("in"), "--output",
                        folder.file("out"), "--claims", folder.file("claims.tsv")});
  }
  Json claims() const {
    return parse_json(read_file(folder.file("out/results.json")), "results.json")["claims"];
  }
  // The program refuses the claims or results with this message, paths being relative to the folder.
  void refused(const std::string& claims, const std::string& message) const {
    const Finished finished = run(claims);
    CHECK(finished.status == 3);
    CHECK(finished.err == concat("error: ", folder.path, "/", message, "\n"));
  }
};

}  // namespace

TEST_CASE("reproduce: a claim holds if all of every interval is where it is claimed to be") {
  const Studies studies;
  studies.add(
      "one",
      {number("bert.slope", "0.12345"), number("gpt2.slope", "0.5", "0.25", "0.75"), number("other", "9")},
      {control("a", true), control("b", true)});
  const Finished run =
      studies.run(kHeader + "# a comment\n\nSlopes are small (section 4)\t.1\tone\t*.slope\t< 1\n");
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json claims = studies.claims();
  REQUIRE(claims.size() == 1);
  CHECK(claims[0]["verdict"] == "holds");
  CHECK(claims[0]["claimed"] == "< 1");
  CHECK(claims[0]["missing"].empty());
  REQUIRE(claims[0]["numbers"].size() == 2);
  CHECK(claims[0]["numbers"][0]["label"] == "bert");
  CHECK(claims[0]["numbers"][0]["value"] == 0.12345);
  CHECK(claims[0]["numbers"][1]["low"] == 0.25);
  CHECK(claims[0]["numbers"][1]["verdict"] == "holds");
  const std::string page = read_file(studies.folder.file("out/README.md"));
  CHECK(page.find(
            concat("| Slopes are small (section 4) | .1 | bert 0.123, gpt2 0.5 [0.25, 0.75] | < 1 | holds | "
                   "tiny, seed 7 | ",
                   studies.folder.path, "/in/one/README.md |\n")) != std::string::npos);
  CHECK(run.out.find("1 claims: holds 1, fails 0, undecided 0, not measured 0; 2 of 2 controls hold\n") !=
        std::string::npos);
}

TEST_CASE("reproduce: an interval on both sides of the bound decides nothing, one on the wrong side fails") {
  const Studies studies;
  studies.add("one",
              {number("a.x", "1", "0.5", "1.5"), number("b.x", "1", "-0.5", "2.5"),
               number("c.x", "-1", "-2", "0"), number("d.x", "1", "null", "null"), number("e.x", "0")});
  const auto verdict_of = [&](const std::string& numbers, const std::string& wanted) {
    const Finished run = studies.run(kHeader + "It holds\t1\tone\t" + numbers + "\t" + wanted + "\n");
    const std::string verdict = studies.claims()[0]["verdict"];
    CHECK(run.status == (verdict == "fails" ? 1 : 0));
    return verdict;
  };
  CHECK(verdict_of("a.x", "> 0") == "holds");
  CHECK(verdict_of("a.x", "> .5") == "undecided");
  CHECK(verdict_of("b.x", "> 0") == "undecided");
  CHECK(verdict_of("c.x", "> 0") == "fails");
  CHECK(verdict_of("c.x", "< 0") == "undecided");
  CHECK(verdict_of("c.x", "< 1e-9") == "holds");
  // Of one text or repeat the interval is not known; of one model the number is all that is claimed.
  CHECK(verdict_of("d.x", "> 0") == "undecided");
  CHECK(verdict_of("e.x", "> 0") == "fails");
  CHECK(verdict_of("e.x", "< 0") == "fails");
  CHECK(verdict_of("a.x, b.x", "> 0") == "undecided");
  CHECK(verdict_of("*.x", "> 0") == "fails");
  CHECK(read_file(studies.folder.file("out/README.md")).find("c -1 [-2, 0] fails, d 1 [unknown] undecided") !=
        std::string::npos);
}

TEST_CASE("reproduce: without results or number a claim is not measured") {
  const Studies studies;
  studies.add("one", {number("a", "1"), number("broken", "null"), number("bad", "-3")});
  const Finished run = studies.run(kHeader +
                                   "No results\t-\ttwo\ta\t> 0\n"
                                   "No number\t-\tone\ta, x.*.y\t> 0\n"
                                   "Not a number\t-\tone\tbroken\t> 0\n");
  CAPTURE(run.err);
  CHECK(run.status == 0);
  const Json claims = studies.claims();
  REQUIRE(claims.size() == 3);
  for (const Json& claim : claims) CHECK(claim["verdict"] == "not measured");
  CHECK(claims[0]["missing"][0] == concat("no ", studies.folder.path, "/in/two/results.json"));
  CHECK(claims[0]["numbers"].empty());
  CHECK(claims[0]["made_with"] == "");
  CHECK(claims[1]["missing"][0] == "no number x.*.y");
  CHECK(claims[1]["numbers"][0]["label"] == "a");
  CHECK(claims[1]["made_with"] == "tiny, seed 7");
  CHECK(claims[2]["missing"][0] == "no number for broken");
  CHECK(studies.run(kHeader + "A failure beside it\t-\tone\tbad, gone\t> 0\n").status == 1);
  CHECK(studies.claims()[0]["verdict"] == "fails");
}

TEST_CASE("reproduce: a control that fails is named, and exit status 1, whatever the claims say") {
  const Studies studies;
  studies.add("one", {number("a", "1")}, {control("good", true)});
  studies.add("texts/imdb", {number("b", "1")}, {control("bad", false), control("fine", true)});
  const Finished run = studies.run(kHeader + "It holds\t1\tone\ta\t> 0\n");
  CHECK(run.status == 1);
  CHECK(run.out.find(
            "holds 1, fails 0, undecided 0, not measured 0; 2 of 3 controls hold, not texts/imdb: bad\n") !=
        std::string::npos);
}

TEST_CASE("reproduce: a star stands for what lies between dots, also for nothing") {
  const Studies studies;
  studies.add("one", {number("imdb.bert_2.x.minus.lime", "1"), number("imdb.distilbert_2.x.minus.lime", "1"),
                      number("imdb.distilbert_2.y.x.minus.lime", "-1"),
                      number("imdb.bert_2.x.minus.shap", "1"), number("words_8.fit", "1")});
  const auto labels = [&](const std::string& numbers) {
    REQUIRE(studies.run(kHeader + "A\tyes\tone\t" + numbers + "\t> 0\n").status == 0);
    std::vector<std::string> found;
    const Json claims = studies.claims();
    for (const Json& n : claims[0]["numbers"]) found.push_back(n["label"]);
    return found;
  };
  CHECK(labels("imdb.*bert_2.x.minus.lime") == std::vector<std::string>{"bert_2", "distilbert_2"});
  CHECK(labels("imdb.*.x.minus.*") ==
        std::vector<std::string>{"bert_2 lime", "bert_2 shap", "distilbert_2 lime"});
  CHECK(labels("imdb.bert_2.x.minus.lime, imdb.*.x.minus.shap") ==
        std::vector<std::string>{"bert_2 lime", "bert_2 shap"});
  CHECK(labels("words_*.fit") == std::vector<std::string>{"words_8"});
  CHECK(labels("words_8.fit") == std::vector<std::string>{"words_8.fit"});
}

TEST_CASE("reproduce: claims in another form are refused with file, line and field") {
  const Studies studies;
  studies.add("one", {number("a", "1")});
  studies.refused("", "claims.tsv: no claims, wanted a header and at least one line");
  studies.refused(kHeader, "claims.tsv: no claims, wanted a header and at least one line");
  studies.refused("claim\tnumber\n",
                  "claims.tsv: line 1: header is \"claim⇥number\", wanted claim, published, "
                  "results, numbers, wanted between tabs");
  studies.refused(kHeader + "A\t1\tone\ta\n",
                  "claims.tsv: line 2: 4 fields, wanted 5: claim, published, results, numbers, wanted");
  studies.refused(kHeader + "#\nA\t \tone\ta\t> 0\n", "claims.tsv: line 3: published is empty");
  studies.refused(kHeader + "A\t1\tone\ta,,b\t> 0\n",
                  "claims.tsv: line 2: numbers is \"a,,b\", wanted names with a comma between them");
  for (const char* wanted : {">", "0", "= 0", "> x", "> 0 or so"})
    studies.refused(
        kHeader + "A\t1\tone\ta\t" + wanted + "\n",
        concat("claims.tsv: line 2: wanted is \"", wanted, "\", wanted \"> NUMBER\" or \"< NUMBER\""));
}

TEST_CASE("reproduce: broken results are refused with file and field") {
  const Studies studies;
  const std::string claims = kHeader + "A\t1\tone\ta\t> 0\n", file = "in/one/results.json: ";
  const auto refused = [&](const std::string& json, const std::string& message) {
    studies.add_raw("one", json);
    const Finished run = studies.run(claims);
    CHECK(run.status == 3);
    CAPTURE(run.err);
    CHECK(run.err.starts_with(concat("error: ", studies.folder.path, "/", file, message)));
  };
  refused("{", "byte ");
  refused("[]", "");
  refused(R"({"estimates":{},"checks":[]})", "field \"size\": ");
  refused(R"({"size":"tiny","checks":[]})", "field \"estimates\": ");
  refused(R"({"size":"tiny","estimates":{}})", "field \"checks\": ");
  refused(R"({"size":"tiny","seed":-1,"estimates":{},"checks":[]})", "field \"seed\": found -1");
  refused(R"({"size":"tiny","estimates":{"a":[1,2]},"checks":[]})",
          "field \"a\": found [1,2], wanted a number and the two ends of its interval");
  refused(R"({"size":"tiny","estimates":{},"checks":[{"name":"a"}]})", "field \"holds\": missing");

  const Finished missing = run_process({program_beside("reproduce"), "--input", studies.folder.file("none")});
  CHECK(missing.status == 3);
  CHECK(missing.err.find("none: found no such folder") != std::string::npos);
}

TEST_CASE("reproduce: the project's claims can be read, each once, in at most 40 lines") {
  const TemporaryFolder folder("reproduce_none");
  make_folders(folder.file("in"));
  const Finished run = run_process(
      {program_beside("reproduce"), "--input", folder.file("in"), "--output", folder.file("out")});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json json = parse_json(read_file(folder.file("out/results.json")), "results.json");
  CHECK(json["counts"]["holds"] == 0);
  CHECK(json["counts"]["not measured"] == json["claims"].size());
  std::set<std::string> sentences;
  for (const Json& claim : json["claims"]) {
    CAPTURE(claim["claim"].get<std::string>());
    CHECK(sentences.insert(claim["claim"]).second);
  }
  const std::string bytes = read_file("experiments/reproduce/claims.tsv");
  CHECK(std::ranges::count(bytes, '\n') <= 40);
}
