// What of other people's folders is read, and with which words the rest is refused: src/model_io/README.md is
// what this test finds.
#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "../support/small_models.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

struct Case {
  const char* what;
  std::function<void(const TemporaryFolder&)> make;  // of a small BERT's folder without tokenizer
};

/// "works", or the message without the folder's name.
std::string outcome(const Case& c) {
  const TemporaryFolder folder;
  Classifier<float> model(small_config(Architecture::bert, 1));
  randomise(model, 1);
  save_model(model, folder.path);
  c.make(folder);
  try {
    load_model<float>(folder.path);
    load_tokenizer(folder.path);
    return "works";
  } catch (const Error& e) {
    std::string message = e.what();
    for (std::size_t at = 0; (at = message.find(folder.path)) != std::string::npos;)
      message.erase(at,
                    folder.path.size() + (message.substr(at + folder.path.size()).starts_with("/") ? 1 : 2));
    return message;
  }
}

std::string table(const char* title, const std::vector<Case>& cases) {
  std::string rows = concat("## ", title, "\n\n| in the folder | read, or refused with |\n|---|---|\n");
  for (const Case& c : cases) rows += concat("| ", c.what, " | ", outcome(c), " |\n");
  return rows + "\n";
}

void change(const TemporaryFolder& folder, const char* file, const std::function<void(Json&)>& with) {
  const std::string path = folder.file(file);
  Json json = std::filesystem::exists(path) ? parse_json(read_file(path), path) : Json::object();
  with(json);
  folder.write(file, json.dump());
}

std::function<void(const TemporaryFolder&)> with_field(const char* file, const char* field, Json value) {
  return [=](const TemporaryFolder& f) { change(f, file, [&](Json& json) { json[field] = value; }); };
}

std::function<void(const TemporaryFolder&)> with_architecture(Architecture a) {
  return [=](const TemporaryFolder& folder) {
    Classifier<float> model(small_config(a, 2));
    randomise(model, 1);
    save_model(model, folder.path);
  };
}

std::vector<Case> families() {
  std::vector<Case> cases;
  for (const Architecture a : kEveryArchitecture) cases.push_back({name(a), with_architecture(a)});
  for (const char* type : {"deberta-v2", "mpnet", "xlnet", "modernbert"})
    cases.push_back({type, with_field("config.json", "model_type", type)});
  return cases;
}

std::vector<Case> heads() {
  std::vector<Case> cases;
  for (const ProblemType type :
       {ProblemType::single_label, ProblemType::multi_label, ProblemType::regression})
    cases.push_back({name(type), with_field("config.json", "problem_type", name(type))});
  cases.push_back({"one output", [](const TemporaryFolder& folder) {
                     ClassifierConfig c = small_config(Architecture::bert, 1);
                     c.labels = 1;
                     save_model(Classifier<float>(c), folder.path);
                   }});
  for (const char* other :
       {"BertForTokenClassification", "BertForQuestionAnswering", "BertForMaskedLM", "BertModel"})
    cases.push_back({other, with_field("config.json", "architectures", Json{other})});
  return cases;
}

void without_weights(const TemporaryFolder& folder) {
  std::filesystem::remove(folder.file("model.safetensors"));
}

// The golden BERT with the weights of one of its other forms.
std::function<void(const TemporaryFolder&)> golden_bert(const char* weights) {
  return [=](const TemporaryFolder& folder) {
    without_weights(folder);
    folder.write("config.json", read_file("tests/golden/bert/config.json"));
    for (const auto& file : std::filesystem::directory_iterator(concat("tests/golden/bin/", weights)))
      folder.write(file.path().filename().string(), read_file(file.path().string()));
  };
}

std::function<void(const TemporaryFolder&)> only(const char* file, const char* content) {
  return [=](const TemporaryFolder& folder) {
    without_weights(folder);
    folder.write(file, content);
  };
}

std::vector<Case> weights() {
  return {{"model.safetensors", [](const TemporaryFolder&) {}},
          {"pytorch_model.bin", golden_bert("zip")},
          {"pytorch_model.bin.index.json and shards", golden_bert("shards")},
          {"pytorch_model.bin of PyTorch before 1.6",
           [](const TemporaryFolder& folder) {
             without_weights(folder);
             folder.write("pytorch_model.bin", read_file("tests/corpus/pytorch/legacy.bin"));
           }},
          {"pytorch_model.bin that calls os.system",
           [](const TemporaryFolder& folder) {
             without_weights(folder);
             folder.write("pytorch_model.bin", read_file("tests/corpus/pytorch/global-os-system.bin"));
           }},
          {"a Git LFS pointer",
           only("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")},
          {"a web page", only("model.safetensors", "<!DOCTYPE html>")},
          {"tf_model.h5", only("tf_model.h5", "x")},
          {"an adapter beside a model's config.json", only("adapter_model.safetensors", "x")},
          {"weights quantized by GPTQ",
           with_field("config.json", "quantization_config", Json{{"quant_method", "gptq"}})}};
}

