#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

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

// Its interval is that of a normal distribution around `z` with standard deviation 1.
std::string normal(const std::string& name, double z) {
  return number(name, std::to_string(z), std::to_string(z - 1.959963985), std::to_string(z + 1.959963985));
}

TEST_CASE(
    "reproduce: a claim holds if all of its numbers are significantly where it is claimed that they are") {
  const Studies studies;
  studies.add("one",
              {number("bert.slope", "0.125", "0.1", "0.15"), number("gpt2.slope", "0.5", "0.25", "0.75"),
               number("other", "9")},
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
  CHECK(claims[0]["numbers"][0]["value"] == 0.125);
  CHECK(claims[0]["numbers"][1]["low"] == 0.25);
  CHECK(claims[0]["numbers"][1]["as_claimed"] == true);
  // GPT-2 is two halves of its interval away, 2 · 1.96 standard deviations: 8.857e-5 of a normal
  // distribution.
  CHECK(std::abs(claims[0]["p"].get<double>() - 8.857e-5) < 1e-8);
  const std::string page = read_file(studies.folder.file("out/results.md"));
  CHECK(
      page.find("| Slopes are small (section 4) | .1 | bert 0.125 [0.1, 0.15], gpt2 0.5 [0.25, 0.75] | < 1 | "
                "**holds**, p 8.9e-05 |\n") != std::string::npos);
  CHECK(run.out.find("1 claims: holds 1, fails 0, undecided 0, not measured 0; 2 of 2 controls hold\n") !=
        std::string::npos);
}

TEST_CASE("reproduce: p-values over seeds are Student's") {
  const Studies studies;
  // Tables of the distribution: two-sided 1 % points of 1, 3, 4 and 30 degrees of freedom, and the 5 %
  // points, which are half an interval.
  const std::tuple<int, double, double> known[] = {
      {1, 63.657, 12.706205}, {3, 5.841, 3.182446}, {4, 4.604, 2.776445}, {30, 2.750, 2.042272}};
  for (const auto& [degrees, one_per_cent, half] : known) {
    CAPTURE(degrees);
    studies.add("one", {concat("\"a\":[", one_per_cent, ",", one_per_cent - half, ",", one_per_cent + half,
                               ",", degrees, "]")});
    studies.run(kHeader + "It holds\t1\tone\ta\t> 0\n");
    CHECK(std::abs(studies.claims()[0]["p"].get<double>() - 0.01) < 5e-5);
  }
}

TEST_CASE("reproduce: verdicts are adjusted for the number of claims, by Holm") {
  const Studies studies;
  // 1, 4 and 3 % of a normal distribution are farther out. Times 3, 1 and 2, and never less than the one
  // before: 3, 6 and 6 %. What has no interval is not of the family.
  studies.add("one", {normal("a", 2.575829), normal("b", 2.053749), normal("c", 2.170090), number("d", "5")});
  const std::string claims = "A\t1\tone\ta\t> 0\nB\t1\tone\tb\t> 0\nC\t1\tone\tc\t> 0\n";
  CHECK(studies.run(kHeader + claims + "D\t1\tone\td\t> 0\n").status == 0);
  Json found = studies.claims();
  const double p[] = {0.03, 0.06, 0.06};
  for (std::size_t i = 0; i < 3; ++i) CHECK(std::abs(found[i]["p"].get<double>() - p[i]) < 1e-6);
  CHECK(found[0]["verdict"] == "holds");
  for (std::size_t i = 1; i < 4; ++i) CHECK(found[i]["verdict"] == "undecided");
  CHECK(found[3]["p"].is_null());
  studies.run(kHeader + "B\t1\tone\tb\t> 0\n");
  CHECK(studies.claims()[0]["verdict"] == "holds");
}

TEST_CASE("reproduce: one number that is significantly not as claimed fails a claim, others decide nothing") {
  const Studies studies;
  studies.add("one", {normal("a.x", 5), normal("b.x", 1), normal("c.x", -5), normal("d.x", -2.170090),
                      number("e.x", "1", "null", "null"), number("f.x", "-1")});
  const auto verdict_of = [&](const std::string& numbers, const std::string& wanted) {
    const Finished run = studies.run(kHeader + "It holds\t1\tone\t" + numbers + "\t" + wanted + "\n");
    const std::string verdict = studies.claims()[0]["verdict"];
    CHECK(run.status == (verdict == "fails" ? 1 : 0));
    return verdict;
  };
  CHECK(verdict_of("a.x", "> 0") == "holds");
  CHECK(verdict_of("a.x", "> 3.5") == "undecided");
  CHECK(verdict_of("b.x", "> 0") == "undecided");
  CHECK(verdict_of("a.x, b.x", "> 0") == "undecided");
  CHECK(verdict_of("c.x", "> 0") == "fails");
  CHECK(verdict_of("c.x", "< 0") == "holds");
  CHECK(verdict_of("a.x, c.x", "> 0") == "fails");
  CHECK(verdict_of("d.x", "> 0") == "fails");           // 3 %
  CHECK(verdict_of("a.x, d.x", "> 0") == "undecided");  // of two numbers: 6 %
  for (const char* without_interval : {"e.x", "f.x", "a.x, f.x"})
    CHECK(verdict_of(without_interval, "> 0") == "undecided");
  CHECK(read_file(studies.folder.file("out/results.md"))
            .find("a 5 [3.04, 6.96], f -1 (not so) | > 0 | undecided, a number has no interval |") !=
        std::string::npos);
}

TEST_CASE("reproduce: without results or number a claim is not measured") {
  const Studies studies;
  studies.add("one", {number("a", "1"), number("broken", "null")});
  const Finished run = studies.run(kHeader +
                                   "No results\t-\ttwo\ta\t> 0\n"
                                   "No number\t-\tone\ta, x.*.y\t> 0\n"
                                   "Not a number\t-\tone\tbroken\t> 0\n");
  CAPTURE(run.err);
  CHECK(run.status == 0);
  const Json claims = studies.claims();
  REQUIRE(claims.size() == 3);
  for (const Json& claim : claims) CHECK(claim["verdict"] == "not measured");
  CHECK(claims[0]["missing"][0] == "no results of two");
  CHECK(claims[0]["numbers"].empty());
  CHECK(claims[0]["made_with"] == "");
  CHECK(claims[1]["missing"][0] == "no number x.*.y");
  CHECK(claims[1]["numbers"][0]["label"] == "a");
  CHECK(claims[1]["made_with"] == "tiny, seed 7");
  CHECK(claims[2]["missing"][0] == "no number for broken");
}

TEST_CASE("reproduce: the page holds the studies' pages and pictures, and numbers in its prose") {
  const Studies studies;
  studies.add("one", {number("a.b", "0.123456")});
  studies.folder.write("in/one/README.md",
                       "# One\n\n![figure](f.svg)\n\n| x | y |\n| --- | ---: |\n| a \\| b | 2 |\n");
  studies.folder.write("in/one/f.svg", "<?xml?><svg></svg>");
  studies.folder.write("prose.md",
                       "It is {one:a.b}, or {one:a.b:2}; {one:c}.\n\n- a [link](there) & `code`\n");
  const auto run = [&] {
    studies.folder.write("claims.tsv", kHeader + "A\t1\tone\ta.b\t> 0\n");
    return run_process({program_beside("reproduce"), "--input", studies.folder.file("in"), "--output",
                        studies.folder.file("out"), "--claims", studies.folder.file("claims.tsv"), "--prose",
                        studies.folder.file("prose.md"), "--readme", studies.folder.file("prose.md")});
  };
  REQUIRE(run().status == 0);
  const std::string page = read_file(studies.folder.file("out/results.md")),
                    html = read_file(studies.folder.file("out/index.html"));
  CHECK(page.find("It is 0.123, or 0.12; not measured.\n") != std::string::npos);
  CHECK(page.find("\n## One\n\n![figure](results/one_f.svg)\n") != std::string::npos);
  CHECK(read_file(studies.folder.file("out/results/one_f.svg")) == "<?xml?><svg></svg>");
  CHECK(html.find("<h2>One</h2>") != std::string::npos);
  CHECK(html.find("<svg></svg>") != std::string::npos);
  CHECK(html.find("<li>a link &amp; <code>code</code></li>") != std::string::npos);
  CHECK(html.find("<th scope=\"row\">a | b</th><td>2</td>") != std::string::npos);
  CHECK(read_file(studies.folder.file("out/readme.md")).find("\n\n1 claims: ") != std::string::npos);
  studies.folder.write("prose.md", "{one}");
  CHECK(run().status == 3);
}

TEST_CASE("reproduce: a control that fails is named, and exit status 1, whatever the claims say") {
  const Studies studies;
  studies.add("one", {normal("a", 5)}, {control("good", true)});
  studies.add("texts/imdb", {number("b", "1")}, {control("bad", false), control("fine", true)});
  const Finished run = studies.run(kHeader + "It holds\t1\tone\ta\t> 0\n");
  CHECK(run.status == 1);
  CHECK(run.out.find(
            "holds 1, fails 0, undecided 0, not measured 0; 2 of 3 controls hold, not texts/imdb: bad\n") !=
        std::string::npos);
}

TEST_CASE("reproduce: numbers of a new run that leave the committed intervals are named") {
  const Studies studies;
  studies.add("one", {normal("a", 3), normal("b", 3), number("c", "5")});
  make_folders(studies.folder.file("committed/one"));
  studies.folder.write(
      "committed/one/results.json",
      concat(R"({"size":"tiny","estimates":{)",
             listed(std::vector{normal("a", 0), normal("b", 1.5), number("c", "4")}), R"(},"checks":[]})"));
  studies.folder.write("claims.tsv", kHeader + "A\t1\tone\ta\t> 0\n");
  const Finished run =
      run_process({program_beside("reproduce"), "--input", studies.folder.file("in"), "--output",
                   studies.folder.file("out"), "--claims", studies.folder.file("claims.tsv"), "--committed",
                   studies.folder.file("committed")});
  CHECK(run.out.starts_with(
      "outside of the committed interval: one: a is 3 [1.04, 4.96], committed 0 [-1.96, 1.96]\n"));
  CHECK(run.out.find("committed interval: one: b") == std::string::npos);
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
