// Hugging Face's own tokens of 120 texts each, where they are at hand.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "../support/temporary_folder.hpp"
#include "slalom/base/json.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"

using namespace slalom;
using test::TemporaryFolder;

namespace {

std::string reference_folder() {
  const char* folder = std::getenv("SLALOM_SHARED");
  return folder != nullptr ? folder : "../shared";
}

void check_texts(const Tokenizer& tokenizer, const std::string& path) {
  LineReader lines(path);
  int texts = 0;
  for (std::string line; lines.next(line); ++texts) {
    const Json row = parse_json(line, lines.where());
    const Encoding encoding = tokenizer.encode(row["text"].get<std::string>(), lines.where());
    std::vector<std::string> tokens;
    for (const TokenId id : encoding.ids) tokens.push_back(tokenizer.vocabulary().token(id));
    CAPTURE(lines.where());
    CHECK(encoding.ids == row["ids"].get<std::vector<TokenId>>());
    CHECK(tokens == row["tokens"].get<std::vector<std::string>>());
  }
  CHECK(texts == 120);
}

}  // namespace

TEST_CASE("BERT and GPT-2 vocabularies cut texts as Hugging Face's library does") {
  const std::string data = reference_folder() + "/data/",
                    texts = reference_folder() + "/fixtures/tokenizers/";
  if (!std::filesystem::exists(texts)) {
    MESSAGE("skipped: no " << texts);
    return;
  }
  const TemporaryFolder bert("bert"), gpt2("gpt2");
  bert.write("vocab.txt", read_file(data + "bert-base-uncased-vocab.txt"));
  bert.write("tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer", "do_lower_case": true})");
  check_texts(load_tokenizer(bert.path).value(), texts + "bert-uncased.jsonl");
  bert.write("tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer", "do_lower_case": false})");
  check_texts(load_tokenizer(bert.path).value(), texts + "bert-cased-rules.jsonl");
  gpt2.write("vocab.json", read_file(data + "gpt2-vocab.json"));
  gpt2.write("merges.txt", read_file(data + "gpt2-merges.txt"));
  gpt2.write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
  check_texts(load_tokenizer(gpt2.path).value(), texts + "gpt2.jsonl");
}
