// What train writes reads texts as it was trained, whatever the architecture and the data.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "../support/process.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;
using Ids = std::vector<TokenId>;

const Arguments kNames = {"bert", "distilbert", "roberta", "gpt2"};

std::string trained(const TemporaryFolder& folder, const std::string& arch, const Arguments& data,
                    const std::string& name = "model") {
  Arguments all = {"train",    "--arch", arch,        "--width", "16",       "--heads",         "2",
                   "--epochs", "1",      "--threads", "1",       "--output", folder.file(name), "-q"};
  all.insert(all.end(), data.begin(), data.end());
  const Finished run = run_slalom(all);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return folder.file(name);
}

Json one_row(const Arguments& arguments, const std::string& input = "") {
  const Finished run = run_slalom(arguments, {.input = input});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return json_lines(run.out).at(0);
}

Ids ids_of(const std::string& model, const Arguments& text) {
  Arguments all = {"tokenize", "--model", model};
  all.insert(all.end(), text.begin(), text.end());
  return one_row(all)["ids"].get<Ids>();
}

/// The text is these ids for tokenize, predict and explain, and audit puts the same tokens around its texts.
void check_reads(const std::string& model, const std::string& text, const Ids& wanted, std::size_t front,
                 std::size_t back) {
  CHECK(ids_of(model, {"--text", text}) == wanted);
  const Json row = one_row({"predict", "--model", model, "--text", text});
  CHECK(row["log_odds"] ==
        one_row({"predict", "--model", model}, "{\"input_ids\":" + Json(wanted).dump() + "}\n")["log_odds"]);
  const Json explained = one_row({"explain", "--model", model, "--text", text, "--method", "zero", "--json"});
  Ids ids;
  for (const Json& token : explained["tokens"]) ids.push_back(token["id"].get<TokenId>());
  CHECK(ids == wanted);
  const Json audited = one_row({"audit", "--model", model, "--json", "--max-repeats", "1", "--longest", "0",
                                "--tokens", slalom::concat(wanted[front], ",", wanted[front + 1])});
  CHECK(audited["prefix"] == Json(Ids(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(front))));
  CHECK(audited["suffix"] == Json(Ids(wanted.end() - static_cast<std::ptrdiff_t>(back), wanted.end())));
}

/// [CLS] 1 and [SEP] 2 around the words, but for a decoder.
void check_synthetic(const std::string& model, const std::string& text, Ids words, bool bare) {
  if (!bare) {
    words.insert(words.begin(), 1);
    words.push_back(2);
  }
  check_reads(model, text, words, bare ? 0 : 1, bare ? 0 : 1);
}

}  // namespace

TEST_CASE("train: a model of synthetic texts reads their words, for every architecture") {
  for (const std::string& arch : kNames) {
    CAPTURE(arch);
    const TemporaryFolder folder("trained");
    check_synthetic(trained(folder, arch, {"--epoch-texts", "20"}), "The perfect movie", {5, 10, 7},
                    arch == "gpt2");
    // Words that BERT would lower or split, and files of another tokenizer in the way.
    folder.write("words.tsv", "word\tp\timportance\tvalue\nUSA\t1\t0\t1\ncan't\t1\t1\t-1\n日本\t1\t0\t2\n");
    folder.write("model/special_tokens_map.json", "{\"cls_token\": \"USA\"}");
    check_synthetic(
        trained(folder, arch,
                {"--data", "slalom", "--slalom-words", folder.file("words.tsv"), "--epoch-texts", "20"}),
        "can't USA  日本", {6, 5, 7}, arch == "gpt2");
    REQUIRE(run_slalom({"train", "--compile-slalom", folder.file("words.tsv"), "--arch", arch, "--output",
                        folder.file("compiled")})
                .status == 0);
    check_synthetic(folder.file("compiled"), "日本 can't", {7, 6}, arch == "gpt2");
  }
  const TemporaryFolder folder("bare");
  check_synthetic(trained(folder, "bert", {"--no-special", "--epoch-texts", "20"}), "we watch", {6, 8}, true);
}

TEST_CASE("train: a model of texts reads them with the vocabulary that was learned, for every architecture") {
  const TemporaryFolder folder("texts");
  folder.write("rows.tsv", "1\tgood film yes\n0\tbad film no\n1\tgood good\n0\tbad bad bad\n");
  for (const std::string kind : {"wordpiece", "bpe"}) {
    REQUIRE(run_slalom({"tokenize", "--train", kind, "--vocabulary", "300", "--min-count", "1", "--input",
                        folder.file("rows.tsv"), "--output", folder.file(kind)})
                .status == 0);
    const std::string text = "good film no";
    const Ids wanted = ids_of(folder.file(kind), {"--text", text});
    const std::size_t around = kind == "bpe" ? 0 : 1;
    CHECK(wanted.size() == 3 + 2 * around);
    for (const std::string& arch : kNames) {
      CAPTURE(arch);
      const std::string model = trained(
          folder, arch, {"--data", folder.file("rows.tsv"), "--tokenizer", folder.file(kind)}, kind + arch);
      check_reads(model, text, wanted, around, around);
      const Arguments pair = {"--text", text, "--text-pair", "bad"};
      CHECK(ids_of(model, pair) == ids_of(folder.file(kind), pair));
    }
  }
}

TEST_CASE("train: a new model pads with the vocabulary's pad token, a decoder without one with its end") {
  const TemporaryFolder folder("pad");
  folder.write("rows.tsv", "1\ta\n0\tb\n");
  std::filesystem::create_directory(folder.file("words"));
  folder.write("words/vocab.txt", "a\nb\n[UNK]\n[CLS]\n[SEP]\n[PAD]\n");
  std::filesystem::create_directory(folder.file("pairs"));
  folder.write("pairs/vocab.json", R"({"a": 0, "b": 1, "<|endoftext|>": 2})");
  folder.write("pairs/merges.txt", "#version: 0.2\n");
  const auto pad = [&](const std::string& arch, const std::string& tokenizer) {
    const std::string model =
        trained(folder, arch, {"--data", folder.file("rows.tsv"), "--tokenizer", folder.file(tokenizer)},
                arch + tokenizer);
    return parse_json(read_file(model + "/config.json"), "config.json")["pad_token_id"].get<int>();
  };
  for (const std::string& arch : kNames) CHECK(pad(arch, "words") == 5);
  CHECK(pad("gpt2", "pairs") == 2);
  CHECK(pad("bert", "pairs") == 0);
}
