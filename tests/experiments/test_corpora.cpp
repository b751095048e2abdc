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

Finished run_corpora(const std::string& data, const std::string& output) {
  return run_process({program_beside("corpora"), "--data", data, "--output", output});
}

Json json_of(const TemporaryFolder& output) {
  return parse_json(read_file(output.file("corpora.json")), "corpora.json");
}

const Json* find_file(const Json& json, const std::string& file) {
  for (const Json& row : json["files"])
    if (row["file"] == file) return &row;
  return nullptr;
}

std::vector<std::string> lines_of(const std::string& path) {
  LineReader reader(path);
  std::vector<std::string> lines;
  for (std::string line; reader.next(line);) lines.push_back(line);
  return lines;
}

/// Twenty reviews of each label, and one of them twice but for its punctuation.
void write_acl_imdb(const TemporaryFolder& folder, const std::string& split) {
  for (const char* label : {"neg", "pos"}) {
    const std::string part = "aclImdb/" + split + "/" + label;
    make_folders(folder.file(part));
    for (int i = 0; i < 20; ++i)
      folder.write(concat(part, "/", i, "_5.txt"), concat(split, " ", label, "\n", i));
  }
  folder.write("aclImdb/" + split + "/pos/20_5.txt", "TRAIN<br />pos: 3!");
}

}  // namespace

TEST_CASE("corpora: originals are converted into a balanced order without repeated reviews") {
  const TemporaryFolder data("corpora_data"), output("corpora_output");
  write_acl_imdb(data, "train");
  write_acl_imdb(data, "test");
  make_folders(data.file("yelp_review_polarity_csv"));
  data.write("yelp_review_polarity_csv/train.csv",
             "\"1\",\"bad\\nfood\"\n\"2\",\"fine\"\n\"2\",\"so good!\"\n\"1\",\"Bad food?\"\n");
  data.write("ham_part1(50words).csv",
             "Input.label,Input.text,Answer.Q1Answer,Answer.html_output\n"
             "1,so good,yes,<span>so</span> <span class=\"active\">good</span>\n"
             "1,so good,,<span>so</span> <span class=\"active\">good</span>\n"
             "0,bad,no,<span>bad</span>\n"
             "1,so good,yes,<span class=\"active\">so</span> <span>good</span>\n");
  // quotes within bare fields are no CSV
  CHECK(run_corpora(data.path, output.path).status == 3);
  data.write("ham_part1(50words).csv",
             "Input.label,Input.text,Answer.Q1Answer,Answer.html_output\n"
             "1,so good,yes,\"<span>so</span> <span class=\"\"active\"\">good</span>\"\n"
             "1,so good,,\"<span>so</span> <span class=\"\"active\"\">good</span>\"\n"
             "0,bad,no,<span>bad</span>\n"
             "1,so good,yes,\"<span class=\"\"active\"\">so</span> <span>good</span>\"\n");
  const Finished run = run_corpora(data.path, output.path);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);

  const Json json = json_of(output);
  const Json* train = find_file(json, "aclImdb/train");
  REQUIRE(train != nullptr);
  CHECK((*train)["rows"] == 41);
  CHECK((*train)["positive"] == 21);
  CHECK((*train)["dropped"] == 1);
  CHECK((*train)["written"] == "imdb_train.tsv");
  CHECK((*train)["verdict"] == "other row counts");
  const std::vector<std::string> rows = lines_of(output.file("imdb_train.tsv"));
  REQUIRE(rows.size() == 40);
  for (std::size_t i = 0; i < rows.size(); i += 2) CHECK(rows[i][0] != rows[i + 1][0]);
  CHECK(std::set<std::string>(rows.begin(), rows.end()).size() == 40);
  CHECK(std::ranges::count(rows, "0\ttrain neg 7") == 1);
  CHECK(rows[0].substr(2) != "train neg 0");  // shuffled: by chance 1 in 20, but for this seed it is not
  CHECK((*find_file(json, "aclImdb/test"))["dropped"] == 1);  // it is a training review
  // "so good" is in Yelp-HAT, "Bad food?" there before
  CHECK((*find_file(json, "yelp_review_polarity_csv/train.csv"))["dropped"] == 2);
  std::vector<std::string> yelp = lines_of(output.file("yelp_train.tsv"));
  std::ranges::sort(yelp);
  CHECK(yelp == std::vector<std::string>{"0\tbad food", "1\tfine"});
  CHECK(read_file(output.file("yelp_hat.jsonl")) ==
        R"({"id":"50-0000","subset":"50","label":1,"tokens":["so","good"],"answers":["yes","","yes"],)"
        R"("attention":[[0,1],[0,1],[1,0]]})"
        "\n");
  CHECK(read_file(output.file("yelp_hat_extra.jsonl")).starts_with(R"({"id":"50-0001",)"));

  const std::string before = read_file(output.file("imdb_train.tsv"));
  CHECK(run_corpora(data.path, output.path).status == 0);
  CHECK(read_file(output.file("imdb_train.tsv")) == before);
}