std::function<void(const TemporaryFolder&)> with_vocabulary(Json settings) {
  return [=](const TemporaryFolder& folder) {
    folder.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n");
    folder.write("tokenizer_config.json", settings.dump());
  };
}

std::function<void(const TemporaryFolder&)> copied(const char* to, const char* from) {
  return [=](const TemporaryFolder& folder) {
    folder.write(to, read_file(from));
    change(folder, "tokenizer_config.json",
           [](Json& json) { json["tokenizer_class"] = "XLMRobertaTokenizer"; });
  };
}

std::vector<Case> tokenizers() {
  const std::string corpus = "tests/corpus/tokenizer_json/";
  return {
      {"tokenizer.json, WordPiece", copied("tokenizer.json", "tests/corpus/tokenizer_json/good-bert.json")},
      {"tokenizer.json, byte-level BPE",
       copied("tokenizer.json", "tests/corpus/tokenizer_json/good-roberta.json")},
      {"tokenizer.json, Unigram", copied("tokenizer.json", "tests/golden/unigram/json/tokenizer.json")},
      {"tokenizer.json, WordLevel",
       copied("tokenizer.json", "tests/corpus/tokenizer_json/model-word-level.json")},
      {"vocab.txt", with_vocabulary({{"tokenizer_class", "BertTokenizer"}})},
      {"vocab.txt, BertJapaneseTokenizer", with_vocabulary({{"tokenizer_class", "BertJapaneseTokenizer"}})},
      {"vocab.json and merges.txt",
       [](const TemporaryFolder& folder) {
         folder.write("vocab.json", R"({"a": 0, "b": 1, "ab": 2})");
         folder.write("merges.txt", "a b\n");
       }},
      {"sentencepiece.bpe.model or spiece.model",
       copied("sentencepiece.bpe.model", "tests/golden/unigram/pieces/sentencepiece.bpe.model")},
      {"a SentencePiece model that is no Unigram",
       [](const TemporaryFolder& folder) {
         folder.write("spiece.model", "\x12\x02\x18\x02");
         folder.write("tokenizer_config.json", R"({"tokenizer_class": "AlbertTokenizer"})");
       }},
      {"bpe.codes", [](const TemporaryFolder& folder) { folder.write("bpe.codes", "a b 1\n"); }},
      {"no tokenizer: rows are token ids", [](const TemporaryFolder&) {}}};
}

const char* const kHead =
    "# Which folders are read\n\n"
    "Made by tests/model_io/test_coverage.cpp, which tries each of these and compares (it writes what it "
    "found to\n"
    "out/coverage.md). Families, tokenizers, weights and heads go together in any combination.\n\n";

// docs of the field, section "Which classifiers people use": 500 most downloaded three-class sentiment
// models.
const char* const kShares =
    "## The 50 most downloaded sentiment classifiers (September 2023)\n\n"
    "| kind of folder | of the 50, cumulative | by downloads | here |\n|---|---:|---:|---|\n"
    "| BERT, DistilBERT, RoBERTa, GPT-2 with safetensors | 24 % | 9.5 % | works |\n"
    "| the same with pytorch_model.bin | 80 % | 87.7 % | works |\n"
    "| XLM-RoBERTa, CamemBERT | 90 % | 96.9 % | works |\n"
    "| BERTweet's and PhoBERT's BPE, Japanese | 98 % | 99.9 % | refused by the name of the tokenizer |\n"
    "| DeBERTa v1 to v3 | 100 % | 100 % | refused by name |\n"
    "| ELECTRA, ALBERT | 100 % | 100 % | works |\n";

}  // namespace

TEST_CASE("coverage: the table of what is read says what happens") {
  const std::string found = kHead + table("Families (`model_type`)", families()) +
                            table("Heads (`problem_type`, `architectures`)", heads()) +
                            table("Weights", weights()) + table("Tokenizers", tokenizers()) + kShares;
  make_folders("out");
  write_file("out/coverage.md", found);
  CHECK(found == read_file("src/model_io/README.md"));
}

TEST_CASE("pytorch_model.bin holds the bits of model.safetensors, in one file and in shards") {
  const LoadedModel<float> wanted = load_model<float>("tests/golden/bert");
  for (const char* form : {"zip", "shards"}) {
    const TemporaryFolder folder;
    folder.write("model.safetensors", "");
    golden_bert(form)(folder);
    const LoadedModel<float> found = load_model<float>(folder.path);
    CHECK(std::ranges::equal(found.model->parameters().values(), wanted.model->parameters().values()));
    CHECK(found.dtype == DType::f32);
  }
}
