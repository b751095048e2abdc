#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "../support/process.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/report/expected.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const std::string kHeader = "claim\tpublished\tresults\tchecks\tshow\n";

// A check of results.json; NaN and infinities are null there.
std::string check(const std::string& name, const std::string& found, const std::string& low,
                  const std::string& high, bool holds) {
  return text(R"({"name":")", name, R"(","found":)", found, R"(,"low":)", low, R"(,"high":)", high,
              R"(,"holds":)", holds ? "true" : "false", "}");
}

// A folder of results, and the claims that are to be judged by them.
struct Studies {
  TemporaryFolder folder{"reproduce"};

  void add_raw(const std::string& study, const std::string& json) const {
    make_folders(folder.file("in/" + study));
    folder.write("in/" + study + "/results.json", json);
  }
  void add(const std::string& study, const std::vector<std::string>& checks,
           const std::string& head = R"("size":"tiny","seed":7)") const {
    add_raw(study, text("{", head, R"(,"checks":[)", listed(checks), "]}"));
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
    CHECK(finished.err == text("error: ", folder.path, "/", message, "\n"));
  }
};

// "a.*.b" as a regular expression.
std::regex expression(const std::string& pattern) {
  std::string out;
  for (const char c : pattern) out += c == '*' ? "[^.]*" : c == '.' ? "\\." : std::string(1, c);
  return std::regex(out);
}

// Names in all expectations of the program that makes these results.
std::set<std::string> expected_names(const std::string& results) {
  std::string study = results.substr(0, results.find('/'));
  if (study == "text_study") study = "text_tables";
  std::set<std::string> names;
  for (const std::string& file : files_in("experiments/" + study))
    if (file.starts_with("expected") && file.ends_with(".tsv"))
      for (const Expectation& e : read_expected(text("experiments/", study, "/", file))) names.insert(e.name);
  return names;
}

}  // namespace

TEST_CASE("reproduce: a claim holds if all its checks do, and then the program is content") {
  const Studies studies;
  studies.add("one", {check("bert.slope", "0.12345", "0", "1", true),
                      check("gpt2.slope", "2", "1", "2", true), check("other", "5", "0", "1", false)});
  const Finished run =
      studies.run(kHeader + "# a comment\n\nSlopes are small (section 4)\t.1\tone\t*.slope\t*.slope\n");
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json claims = studies.claims();
  REQUIRE(claims.size() == 1);
  CHECK(claims[0]["claim"] == "Slopes are small (section 4)");
  CHECK(claims[0]["published"] == ".1");
  CHECK(claims[0]["ours"] == "bert 0.123 (0 to 1), gpt2 2 (1 to 2)");
  CHECK(claims[0]["verdict"] == "holds");
  CHECK(claims[0]["missing"].empty());
  CHECK(claims[0]["size"] == "tiny");
  CHECK(claims[0]["seed"] == 7);
  REQUIRE(claims[0]["checks"].size() == 2);
  CHECK(claims[0]["checks"][0]["found"] == 0.12345);
  const std::string page = read_file(studies.folder.file("out/README.md"));
  CHECK(page.find(text("| Slopes are small (section 4) | .1 | bert 0.123 (0 to 1), gpt2 2 (1 to 2) | holds | "
                       "tiny, seed 7 | ",
                       studies.folder.path, "/in/one/README.md |\n")) != std::string::npos);
  CHECK(run.out.find("1 claims: holds 1, does not hold 0, not measured 0\n") != std::string::npos);
}

TEST_CASE("reproduce: one check that fails is a claim that does not hold, and exit status 1") {
  const Studies studies;
  // A seed of the text study is among what its records say about themselves.
  studies.add("one",
              {check("a.x", "1", "0", "null", true), check("b.x", "-0.0001234567", "0", "null", false)},
              R"("size":"default","about":{"seed":3})");
  const Finished run = studies.run(kHeader + "It holds\t1\tone\t*.x\tx=a.x\n");
  CHECK(run.status == 1);
  const Json claim = studies.claims()[0];
  CHECK(claim["ours"] == "x 1 (≥ 0)");
  CHECK(claim["verdict"] == "does not hold");
  CHECK(claim["size"] == "default");
  CHECK(claim["seed"] == 3);
  const std::string page = read_file(studies.folder.file("out/README.md"));
  CHECK(page.find("| does not hold: b.x is -0.0001234567 (≥ 0) | default, seed 3 |") != std::string::npos);
}

