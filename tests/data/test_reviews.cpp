#include "slalom/data/reviews.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "../support/error_of.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::TemporaryFolder;

namespace {

std::vector<std::string> texts_of(const std::vector<Review>& reviews) {
  std::vector<std::string> texts;
  for (const Review& review : reviews) texts.push_back(review.text);
  return texts;
}

std::vector<int> labels_of(const std::vector<Review>& reviews) {
  std::vector<int> labels;
  for (const Review& review : reviews) labels.push_back(review.label);
  return labels;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("reviews: a line is a label, a tab and the text") {
  const TemporaryFolder folder("reviews");
  folder.write("a.tsv", "1\tgood  one\n0\tbad\tone\n1\t\xC3\xA9t\xC3\xA9\n");
  const std::vector<Review> all = read_reviews(folder.file("a.tsv"));
  CHECK(texts_of(all) == Texts{"good  one", "bad\tone", "\xC3\xA9t\xC3\xA9"});
  CHECK(labels_of(all) == std::vector<int>{1, 0, 1});
  CHECK(texts_of(read_reviews(folder.file("a.tsv"), 2)) == Texts{"good  one", "bad\tone"});
}

TEST_CASE("reviews: other labels, bytes that are no UTF-8 and files of nothing are refused by line") {
  const TemporaryFolder folder("reviews");
  const std::string path = folder.file("a.tsv");
  const auto message = [&](std::string_view bytes) {
    folder.write("a.tsv", bytes);
    return test::error_of([&] { read_reviews(path); });
  };
  CHECK(message("1\tfine\n2\tno\n") == path + ": line 2: label: found \"2\", wanted 0 or 1");
  CHECK(message("1\tfine\n\n0\t\xFF\n") == path + ": line 3: text: byte 1: found 0xFF, wanted UTF-8");
  CHECK(message("-1\tno\n").starts_with(path + ": line 1: "));
  CHECK(message("no tab\n") == path + ": line 1: found no tab, wanted label<TAB>text");
  CHECK(message("") == path + ": found no review, wanted one or more");
}

TEST_CASE("reviews: SST-2 has a header and the label behind the sentence, whose spaces stay") {
  const TemporaryFolder folder("reviews");
  const std::string path = folder.file("dev.tsv");
  const auto message = [&](std::string_view bytes) {
    folder.write("dev.tsv", bytes);
    return test::error_of([&] { read_sst2(path); });
  };
  folder.write("dev.tsv", "sentence\tlabel\nhide new secretions \t0\r\na charming journey . \t1\n");
  const std::vector<Review> all = read_sst2(path);
  CHECK(texts_of(all) == Texts{"hide new secretions ", "a charming journey . "});
  CHECK(labels_of(all) == std::vector<int>{0, 1});
  CHECK(read_sst2(path, 1).size() == 1);
  CHECK(message("fine\t1\n") ==
        path + ": line 1: found \"fine\\t1\", wanted the header \"sentence\\tlabel\"");
  CHECK(message("").starts_with(path + ": line 1: found \"\", wanted the header"));
  CHECK(message("sentence\tlabel\n") == path + ": found no review, wanted one or more");
  CHECK(message("sentence\tlabel\nfine\t1\nno\ttwo\t1\n") ==
        path + ": line 3: found 2 tabs, wanted sentence<TAB>label");
  CHECK(message("sentence\tlabel\nno tab\n") == path + ": line 2: found 0 tabs, wanted sentence<TAB>label");
  CHECK(message("sentence\tlabel\nfine\t-1\n") == path + ": line 2: label: found \"-1\", wanted 0 or 1");
  CHECK(message("sentence\tlabel\n\xC3\t1\n") ==
        path + ": line 2: sentence: byte 1: found 0xC3, wanted UTF-8");
}

TEST_CASE("reviews: one line keeps everything but line breaks and the ends") {
  CHECK(one_line("a\r\n\tb") == "a b");
  CHECK(one_line("a \n b") == "a   b");  // the space before, the run, the space behind
  CHECK(one_line("  a  b<br />\xC2\xA0 ") == "a  b<br />");
  CHECK(one_line("a\xC2\x85\xE2\x80\xA8\xE2\x80\xA9\x1C"
                 "b\v\fc\x1B") == "a b c\x1B");
  CHECK(one_line("\n\n").empty());
  CHECK(one_line("").empty());
}

TEST_CASE("reviews: a folder of film reviews is read by number, first the negative ones") {
  const TemporaryFolder folder("acl_imdb");
  make_folders(folder.file("neg"));
  make_folders(folder.file("pos"));
  folder.write("neg/10_1.txt", "third\n");
  folder.write("neg/2_4.txt", "second<br /><br />line");
  folder.write("neg/0_3.txt", "first\nline\n");
  folder.write("pos/1_10.txt", "b");
  folder.write("pos/1_9.txt", "c");
  folder.write("pos/0_7.txt", "a");
  folder.write("pos/notes.md", "no review");
  const std::vector<Review> all = read_acl_imdb(folder.path);
  CHECK(texts_of(all) == Texts{"first line", "second<br /><br />line", "third", "a", "b", "c"});
  CHECK(labels_of(all) == std::vector<int>{0, 0, 0, 1, 1, 1});
  CHECK(acl_imdb_files(folder.path)[4] == folder.file("pos/1_10.txt"));

  folder.write("neg/2_4.txt", "a\xE9");
  CHECK(test::error_of([&] { read_acl_imdb(folder.path); }) ==
        folder.file("neg/2_4.txt") + ": byte 2: found 0xE9, wanted UTF-8");
  folder.write("neg/2_4.txt", " \n");
  CHECK(test::error_of([&] { read_acl_imdb(folder.path); }) ==
        folder.file("neg/2_4.txt") + ": found no text, wanted a review");
  std::filesystem::remove_all(folder.file("pos"));
  CHECK(
      test::error_of([&] { read_acl_imdb(folder.path); }).starts_with(folder.file("pos") + ": cannot read"));
  make_folders(folder.file("pos"));
  CHECK(test::error_of([&] { read_acl_imdb(folder.path); }) ==
        folder.file("pos") + ": found no review, wanted files NUMBER_RATING.txt");
}

TEST_CASE("reviews: the escapes of the polarity files are undone") {
  const TemporaryFolder folder("polarity");
  folder.write("train.csv",
               "\"1\",\"bad\\n\\nvery \\\"\"bad\\\"\" and \"\"so\"\"\\n\"\n"
               "\"2\",\"caf\\u00e9 \\ud83d\\ude00\\ta\\\\b \\x \\u12 \\ud83d \\\"\n"
               "2,plain\n");
  const std::vector<Review> all = read_polarity_csv(folder.file("train.csv"));
  CHECK(texts_of(all) == Texts{"bad very \"bad\" and \"so\"",
                               "caf\xC3\xA9 \xF0\x9F\x98\x80 a\\\\b \\x \\u12 \\ud83d \\", "plain"});
  CHECK(labels_of(all) == std::vector<int>{0, 1, 1});
}

TEST_CASE("reviews: polarity rows of another form are refused by line") {
  const TemporaryFolder folder("polarity");
  const std::string path = folder.file("train.csv");
  const auto message = [&](std::string_view bytes) {
    folder.write("train.csv", bytes);
    return test::error_of([&] { read_polarity_csv(path); });
  };
  CHECK(message("\"1\",\"a\nb\"\n\"3\",\"c\"\n") == path + ": line 3: label: found \"3\", wanted 1 or 2");
  CHECK(message("label,text\n") == path + ": line 1: label: found \"label\", wanted 1 or 2");
  CHECK(message("1,a,b\n") == path + ": line 1: found 3 fields, wanted 2: class and text");
  CHECK(message("1,\xFF\n") == path + ": line 1: text: byte 1: found 0xFF, wanted UTF-8");
  CHECK(message("1,\"a\n") == path + ": line 1: found a quote that is never closed");
  CHECK(message("") == path + ": found no review, wanted one or more");
}

TEST_CASE("reviews: the samples of public reviews have the rows and labels that they are known by") {
  const char* chosen = std::getenv("SLALOM_SHARED");
  const std::string data = std::string(chosen != nullptr ? chosen : "../shared") + "/data/";
  if (!std::filesystem::exists(data + "imdb_train.tsv.gz")) {
    MESSAGE("skipped: no " << data);
    return;
  }
  const auto negatives = [](const std::vector<Review>& reviews) {
    return std::ranges::count(reviews, 0, &Review::label);
  };
  for (const char* corpus : {"imdb", "yelp"}) {
    const auto train = read_reviews(data + corpus + "_train.tsv.gz"),
               held_out = read_reviews(data + corpus + "_test.tsv.gz");
    CHECK(train.size() == 5000);
    CHECK(negatives(train) == 2500);
    CHECK(held_out.size() == 2000);
    CHECK(negatives(held_out) == 1000);
  }
  const auto train = read_sst2(data + "sst2_train.tsv.gz"), dev = read_sst2(data + "sst2_dev.tsv");
  CHECK(train.size() == 67'349);
  CHECK(negatives(train) == 29'780);
  CHECK(dev.size() == 872);
  CHECK(negatives(dev) == 428);
}