TEST_CASE("corpora: a broken file is told of by line, and the others are still read") {
  const TemporaryFolder data("corpora_data"), output("corpora_output");
  data.write("imdb_train.tsv", "1\tgood\n2\tbad\n");
  data.write("imdb_test.tsv", "1\tgood\n0\tbad\n");
  make_folders(data.file("SST-2"));
  data.write("SST-2/dev.tsv", "sentence\tlabel\ngood \t1\n");
  output.write("sst2_dev.tsv.gz", "of an earlier run");
  const Finished run = run_corpora(data.path, output.path);
  CHECK(run.status == 3);
  CHECK(run.err == "error: " + data.file("imdb_train.tsv") + ": line 2: label: found \"2\", wanted 0 or 1\n");
  const Json json = json_of(output);
  CHECK((*find_file(json, "imdb_train.tsv"))["verdict"] == "broken");
  CHECK((*find_file(json, "imdb_test.tsv"))["rows"] == 2);
  CHECK(files_in(output.path) == std::vector<std::string>{"corpora.json", "imdb_test.tsv", "sst2_dev.tsv"});
  CHECK(read_file(output.file("sst2_dev.tsv")) == "sentence\tlabel\ngood \t1\n");
  CHECK(
      std::ranges::none_of(json["missing"], [](const Json& row) { return row["file"] == "imdb_train.tsv"; }));
  CHECK(
      std::ranges::any_of(json["missing"], [](const Json& row) { return row["file"] == "yelp_train.tsv"; }));
  CHECK(run.out.find("yelp_train.tsv") != std::string::npos);
}

TEST_CASE("corpora: without a folder it says what there is to fetch, and it never writes where it reads") {
  const TemporaryFolder data("corpora_data");
  const Finished list = run_process({program_beside("corpora"), "--output", data.file("out")});
  CHECK(list.status == 0);
  CHECK(list.out.find("aclImdb_v1.tar.gz") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(data.file("out")));
  CHECK(run_corpora(data.path, data.path + "/.").status == 2);
  CHECK(run_corpora(data.file("none"), data.file("out")).status == 3);
}

TEST_CASE("corpora: what is known by its checksum is as published") {
  const char* chosen = std::getenv("SLALOM_SHARED");
  const std::string data = std::string(chosen != nullptr ? chosen : "../shared") + "/data";
  if (!std::filesystem::exists(data + "/imdb_train.tsv.gz")) {
    MESSAGE("skipped: no " << data);
    return;
  }
  const TemporaryFolder output("corpora_output");
  REQUIRE(run_corpora(data, output.path).status == 0);
  const Json json = json_of(output);
  CHECK(json["files"].size() == 17);
  CHECK(json["missing"].empty());
  for (const Json& row : json["files"]) {
    CAPTURE(row.dump());
    CHECK(row["verdict"] == "as published");
  }
  CHECK(read_file(output.file("imdb_train.tsv.gz")) == read_file(data + "/imdb_train.tsv.gz"));
}