TEST_CASE("reproduce: without results, check, number or a question a claim is not measured") {
  const Studies studies;
  studies.add("one",
              {check("a", "1", "0", "2", true), check("broken", "null", "0", "2", false),
               check("open", "1", "null", "null", true), check("bad", "3", "0", "2", false),
               check("m.claim.k", "0.5", "0", "1", true)},
              R"("size":"tiny","about":null)");
  const Finished run = studies.run(kHeader +
                                   "No results\t-\ttwo\ta\ta\n"
                                   "No check\t-\tone\ta, x.*.y\ta\n"
                                   "No number\t-\tone\tbroken\tbroken\n"
                                   "No question\t-\tone\topen\topen\n"
                                   "Any answer\t-\tone\tm.claim.k\tm.claim.k\n");
  CAPTURE(run.err);
  CHECK(run.status == 0);
  const Json claims = studies.claims();
  REQUIRE(claims.size() == 5);
  for (const Json& claim : claims) CHECK(claim["verdict"] == "not measured");
  CHECK(claims[0]["missing"][0] == text("no ", studies.folder.path, "/in/two/results.json"));
  CHECK(claims[0]["ours"] == "–");
  CHECK(!claims[0].contains("size"));
  CHECK(claims[1]["missing"][0] == "no check x.*.y");
  CHECK(claims[1]["ours"] == "a 1 (0 to 2)");
  CHECK(!claims[1].contains("seed"));
  CHECK(claims[2]["missing"][0] == "no number for broken");
  CHECK(claims[2]["ours"] == "broken – (0 to 2)");
  CHECK(claims[3]["missing"][0] == "every number would do for open");
  CHECK(claims[4]["missing"][0] == "every number would do for m.claim.k");
  CHECK(claims[4]["ours"] == "m.claim.k not settled (any)");

  CHECK(studies.run(kHeader + "A failure beside it\t-\tone\tbad, gone\tbad\n").status == 1);
  const std::string page = read_file(studies.folder.file("out/README.md"));
  CHECK(page.find("| does not hold: bad is 3 (0 to 2); no check gone | tiny |") != std::string::npos);
}

TEST_CASE("reproduce: a star stands for what lies between dots, also for nothing, and labels can name it") {
  const Studies studies;
  studies.add("one", {check("imdb.bert_2.claim.k", "1", "0.5", "1", true),
                      check("imdb.distilbert_2.claim.k", "0.5", "0.5", "1", true),
                      check("imdb.distilbert_2.x.claim.k", "0", "0.5", "1", false),
                      check("words_8.fit.rmse", "1e-17", "null", "1e-6", true),
                      check("words_16.fit.r", "null", "10", "null", true)});
  const Finished run =
      studies.run(kHeader +
                  "Answers\tyes\tone\timdb.*bert_2.claim.k\tahead in *BERT:=imdb.*bert_2.claim.k\n"
                  "Two stars\t0\tone\twords_*.fit.*\twords_*.fit.*\n");
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json claims = studies.claims();
  CHECK(claims[0]["ours"] == "ahead in BERT: yes, ahead in distilBERT: not settled (yes or not settled)");
  CHECK(claims[1]["ours"] == "8 rmse 1e-17 (≤ 1e-06), 16 r inf (≥ 10)");
}

TEST_CASE("reproduce: a claim may ask for something else than its study expects") {
  const Studies studies;
  studies.add("one", {check("a.x", "0.1", "-1", "1", true), check("a.y", "-0.2", "-1", "1", true)});
  const Finished run =
      studies.run(kHeader + "Below\tyes\tone\ta.*<=0\ta.*\nAbove\tyes\tone\ta.x>=0.05\ta.x\n");
  CAPTURE(run.err);
  CHECK(run.status == 1);
  const Json claims = studies.claims();
  CHECK(claims[0]["verdict"] == "does not hold");
  CHECK(claims[1]["verdict"] == "holds");
  studies.refused(kHeader + "A\t1\tone\ta<0\ta\n",
                  "claims.tsv: line 2: checks has \"a<0\", wanted NAME, NAME<=NUMBER or NAME>=NUMBER");
}

