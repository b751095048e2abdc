#include "slalom/data/human_attention.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "../support/error_of.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"

using namespace slalom;
using test::TemporaryFolder;

namespace {

using Marks = std::vector<std::uint8_t>;
using Words = std::vector<std::string>;

constexpr const char* kHeader = "Input.label,Input.text,Answer.Q1Answer,Answer.html_output\n";

std::string data_folder() {
  const char* chosen = std::getenv("SLALOM_SHARED");
  return std::string(chosen != nullptr ? chosen : "../shared") + "/data/";
}

}  // namespace

TEST_CASE("human attention: consensus is the and of the marks, agreement their sum") {
  const AttendedReview review{.words = {"a", "b", "c", "d"},
                              .marks = {{1, 1, 0, 0}, {1, 0, 1, 0}, {1, 1, 0, 0}}};
  CHECK(agreement(review) == std::vector<int>{3, 2, 1, 0});
  CHECK(consensus(review) == Marks{1, 0, 0, 0});
  const AttendedReview one{.words = {"a", "b"}, .marks = {{0, 1}}};
  CHECK(consensus(one) == Marks{0, 1});
  CHECK(numbered_id("50", 18) == "50-0018");
  CHECK(numbered_id("part7", 12345) == "part7-12345");
}

TEST_CASE("human attention: JSON lines and TSV say the same") {
  const TemporaryFolder folder("attention");
  folder.write("a.jsonl", R"({"id":"50-0001","subset":"50","label":1,"tokens":["so","good!"],)"
                          R"("answers":["yes","","idk"],"attention":[[0,1],[1,1],[0,0]]})"
                          "\n");
  folder.write("a.tsv", "50-0001\t50\t1\tso good!\t01\t11\t00\tyes,-,idk\n");
  for (const char* name : {"a.jsonl", "a.tsv"}) {
    const std::vector<AttendedReview> all = read_human_attention(folder.file(name));
    REQUIRE(all.size() == 1);
    CHECK(all[0].id == "50-0001");
    CHECK(all[0].subset == "50");
    CHECK(all[0].label == 1);
    CHECK(all[0].words == Words{"so", "good!"});
    CHECK(all[0].answers == Words{"yes", "", "idk"});
    CHECK(all[0].marks == std::vector<Marks>{{0, 1}, {1, 1}, {0, 0}});
    CHECK(agreement(all[0]) == std::vector<int>{1, 2});
  }
}

TEST_CASE("human attention: reviews that do not hold together are refused by line") {
  const TemporaryFolder folder("attention");
  const auto message = [&](const char* name, const std::string& bytes) {
    folder.write(name, bytes);
    const std::string error = test::error_of([&] { read_human_attention(folder.file(name)); });
    CHECK(error.starts_with(folder.file(name) + ": "));
    return error.substr(folder.file(name).size() + 2);
  };
  const auto json = [&](const std::string& label, const std::string& tokens, const std::string& answers,
                        const std::string& attention) {
    return message("a.jsonl", R"({"id":"x","subset":"50","label":)" + label + R"(,"tokens":)" + tokens +
                                  R"(,"answers":)" + answers + R"(,"attention":)" + attention + "}\n");
  };
  CHECK(json("2", R"(["a"])", R"(["yes"])", "[[0]]").starts_with("line 1: field \"label\": found 2"));
  CHECK(json("1", "[]", R"(["yes"])", "[[]]") == "line 1: found no words, wanted one or more");
  CHECK(json("1", "[1]", R"(["yes"])", "[[0]]") == "line 1: field \"tokens\": found 1, wanted strings");
  CHECK(json("1", R"(["a b"])", R"(["yes"])", "[[0]]") ==
        "line 1: found the word \"a b\", wanted one without white space");
  CHECK(json("1", R"([""])", R"(["yes"])", "[[0]]") ==
        "line 1: found the word \"\", wanted one without white space");
  CHECK(json("1", R"(["a"])", "[]", "[]") == "line 1: found no annotators, wanted one or more");
  CHECK(json("1", R"(["a"])", R"(["yes"])", "[0]") == "line 1: field \"attention\": found 0, wanted arrays");
  CHECK(json("1", R"(["a"])", R"(["yes"])", "[[2]]") ==
        "line 1: field \"attention\": found 2, wanted 0 or 1");
  CHECK(json("1", R"(["a"])", R"(["yes"])", "[[0,1]]") ==
        "line 1: found 2 marks of an annotator, wanted one for each of 1 words");
  CHECK(json("1", R"(["a"])", R"(["yes","no"])", "[[0]]") ==
        "line 1: found 2 answers, wanted one for each of 1 annotators");
  CHECK(json("1", R"(["a"])", R"(["maybe"])", "[[0]]") ==
        "line 1: found the answer \"maybe\", wanted yes, no, idk or nothing");
  CHECK(message("a.jsonl", "") == "found no review, wanted one or more");
  CHECK(message("a.tsv", "x\t50\t1\ta\t0\t0\tyes,no\n") ==
        "line 1: found 7 fields, wanted 8: id, subset, label, words, three of marks, answers");
  CHECK(message("a.tsv", "x\t50\t7\ta\t0\t0\t0\tyes,no,-\n") == "line 1: label: found \"7\", wanted 0 or 1");
  CHECK(message("a.tsv", "x\t50\t1\ta\t0\t2\t0\tyes,no,-\n") ==
        "line 1: marks: found \"2\", wanted digits 0 and 1");
  CHECK(message("a.tsv", "x\t50\t1\t\xFF\t0\t0\t0\tyes,no,-\n") ==
        "line 1: words: byte 1: found 0xFF, wanted UTF-8");
}

