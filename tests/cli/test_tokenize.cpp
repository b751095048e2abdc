#include <doctest/doctest.h>

#include "../support/process.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

struct BertFolder : TemporaryFolder {
  BertFolder() : TemporaryFolder("bert") {
    write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nmovie\n##s\n");
    write("tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer", "do_lower_case": true})");
  }
};

Finished tokenize(Arguments arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), "tokenize");
  return run_slalom(arguments, {.input = input});
}

void check_fails(const Finished& run, int status, const std::string& message) {
  CHECK(run.status == status);
  CHECK(run.out.empty());
  REQUIRE_FALSE(run.err.empty());
  CHECK(lines_of(run.err).front() == "error: " + message);
}

}  // namespace

TEST_CASE("tokenize: ids, tokens, bytes and words of each row") {
  const BertFolder folder;
  const Finished run = tokenize({"--model", folder.path},
                                "{\"id\": \"é\", \"text\": \"Góod movies\"}\n"
                                "{\"text\": \"\"}\n"
                                "{\"text\": \"good\", \"text_pair\": \"[MASK] s\"}\n");
  CHECK(run.status == 0);
  CHECK(run.err == "WordPiece, lower case, 13 tokens\n");
  CHECK(lines_of(run.out) ==
        Arguments{
            "{\"id\":\"é\",\"ids\":[2,5,6,7,3],\"tokens\":[\"[CLS]\",\"good\",\"movie\",\"##s\",\"[SEP]\"],"
            "\"offsets\":[[0,0],[0,5],[6,11],[11,12],[0,0]],\"words\":[-1,0,1,1,-1]}",
            "{\"id\":1,\"ids\":[2,3],\"tokens\":[\"[CLS]\",\"[SEP]\"],\"offsets\":[[0,0],[0,0]],"
            "\"words\":[-1,-1]}",
            "{\"id\":2,\"ids\":[2,5,3,4,1,3],\"tokens\":[\"[CLS]\",\"good\",\"[SEP]\",\"[MASK]\",\"[UNK]\","
            "\"[SEP]\"],\"offsets\":[[0,0],[0,4],[0,0],[0,6],[7,8],[0,0]],\"words\":[-1,0,-1,0,1,-1],"
            "\"parts\":[-1,0,-1,1,1,-1]}"});
}

TEST_CASE("tokenize: TSV, plain lines, and a text of the command line") {
  const BertFolder folder;
  const auto ids = [&](const Arguments& options, const std::string& input) {
    Arguments all = {"--model", folder.path, "-q"};
    all.insert(all.end(), options.begin(), options.end());
    std::string out;
    for (const Json& row : json_lines(tokenize(all, input).out)) out += row["ids"].dump();
    return out;
  };
  CHECK(ids({}, "1\tgood movie\n0\tmovies\n") == "[2,5,6,3][2,6,7,3]");
  CHECK(ids({}, "good movie\nmovies\n") == "[2,5,6,3][2,6,7,3]");
  CHECK(ids({"--format", "text"}, "1\tgood\n") == "[2,1,5,3]");
  CHECK(ids({"--text", "good movies"}, "") == "[2,5,6,7,3]");
  CHECK(ids({"--text", "good", "--text-pair", "movie"}, "") == "[2,5,3,6,3]");
}

TEST_CASE("tokenize: a bad row loses none of its neighbours, in CSV as in JSON lines") {
  const BertFolder folder;
  folder.write("rows.csv", "id;text\n7;good\nmovie\n9;good movie\n");
  const Finished run = tokenize({"--model", folder.path, "--input", folder.file("rows.csv")});
  CHECK(run.status == 4);
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["ids"] == Json{2, 5, 3});
  CHECK(rows[1]["error"] ==
        folder.file("rows.csv") + ": line 3: found 1 columns, wanted 2 as the header has");
  CHECK(rows[2]["id"] == "9");
}

