#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "../support/compare.hpp"
#include "../support/reported_example.hpp"
#include "../support/temporary_folder.hpp"
#include "tiny.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const double kNone = std::nan("");

Json numbers(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double x : values) out.push_back(std::isnan(x) ? Json() : Json(x));
  return out;
}

std::vector<std::string> eight_tokens() {
  return {"a", "fine", "##ly", "made", "film", "with", "no", "plot"};
}

// One explanation of a text of n tokens. `quality` is its correlation with naive Bayes, `error` its error at
// 5 removed tokens; k removed tokens have k / 5 of it.
Json method(const std::string& name, const std::string& settings, double quality, double error,
            std::size_t n = 8) {
  const bool slalom = name.starts_with("slalom");
  Json record = {{"method", name}, {"settings", settings}, {"scores", Json::object()}};
  std::vector<double> scores;
  for (std::size_t i = 0; i < n; ++i) scores.push_back(static_cast<double>(i) - 2.5);
  for (const char* kind : {"value", "importance", "linear", "weight"}) {
    if (slalom == (kind == std::string("weight"))) continue;
    record["scores"][kind] = numbers(scores);
    record["metrics"][kind] = {
        {"naive-bayes", numbers({quality})[0]}, {"insertion", 0.5}, {"deletion", 0.25}};
    record["metrics"][kind]["published-naive-bayes"] = numbers({quality / 2})[0];
  }
  std::vector<double> errors;
  for (int k = 1; k <= 10; ++k) errors.push_back(error * k / 5);
  record["removal"] = record["removal_scaled"] = numbers(errors);
  record["single_removal"] = 0.5;
  record["cost"] = {{"queries", 100}, {"unique_queries", 90}, {"token_forwards", 2000}};
  record["seconds"] = 0.25;
  record["warnings"] = Json::array();
  return record;
}

Json record(const std::string& corpus, Index number, const std::vector<Json>& methods) {
  return {{"corpus", corpus},         {"corpus_title", corpus + " title"},
          {"model", "distilbert_2"},  {"model_title", "DistilBERT, 2 layers"},
          {"text", number},           {"label", 1},
          {"log_odds", 2.5},          {"predicted", 1},
          {"tokens", eight_tokens()}, {"references", Json::object()},
          {"methods", methods}};
}

std::string lines(const std::vector<Json>& records) {
  std::string out;
  for (const Json& r : records) out += r.dump() + "\n";
  return out;
}

// Four texts: slalom-fidel has .1 .2 .3 .4, LIME 0 .2 .1 .5.
std::vector<Json> four_texts(const std::string& corpus = "imdb") {
  const std::vector<double> fidel = {0.1, 0.2, 0.3, 0.4}, lime = {0, 0.2, 0.1, 0.5};
  std::vector<Json> records;
  for (std::size_t i = 0; i < 4; ++i) {
    const double part = static_cast<double>(i);
    records.push_back(
        record(corpus, static_cast<Index>(i),
               {method("slalom-fidel", "corrected", fidel[i], 0.1 + 0.01 * part),
                method("slalom-fidel", "published", fidel[i] - 0.1, 0.9),
                method("slalom-eff", "corrected", 0.8 + 0.01 * part, 0.2 + 0.02 * part),
                method("slalom-eff", "published", 0.7, 0.3), method("lime", "corrected", lime[i], 0.4),
                method("lime", "published", lime[i], 2), method("kernel-shap", "corrected", 0.05, 0.5),
                method("zero", "corrected", kNone, 0.3),
                method("attn-lrp", "corrected", i == 3 ? kNone : 0.3, 0.7)}));
  }
  return records;
}

std::string timed(const std::string& name, double seconds) {
  return Json({{"model", "distilbert_2"},
               {"model_title", "DistilBERT, 2 layers"},
               {"tokens", 100},
               {"method", name},
               {"settings", "corrected"},
               {"samples", 500},
               {"seconds", seconds},
               {"cost", {{"queries", 500}, {"unique_queries", 400}, {"token_forwards", 47000}}}})
             .dump() +
         "\n";
}