TEST_CASE("human attention: rows of one text and label of a published file are one review") {
  const TemporaryFolder folder("attention");
  folder.write(
      "ham.csv",
      std::string(kHeader) +
          "1,\"A & B <3,\n\nfine\xC3\xA9\",yes,\"<span>A</span> <span class=\"\"active\"\">&amp;</span> "
          "<span>B</span> <span class=\"\"\"\">&lt;3,</span> <span class=\"\"active\"\">fine&#233;</span> "
          "<span></span>\"\n"
          "0,bad,,<span>bad</span>\n"
          "1,\"A & B <3,\n\nfine\xC3\xA9\",idk,\"<span>A</span> <span>&</span> <span>B</span>"
          "<span>&#x3c;3,</span><span class=\"\"active\"\">fine\xC3\xA9</span> <span></span>\"\n"
          "0,\"A & B <3,\n\nfine\xC3\xA9\",no,\"<span>A</span> <span>&amp;</span> <span>B</span> "
          "<span>&lt;3,</span> <span>fine\xC3\xA9</span>\"\n");
  const std::vector<AttendedReview> all = read_human_attention_csv(folder.file("ham.csv"), "50");
  REQUIRE(all.size() == 3);
  CHECK(all[0].id == "50-0000");
  CHECK(all[0].subset == "50");
  CHECK(all[0].label == 1);
  CHECK(all[0].words == Words{"A", "&", "B", "<3,", "fine\xC3\xA9"});
  CHECK(all[0].answers == Words{"yes", "idk"});
  CHECK(all[0].marks == std::vector<Marks>{{0, 1, 0, 0, 1}, {0, 0, 0, 0, 1}});
  CHECK(consensus(all[0]) == Marks{0, 0, 0, 0, 1});
  CHECK(all[1].id == "50-0001");
  CHECK(all[1].answers == Words{""});
  CHECK(all[2].label == 0);
}