TEST_CASE("tokenize: what is wrong is named") {
  const BertFolder folder;
  check_fails(tokenize({"--model", folder.path, "--text", "b\xFF"}), 3,
              "--text: byte 2: found 0xFF, wanted UTF-8");
  check_fails(tokenize({}), 2, "--model is missing");
  check_fails(
      tokenize({"--model", folder.path + "/no"}), 3,
      folder.path +
          "/no: found no tokenizer.json, vocab.txt, vocab.json with merges.txt, or SentencePiece model");
  check_fails(tokenize({"--model", folder.path, "--vocabulary", "9"}), 2,
              "--vocabulary has no effect without --train");
  check_fails(tokenize({"--train", "unigram", "--output", folder.path}), 2,
              "--train unigram, wanted wordpiece or bpe");
  check_fails(tokenize({"--train", "bpe"}), 2, "--output is missing, wanted the folder to write");
  check_fails(tokenize({"--train", "bpe", "--lower-case", "off", "--output", folder.path}), 2,
              "--lower-case has no effect without --train wordpiece");
  check_fails(tokenize({"--train", "bpe", "--vocabulary", "200", "--output", folder.path}, "a\n"), 3,
              "[vocabulary] size 200: special tokens and single characters alone are 257");
}

TEST_CASE("tokenize: a bad row has its error in its place") {
  const BertFolder folder;
  const Finished run = tokenize({"--model", folder.path}, "good\n\nb\xFF\ngood\n");
  CHECK(run.status == 4);
  CHECK(lines_of(run.err).at(0) == "error: stdin: line 3: byte 2: found 0xFF, wanted UTF-8");
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 3);
  CHECK(rows[1] ==
        Json({{"id", 1}, {"row", 1}, {"error", "stdin: line 3: byte 2: found 0xFF, wanted UTF-8"}}));
  CHECK(rows[2]["ids"] == rows[0]["ids"]);
  CHECK(rows[2]["id"] == 2);
  const Finished no_text = tokenize({"--model", folder.path}, "{\"id\":\"a\",\"txt\":\"b\"}\n");
  CHECK(no_text.status == 4);
  CHECK(json_lines(no_text.out).at(0)["id"] == "a");
}

TEST_CASE("tokenize --train: a vocabulary of the texts, the same whatever the number of threads") {
  const TemporaryFolder folder("trained");
  const std::string input = "1\tThe good movie, the GOOD movies\n0\tthe bad movie\n";
  for (const std::string kind : {"wordpiece", "bpe"}) {
    const std::string size = kind == "bpe" ? "270" : "60";
    for (const char* threads : {"1", "3"}) {
      const Finished run = tokenize({"--train", kind, "--vocabulary", size, "--threads", threads, "--output",
                                     folder.file(kind + threads)},
                                    input);
      CHECK(run.status == 0);
      CHECK(run.out.empty());
      CHECK(lines_of(run.err).front().starts_with("2 texts, "));
    }
    for (const std::string& file : files_in(folder.file(kind + "1")))
      CHECK(read_file(folder.file(kind + "1/" + file)) == read_file(folder.file(kind + "3/" + file)));
  }
  const Finished run = tokenize({"--model", folder.file("wordpiece1"), "--text", "the movie", "-q"});
  CHECK(json_lines(run.out).at(0)["tokens"].dump() == R"(["[CLS]","the","movie","[SEP]"])");
  const Finished cased = tokenize({"--train", "wordpiece", "--lower-case", "off", "--min-count", "1",
                                   "--output", folder.file("cased"), "-q"},
                                  input);
  CHECK(cased.status == 0);
  CHECK(cased.err.empty());
  const Finished upper = tokenize({"--model", folder.file("cased"), "--text", "The GOOD", "-q"});
  CHECK(json_lines(upper.out).at(0)["tokens"].dump() == R"(["[CLS]","The","GOOD","[SEP]"])");
}