// The 95 % interval of the mean of resampled values, of all n^n resamples.
std::pair<double, double> exact_bootstrap(const std::vector<double>& values) {
  std::vector<double> means = {0};
  for (std::size_t draw = 0; draw < values.size(); ++draw) {
    std::vector<double> longer;
    for (const double sum : means)
      for (const double v : values) longer.push_back(sum + v / static_cast<double>(values.size()));
    means = std::move(longer);
  }
  std::ranges::sort(means);
  return {means[means.size() / 40], means[means.size() - 1 - means.size() / 40]};
}

// A study's folder and a run of the program over it.
struct Tables {
  TemporaryFolder folder{"text_tables"};

  Tables() {
    make_folders(folder.file("records"));
    folder.write("expected.tsv",
                 "name\tlow\thigh\tsource\nimdb.distilbert_2.lime.removal_5\t0.3\t0.5\ttest\n");
  }
  void write(const std::string& name, const std::string& bytes) const {
    folder.write("records/" + name, bytes);
  }
  Finished run(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> command = {
        program_beside("text_tables"), "--input", folder.path, "--threads", "1", "--expected",
        folder.file("expected.tsv")};
    command.insert(command.end(), more.begin(), more.end());
    return run_process(command);
  }
  std::string file(const char* name) const { return read_file(folder.file(name)); }
  Json results() const { return parse_json(file("results.json"), "results.json"); }
};

Json find_number(const Json& results, const std::string& corpus, const std::string& name,
                 const std::string& settings, const std::string& metric, const std::string& scores = "") {
  for (const Json& n : results["numbers"])
    if (n["corpus"] == corpus && n["method"] == name && n["settings"] == settings && n["metric"] == metric &&
        n.value("scores", "") == scores)
      return n;
  FAIL("no number ", corpus, " ", name, " ", metric);
  return {};
}

}  // namespace

TEST_CASE("text tables: means, standard errors and paired differences are those of the records") {
  const Tables tables;
  tables.write("imdb_distilbert_2.jsonl", lines(four_texts()));
  const Finished run = tables.run();
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json results = tables.results();

  // Mean of .1 .2 .3 .4: .25; squares of deviations sum to .05, standard error √(.05 / 3 / 4).
  const Json fidel = find_number(results, "imdb", "slalom-fidel", "corrected", "naive-bayes", "linear");
  CHECK(fidel["n"] == 4);
  CHECK(relative_error(fidel["mean"].get<double>(), 0.25) < 1e-12);
  CHECK(relative_error(fidel["standard_error"].get<double>(), std::sqrt(0.05 / 12)) < 1e-12);
  CHECK(!fidel.contains("difference"));

  // LIME minus that: −.1 0 −.2 .1, mean −.05. The ends of the bootstrap are steps of .025.
  const Json lime = find_number(results, "imdb", "lime", "corrected", "naive-bayes", "weight");
  CHECK(relative_error(lime["difference"].get<double>(), -0.05) < 1e-12);
  const auto [low, high] = exact_bootstrap({-0.1, 0, -0.2, 0.1});
  CHECK(std::abs(lime["low"].get<double>() - low) < 0.0251);
  CHECK(std::abs(lime["high"].get<double>() - high) < 0.0251);
  CHECK(lime["verdict"] == "undecided");

  // One undefined number leaves three pairs: .2 .1 0, mean .1; all three are .2 in 1 resample of 27.
  const Json lrp = find_number(results, "imdb", "attn-lrp", "corrected", "naive-bayes", "weight");
  CHECK(lrp["n"] == 3);
  CHECK(lrp["pairs"] == 3);
  CHECK(relative_error(lrp["difference"].get<double>(), 0.1) < 1e-12);
  CHECK(relative_error(lrp["high"].get<double>(), 0.2) < 1e-12);

  // Lower errors are better: LIME has .4 where slalom-fidel has .10 to .13.
  const Json error = find_number(results, "imdb", "lime", "corrected", "removal_5");
  CHECK(relative_error(error["difference"].get<double>(), 0.285) < 1e-12);
  CHECK(error["verdict"] == "worse");
  CHECK(find_number(results, "imdb", "lime", "published", "removal_10")["mean"].get<double>() == 4);
}