TEST_CASE("human attention: published rows of another form are refused by line") {
  const TemporaryFolder folder("attention");
  const std::string path = folder.file("ham.csv");
  const auto message = [&](const std::string& rows, const std::string& header = kHeader) {
    folder.write("ham.csv", header + rows);
    const std::string error = test::error_of([&] { read_human_attention_csv(path, "50"); });
    CHECK(error.starts_with(path + ": "));
    return error.substr(path.size() + 2);
  };
  const std::string html = "line 2: Answer.html_output: found ",
                    spans = ", wanted <span>word</span> or <span class=\"active\">word</span>";
  CHECK(message("", "text,label\n")
            .starts_with("line 1: found \"text, label\", wanted the header Input.label, "));
  CHECK(message("") == "found no review, wanted one or more");
  CHECK(message("1,a,yes\n") == "line 2: found 3 fields, wanted 4");
  CHECK(message("2,a,yes,<span>a</span>\n") == "line 2: label: found \"2\", wanted 0 or 1");
  CHECK(message("1,a,no idea,<span>a</span>\n") ==
        "line 2: found the answer \"no idea\", wanted yes, no, idk or nothing");
  CHECK(message("1,a,yes,<b>a</b>\n") == html + "\"<b>a</b>\"" + spans);
  CHECK(message("1,a,yes,<span>a<i></span>\n") == html + "\"a<i></span>\"" + spans);
  CHECK(message("1,a,yes,<span>a\n") == html + "\"a\"" + spans);
  CHECK(message("1,a,yes,<span>a</span>b\n") == html + "\"b\"" + spans);
  CHECK(message("1,a,yes,<span>b</span>\n") ==
        "line 2: Answer.html_output: found the word \"b\", wanted that of Input.text, \"a\"");
  CHECK(message("1,a,yes,<span>a</span><span>b</span>\n") ==
        "line 2: found 2 marks of an annotator, wanted one for each of 1 words");
  CHECK(message("1,a,yes,<span>&amp;lt;</span>\n").find("\"&lt;\"") != std::string::npos);  // undone once
  CHECK(message("1,\xFF,yes,<span>a</span>\n") == "line 2: byte 1: found 0xFF, wanted UTF-8");
}

TEST_CASE("human attention: 918 reviews are there with three annotators each, in both forms") {
  const std::string data = data_folder();
  if (!std::filesystem::exists(data + "yelp_hat.jsonl.gz")) {
    MESSAGE("skipped: no " << data << "yelp_hat.jsonl.gz");
    return;
  }
  const auto json = read_human_attention(data + "yelp_hat.jsonl.gz"),
             tsv = read_human_attention(data + "yelp_hat.tsv.gz");
  REQUIRE(json.size() == 918);
  REQUIRE(tsv.size() == 918);
  std::map<std::string, std::array<int, 2>> labels;
  int unequal = 0;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const AttendedReview &a = json[i], &b = tsv[i];
    ++labels[a.subset].at(static_cast<std::size_t>(a.label));
    unequal += a.id != b.id || a.words != b.words || a.marks != b.marks || a.answers != b.answers;
    unequal += a.marks.size() != 3 || std::to_string(a.words.size()) != a.subset;
  }
  CHECK(unequal == 0);
  CHECK(labels["50"] == std::array{155, 145});
  CHECK(labels["100"] == std::array{213, 224});
  CHECK(labels["200"] == std::array{89, 92});
  CHECK(read_human_attention(data + "yelp_hat_extra.jsonl.gz").size() == 627);
}

TEST_CASE("human attention: consensus marks the words that the paper's authors marked") {
  const std::string data = data_folder();
  if (!std::filesystem::exists(data + "slalom_hat_scores_17.json")) {
    MESSAGE("skipped: no " << data << "slalom_hat_scores_17.json");
    return;
  }
  const auto reviews = read_human_attention(data + "yelp_hat.jsonl.gz");
  const auto review = std::ranges::find(reviews, "50-0018", &AttendedReview::id);
  REQUIRE(review != reviews.end());
  const std::string path = data + "slalom_hat_scores_17.json";
  const Json published = parse_json(read_file(path), path);
  // The published tokens are pieces of lower-cased words: a word is marked where a piece of it is.
  const std::vector<std::uint8_t> marks = consensus(*review);
  std::size_t token = 0;
  int marked = 0, different = 0;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    bool by_authors = false;
    for (std::size_t left = review->words[i].size(); left > 0; ++token) {
      const auto piece = published["tokens"].at(token).get<std::string>();
      left -= piece.size() - (piece.starts_with("##") ? 2 : 0);
      by_authors = by_authors || published["hat"].at(token) == 1;
    }
    marked += by_authors;
    different += by_authors != (marks[i] == 1);
  }
  CHECK(token == published["tokens"].size());
  CHECK(marked == 10);
  CHECK(different == 0);
}