TEST_CASE("reproduce: claims in another form are refused with file, line and field") {
  const Studies studies;
  studies.add("one", {check("a", "1", "0", "2", true)});
  studies.refused("", "claims.tsv: no claims, wanted a header and at least one line");
  studies.refused(kHeader, "claims.tsv: no claims, wanted a header and at least one line");
  studies.refused("claim\tnumber\n",
                  "claims.tsv: line 1: header is \"claim⇥number\", wanted claim, published, "
                  "results, checks, show between tabs");
  studies.refused(kHeader + "A\t1\tone\ta\n",
                  "claims.tsv: line 2: 4 fields, wanted 5: claim, published, results, checks, show");
  studies.refused(kHeader + "#\nA\t \tone\ta\ta\n", "claims.tsv: line 3: published is empty");
  studies.refused(kHeader + "A\t1\tone\ta,,b\ta\n",
                  "claims.tsv: line 2: checks is \"a,,b\", wanted names with a comma between them");
  studies.refused(kHeader + "A\t1\tone\ta, a\ta\n", "claims.tsv: line 2: checks has \"a\" twice");
  studies.refused(kHeader + "A\t1\tone\ta, b.*\tx=b.c.d\n",
                  "claims.tsv: line 2: show has \"b.c.d\", wanted one of the checks, a, b.*");
  studies.refused(kHeader + "A\t1\tone\tb.c\tb.*\n",
                  "claims.tsv: line 2: show has \"b.*\", wanted one of the checks, b.c");
}

TEST_CASE("reproduce: broken results are refused with file and field") {
  const Studies studies;
  const std::string claims = kHeader + "A\t1\tone\ta\ta\n", file = "in/one/results.json: ";
  const auto refused = [&](const std::string& json, const std::string& message) {
    studies.add_raw("one", json);
    const Finished run = studies.run(claims);
    CHECK(run.status == 3);
    CAPTURE(run.err);
    CHECK(run.err.starts_with(text("error: ", studies.folder.path, "/", file, message)));
  };
  refused("{", "byte ");
  refused("[]", "");
  refused(R"({"checks":[]})", "field \"size\": ");
  refused(R"({"size":"tiny"})", "field \"checks\": ");
  refused(R"({"size":"tiny","seed":-1,"checks":[]})",
          "field \"seed\": found -1, wanted a whole number from 0");
  studies.add("one", {check("a", "1", "0", "2", true), R"({"name":"b","found":1,"low":0,"high":2})"});
  studies.refused(claims, "in/one/results.json: checks[1]: field \"holds\": missing, wanted true or false");
  studies.add("one", {R"({"name":"a","low":0,"high":2,"holds":true})"});
  studies.refused(claims, "in/one/results.json: checks[0]: field \"found\": missing, wanted a number");
  studies.add("one", {check("a", "3", "0", "2", true)});
  studies.refused(
      claims,
      "in/one/results.json: checks[0]: field \"holds\": found true for 3, which is to be from 0 to 2");
  studies.add("one", {check("a", "null", "0", "2", true)});
  studies.refused(
      claims,
      "in/one/results.json: checks[0]: field \"holds\": found true for nan, which is to be from 0 to 2");

  const Finished missing = run_process({program_beside("reproduce"), "--input", studies.folder.file("none")});
  CHECK(missing.status == 3);
  CHECK(missing.err.find("none: found no such folder") != std::string::npos);
}

TEST_CASE(
    "reproduce: the project's claims can be read, and each check that they name is expected somewhere") {
  const TemporaryFolder folder("reproduce_none");
  make_folders(folder.file("in"));
  const Finished run = run_process(
      {program_beside("reproduce"), "--input", folder.file("in"), "--output", folder.file("out")});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json json = parse_json(read_file(folder.file("out/results.json")), "results.json");
  CHECK(json["holds"] == 0);
  CHECK(json["not_measured"] == json["claims"].size());

  LineReader lines("experiments/reproduce/claims.tsv");
  std::size_t claims = 0;
  std::set<std::string> sentences;
  std::string line;
  lines.next(line);
  while (lines.next(line)) {
    if (line.empty() || line[0] == '#') continue;
    ++claims;
    const std::vector<std::string> fields = split(line, '\t');
    CAPTURE(fields[0]);
    CHECK(sentences.insert(fields[0]).second);
    const std::set<std::string> names = expected_names(fields[2]);
    static const std::regex separator(", *");
    for (std::sregex_token_iterator it(fields[3].begin(), fields[3].end(), separator, -1), end; it != end;
         ++it) {
      const std::string pattern = it->str().substr(0, it->str().find_first_of("<>"));
      const std::regex wanted = expression(pattern);
      const bool expected =
          std::ranges::any_of(names, [&](const std::string& name) { return std::regex_match(name, wanted); });
      CHECK_MESSAGE(expected, pattern, " is in no expected*.tsv of ", fields[2]);
    }
  }
  CHECK(claims == json["claims"].size());
}