TEST_CASE(
    "text tables: the best of a column is marked, and the paper's numbers stand beside its data, metric and "
    "settings only") {
  const Tables tables;
  tables.write("imdb_distilbert_2.jsonl", lines(four_texts()));
  tables.write("generated_distilbert_2.jsonl", lines(four_texts("generated")));
  const Finished run = tables.run({"--item", "nb"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(run.out.find("*0.815 ± 0.006") != std::string::npos);
  const std::string readme = tables.file("README.md");
  CHECK(readme.find("**0.815 ± 0.006**") != std::string::npos);
  CHECK(occurrences(readme, "[paper]") == 1);
  // SLALOM-eff and LIME (printed under the head of SHAP); LRP has no published settings here.
  CHECK(occurrences(readme, "| 0.693 |") == 1);
  CHECK(occurrences(readme, "| 0.619 |") == 1);
  CHECK(occurrences(readme, "| 0.706 |") == 0);
  CHECK(readme.find("| 0.693 |") < readme.find("\n\nSpearman correlation with naive-Bayes scores; higher"));
  // What is printed is the chosen item; the page has everything.
  CHECK(run.out.find("Faithfulness") == std::string::npos);
  CHECK(run.out.find("Cost of an explanation") != std::string::npos);
  CHECK(tables.file("index.html").find("Faithfulness: insertion") != std::string::npos);
  for (const char* file : {"fig_removal.svg", "plane_1_corrected.svg", "plane_1_published.svg"})
    CHECK(!tables.file(file).empty());
}

TEST_CASE("text tables: the lengths of marked reviews stand side by side and are pooled") {
  const Tables tables;
  const auto marked = [](const std::string& corpus, const std::vector<double>& roc) {
    std::vector<Json> records;
    for (std::size_t i = 0; i < roc.size(); ++i) {
      Json m = method("slalom-fidel", "corrected", 0.5, 0.1);
      m["metrics"]["linear"]["human"] = numbers({roc[i]})[0];
      records.push_back(record(corpus, static_cast<Index>(i), {m}));
    }
    return lines(records);
  };
  tables.write("hat50_distilbert_2.jsonl", marked("hat50", {0.6, 0.8}));
  tables.write("hat100_distilbert_2.jsonl", marked("hat100", {0.9, kNone}));
  const Finished run = tables.run({"--item", "human"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json results = tables.results();
  const Json all = find_number(results, "hat", "slalom-fidel", "corrected", "human", "linear");
  CHECK(all["n"] == 3);
  CHECK(relative_error(all["mean"].get<double>(), 2.3 / 3) < 1e-12);
  CHECK(find_number(results, "hat100", "slalom-fidel", "corrected", "human", "linear")["mean"] == 0.9);
  const std::size_t header = run.out.find("50 words");
  REQUIRE(header != std::string::npos);
  CHECK(run.out.find("100 words", header) < run.out.find("all", header));
  CHECK(run.out.find("0.700 ± 0.100") != std::string::npos);
}

TEST_CASE(
    "text tables: estimates set methods against each other, on the same texts and in the same settings") {
  const Tables tables;
  tables.write("imdb_distilbert_2.jsonl", lines(four_texts()));
  tables.write("runtime_distilbert_2.jsonl", timed("slalom-eff", 0.6) + timed("slalom-eff", 0.1) +
                                                 timed("slalom-eff", 0.2) + timed("lime", 0.7) +
                                                 timed("lime", 0.3) + timed("lime", 0.4));
  const Finished run = tables.run();
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json results = tables.results(), estimates = results["estimates"];
  const auto is = [&](const std::string& name, double value, double half) {
    CAPTURE(name);
    REQUIRE(estimates.contains(name));
    CHECK(std::abs(estimates[name][0].get<double>() - value) < 1e-12);
    CHECK(std::abs(estimates[name][1].get<double>() - (value - half)) < 0.0251);
    CHECK(std::abs(estimates[name][2].get<double>() - (value + half)) < 0.0251);
  };
  // slalom-fidel has .1 .2 .3 .4, LIME 0 .2 .1 .5; in published settings each slalom-fidel is .1 lower. Both
  // differences scatter alike.
  const auto [low, high] = exact_bootstrap({-0.1, 0, -0.2, 0.1});
  const double half = (high - low) / 2;
  is("imdb.distilbert_2.naive-bayes.corrected.slalom-fidel.minus.lime", 0.05, half);
  is("imdb.distilbert_2.naive-bayes.published.slalom-fidel.minus.lime", -0.05, half);
  is("imdb.distilbert_2.naive-bayes.slalom-fidel.minus-published", 0.1, 0);
  is("imdb.distilbert_2.removal_5.lime.minus-published", 0.4 - 2, 0);
  // What has no published settings has one setting for both.
  is("imdb.distilbert_2.removal_5.published.lime.minus.attn-lrp", 2 - 0.7, 0);
  is("imdb.distilbert_2.removal_10.corrected.lime.minus-baseline.zero", 2 * (0.4 - 0.3), 0);
  CHECK(!estimates.contains("imdb.distilbert_2.removal_5.corrected.zero.minus.lime"));
  is("imdb.distilbert_2.lime-published.removal_5", 2, 0);
  // −.1 −.2 −.2: the standard error is 1 / 30, Student's t 4.30265.
  is("runtime.distilbert_2.corrected.slalom-eff.minus.lime.500", -0.5 / 3, 4.30265 / 30);
  CHECK(results["runtime"][0]["median_seconds"] == 0.2);
  CHECK(results["runtime"][0]["least_seconds"] == 0.1);
  CHECK(results["runtime"][0]["repeats"] == 3);
}

TEST_CASE("text tables: correlation with true log-odds compares the scores themselves") {
  const Tables tables;
  Json r = record("imdb_bow", 0, {method("slalom-fidel", "corrected", 0.5, 0.1)});
  // The scores are i − 2.5, the truth is 2 i + 1 where it is known.
  r["references"]["true-log-odds"] = numbers({1, 3, 5, kNone, 9, 11, 13, 15});
  r["methods"][0]["metrics"]["linear"]["true-log-odds"] = 0.75;
  tables.write("imdb_bow_distilbert_2.jsonl", lines({r}));
  REQUIRE(tables.run().status == 0);
  const Json results = tables.results();
  const auto mean = [&](const char* metric) {
    return find_number(results, "imdb_bow", "slalom-fidel", "corrected", metric, "linear")["mean"]
        .get<double>();
  };
  CHECK(relative_error(mean("true-log-odds-pearson"), 1) < 1e-12);
  CHECK(mean("true-log-odds") == 0.75);
}

TEST_CASE("text tables: the page needs nothing but itself, and hostile tokens are inert on it") {
  const Tables tables;
  std::vector<Json> records = four_texts();
  for (Json& r : records)
    r["tokens"] = {"<script>alert(1)</script>",
                   "</style>",
                   "\"'&amp;",
                   "\xE2\x80\xAE",
                   "<img src=x>",
                   "|",
                   "**b**",
                   "\x1b[2J"};
  records[0]["methods"][0]["warnings"] = {"<b onclick=x>"};
  tables.write("imdb_distilbert_2.jsonl", lines(records));
  REQUIRE(tables.run().status == 0);
  const std::string page = tables.file("index.html");
  CHECK(occurrences(page, "<script") == 1);
  CHECK(occurrences(page, "<img class=\"plot\"") == occurrences(page, "<img"));
  CHECK(occurrences(page, "<b onclick") == 0);
  CHECK(occurrences(page, "\x1b") + occurrences(page, "\xE2\x80\xAE") == 0);
  for (const char* resource : {"http:", "https:", "url(", "@import", "<link", "<iframe", "javascript:"})
    CHECK(occurrences(page, resource) == 0);
  CHECK(occurrences(page, "default-src 'none'") == 1);
  for (const std::string tag :
       {"section", "table", "div", "figure", "details", "svg", "p", "h2", "h3", "span"})
    CHECK(occurrences(page, "<" + tag + " ") + occurrences(page, "<" + tag + ">") ==
          occurrences(page, "</" + tag + ">"));
  REQUIRE(tables.run().status == 0);
  CHECK(tables.file("index.html") == page);
}

TEST_CASE("text tables: expectations about data that is there must hold, others are left out") {
  const Tables tables;
  tables.write("imdb_distilbert_2.jsonl", lines(four_texts()));
  const auto status_with = [&](const std::string& row) {
    tables.folder.write("expected.tsv", "name\tlow\thigh\tsource\n" + row + "\ttest\n");
    return tables.run().status;
  };
  CHECK(status_with("imdb.distilbert_2.lime.removal_5\t.5\t.6") == 1);
  CHECK(status_with("imdb.distilbert_2.lyme.removal_5\t0\t1") == 1);
  CHECK(
      status_with("imdb.gpt2_2.lime.removal_5\t5\t6\ttest\nimdb.distilbert_2.lime.human.weight\t5\t6\ttest\n"
                  "imdb.distilbert_2.lime.removal_10\t.7\t.9") == 0);
  CHECK(tables.results()["checks"].size() == 1);
}

TEST_CASE("text tables: without records the error names the target that makes them") {
  const Tables tables;
  const Finished none = tables.run();
  CHECK(none.status == 3);
  CHECK(none.err.find("found no records") != std::string::npos);
  CHECK(none.err.find("make table-nb") != std::string::npos);
  tables.write("imdb_distilbert_2.jsonl", lines(four_texts()));
  for (const auto& [item, target] : {std::pair{"human", "make table-human"},
                                     {"runtime", "make table-runtime"},
                                     {"truth", "make table-truth"}}) {
    const Finished run = tables.run({"--item", item});
    CHECK(run.status == 3);
    CHECK(run.err.find(target) != std::string::npos);
  }
  CHECK(tables.run({"--item", "figures"}).status == 2);
  tables.write("about.json", R"({"size": "paper"})");
  CHECK(tables.run({"--size", "tiny"}).status == 2);
}

TEST_CASE("text tables: errors over removed shares are those of the records, against ridge of the same fit") {
  const Tables tables;
  const auto text = [](int number, double slalom) {
    return Json({{"corpus_title", "IMDB"},
                 {"model_title", "DistilBERT"},
                 {"text", number},
                 {"tokens", 100},
                 {"levels", {"1", "5", "50 %", "any"}},
                 {"errors",
                  {{{"fit", "all"}, {"surrogate", "ridge"}, {"mse", {1, 3, 8, 8}}},
                   {{"fit", "small"}, {"surrogate", "ridge"}, {"mse", {1, 3, 4, 4}}},
                   {{"fit", "small"}, {"surrogate", "slalom"}, {"mse", {slalom, slalom, 2, 8}}},
                   {{"fit", "all"}, {"surrogate", "zero"}, {"mse", {2, 4, 8, 8}}},
                   {{"fit", "small"}, {"surrogate", "zero"}, {"mse", {2, 4, 8, 8}}}}}});
  };
  tables.write("shares_imdb.jsonl", lines({text(0, 0.5), text(1, 0.5), text(2, 2)}));
  const Finished run = tables.run({"--item", "shares"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const std::string page = tables.file("README.md");
  for (const char* row :
       {"| up to 10 tokens | slalom | 1 (0.5) | 1 (0.5) | 2 (2) | 8 (8) |",
        "| up to 10 tokens | slalom | 0.5 [0.25, 1] | 0.33 [0.17, 0.67] | 0.5 [0.5, 0.5] | 2 [2, 2] |",
        "| up to 10 tokens | slalom | −1 [−1.5, 0] | −2 [−2.5, −1] | −2 [−2, −2] | 4 [4, 4] |",
        "| up to 10 tokens | slalom | 0.83 (0.33) | 0.88 (0.5) | 0.75 (0.75) | 0 (0) |",
        "| any number | ridge | 2 (2) | 3 (3) | 8 (8) | 8 (8) |"})
    CHECK(page.find(row) != std::string::npos);
  CHECK(!tables.file("fig_shares.svg").empty());

  Json other = text(1, 1);
  other["errors"][2]["mse"].erase(0);
  tables.write("shares_imdb.jsonl", lines({text(0, 1), other}));
  CHECK(tables.run().err.find("shares_imdb.jsonl: line 2: errors of slalom") != std::string::npos);
  tables.write("shares_imdb.jsonl", lines({text(0, 1), text(0, 1)}));
  CHECK(tables.run().err.find("line 2: text 0 is there twice") != std::string::npos);
}

TEST_CASE("text tables: models of other seeds are one set, and intervals are over models, then texts") {
  const Tables tables;
  std::vector<Json> first, second;
  for (Index text = 0; text < 4; ++text) {
    first.push_back(
        record("imdb", text, {method("slalom-fidel", "corrected", 0, 1), method("lime", "corrected", 0, 1)}));
    second.push_back(
        record("imdb", text, {method("slalom-fidel", "corrected", 0, 1), method("lime", "corrected", 1, 1)}));
    second.back()["model_seed"] = 1;
  }
  tables.write("imdb_distilbert_2.jsonl", lines(first));
  tables.write("imdb_distilbert_2_seed1.jsonl", lines(second));
  const Finished run = tables.run();
  CAPTURE(run.err);
  // Nothing varies among the texts of a model. Both models drawn are the first in a quarter of the resamples.
  const Json lime = find_number(tables.results(), "imdb", "lime", "corrected", "naive-bayes", "weight");
  CHECK(lime["pairs"] == 8);
  CHECK(lime["difference"] == 0.5);
  CHECK(lime["low"] == 0);
  CHECK(lime["high"] == 1);
  CHECK(tables.file("README.md").find("8 texts of 2 models.") != std::string::npos);
  second[1]["text"] = 0;
  tables.write("imdb_distilbert_2_seed1.jsonl", lines(second));
  CHECK(tables.run().err.find("_seed1.jsonl: line 2: text 0 is there twice") != std::string::npos);
}

TEST_CASE("text tables: broken records are refused with file, line and what is wrong") {
  const Tables tables;
  const auto error_of = [&](const std::string& bytes) {
    tables.write("imdb_distilbert_2.jsonl", bytes);
    const Finished run = tables.run();
    CHECK(run.status == 3);
    CHECK(run.err.find("imdb_distilbert_2.jsonl: line ") != std::string::npos);
    return run.err;
  };
  const auto contains = [](const std::string& s, const char* part) {
    return s.find(part) != std::string::npos;
  };
  const std::vector<Json> good = four_texts();
  CHECK(contains(error_of(lines(good) + good[0].dump().substr(0, 200)), "line 5"));
  CHECK(contains(error_of(lines({good[0], good[0]})), "text 0 is there twice"));

  Json bad = good[1];
  bad["methods"][0]["scores"]["linear"].erase(0);
  CHECK(contains(error_of(lines({good[0], bad})), "line 2: slalom-fidel: scores \"linear\" has 7 numbers"));
  bad = good[1];
  bad["methods"][1]["settings"] = "older";
  CHECK(contains(error_of(lines({bad})), "found \"older\", wanted \"corrected\" or \"published\""));
  bad = good[1];
  bad["methods"][1] = bad["methods"][0];
  CHECK(contains(error_of(lines({bad})), "slalom-fidel is there twice"));
  bad = good[1];
  bad["methods"][0]["metrics"]["linear"]["naive-bayes"] = "high";
  CHECK(contains(error_of(lines({bad})), "metric \"naive-bayes\" is \"high\", wanted a number or null"));
  bad = good[1];
  bad.erase("tokens");
  CHECK(contains(error_of(lines({bad})), "\"tokens\""));
}
