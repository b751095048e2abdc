#include "text_models.hpp"

#include <filesystem>

#include "command_line.hpp"
#include "models.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"
#include "slalom/text/train_vocabulary.hpp"

namespace slalom::experiment {

namespace {

constexpr double kSmoothing = 20;

void train_tokenizer(VocabularyKind kind, const TextCorpus& corpus, const std::string& folder) {
  const VocabularyTraining training{.kind = kind};
  WordCounter counter(training);
  for (const Review& review : corpus.train) counter.add(review.text, corpus.title);
  save_tokenizer_files(train_vocabulary(counter.words(), training), training, folder);
}

// Files that Hugging Face's library reads, with the vocabulary of the data folder.
void copy_tokenizer(VocabularyKind kind, const std::string& data, const std::string& folder) {
  if (kind == VocabularyKind::word_piece) {
    write_file(folder + "/vocab.txt", read_file(data + "/bert-base-uncased-vocab.txt"));
    write_file(folder + "/tokenizer_config.json",
               "{\"tokenizer_class\": \"BertTokenizer\", \"do_lower_case\": true}\n");
    write_file(folder + "/special_tokens_map.json",
               "{\"cls_token\": \"[CLS]\", \"sep_token\": \"[SEP]\", \"pad_token\": \"[PAD]\", "
               "\"unk_token\": \"[UNK]\", \"mask_token\": \"[MASK]\"}\n");
    return;
  }
  write_file(folder + "/vocab.json", read_file(data + "/gpt2-vocab.json"));
  write_file(folder + "/merges.txt", read_file(data + "/gpt2-merges.txt"));
  write_file(folder + "/tokenizer_config.json", "{\"tokenizer_class\": \"GPT2Tokenizer\"}\n");
  write_file(folder + "/special_tokens_map.json",
             "{\"bos_token\": \"<|endoftext|>\", \"eos_token\": \"<|endoftext|>\", \"unk_token\": "
             "\"<|endoftext|>\"}\n");
}

}  // namespace

std::string TextModel::key() const {
  return concat(name(architecture), "_", layers);
}

std::string TextModel::title() const {
  return title_of(architecture, layers);
}

std::string folder_of(const TextModel& model, const std::string& corpus, const std::string& folder) {
  return concat(folder, "/", corpus, "/", model.key());
}

std::string weights_of(const std::string& folder) {
  const std::vector<std::string> files = {folder + "/config.json", folder + "/model.safetensors"};
  for (const std::string& file : files)
    if (!std::filesystem::exists(file)) return "";
  return sha256_of_files(files);
}

std::vector<TextModel> text_models(const std::string& architectures, const std::string& layers) {
  std::vector<TextModel> models;
  for (const Index depth : read_depths(layers))
    for (const std::string& architecture : split_list(architectures))
      models.push_back({architecture_from_name(architecture), depth});
  return models;
}

Tokenizer make_tokenizer(Architecture architecture, const TextCorpus& corpus, const std::string& data,
                         const std::string& folder) {
  make_folders(folder);
  const VocabularyKind kind =
      traits(architecture).special_tokens ? VocabularyKind::word_piece : VocabularyKind::byte_pair;
  const char* file = kind == VocabularyKind::word_piece ? "/bert-base-uncased-vocab.txt" : "/gpt2-vocab.json";
  if (!data.empty() && std::filesystem::exists(data + file))
    copy_tokenizer(kind, data, folder);
  else
    train_tokenizer(kind, corpus, folder);
  return load_tokenizer(folder).value();
}

std::function<bool(TokenId)> special_ids_of(const Tokenizer& tokenizer) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  std::vector<TokenId> special_ids;
  for (const char* token : {"[CLS]", "[SEP]", "[PAD]", "<|endoftext|>"})
    if (const std::optional<TokenId> id = vocabulary.find(token)) special_ids.push_back(*id);
  return [special_ids](TokenId id) { return std::ranges::find(special_ids, id) != special_ids.end(); };
}

Encoding encoded(const std::string& text, const Tokenizer& tokenizer, Index longest) {
  Encoding all = tokenizer.encode(text, "a review");
  const Index surplus = std::ssize(all.ids) - longest;
  if (surplus <= 0) return all;
  Index behind = 0;
  while (all.places[all.places.size() - 1 - static_cast<std::size_t>(behind)].part < 0) ++behind;
  const auto cut = [&](auto& list) {
    if (!list.empty()) list.erase(list.end() - behind - surplus, list.end() - behind);
  };
  cut(all.ids);
  cut(all.types);
  cut(all.places);
  return all;
}

std::vector<InputRow> encoded(const std::vector<Review>& reviews, const Tokenizer& tokenizer, Index longest) {
  std::vector<InputRow> rows;
  for (const Review& review : reviews) {
    InputRow row{encoded(review.text, tokenizer, longest)};
    if (row.ids.empty()) continue;  // nothing but spaces, without special tokens
    row.label = review.label;
    row.line = std::ssize(rows) + 1;
    rows.push_back(std::move(row));
  }
  return rows;
}

ClassifierConfig config_of(const ReviewClassifier& classifier, const Tokenizer& tokenizer) {
  ClassifierConfig config = default_config(classifier.architecture, classifier.layers, classifier.width,
                                           classifier.heads, tokenizer.vocabulary().size());
  config.max_positions = classifier.longest;
  config.set_dropout(classifier.dropout);
  config.label_names = {"NEGATIVE", "POSITIVE"};
  return config;
}

TrainingConfig training_of(const Options& options, const Part& part, Index texts, Index epochs, double rate) {
  const Index steps = ceil_div(texts, kBatch) * epochs;
  TrainingConfig config;
  config.optimizer = OptimizerConfig::defaults(OptimizerKind::adamw);
  config.optimizer.schedule = {.peak = rate, .warmup_steps = steps / 10, .total_steps = steps};
  config.optimizer.max_gradient_norm = 1;
  config.batch = kBatch;
  config.epochs = epochs;
  config.seed = options.seed;
  config.checkpoint = part.checkpoint();
  config.checkpoint_every = 100;
  config.resume = !options.fresh;
  config.progress = options.progress;
  config.settings = part.settings();
  return config;
}

PackedBatch batch_of(const std::vector<InputRow>& rows) {
  PackedBatch batch;
  for (const InputRow& row : rows) batch.add(row.ids, row.label.value(), row.types);
  return batch;
}

BagOfCorpus::BagOfCorpus(const std::vector<InputRow>& corpus, const Tokenizer& tokenizer, Index longest,
                         std::uint64_t seed)
    : source(batch_of(corpus), tokenizer.vocabulary(), special_ids_of(tokenizer),
             {.smoothing = kSmoothing, .longest = longest - 2}, seed) {
  if (tokenizer.vocabulary().find("[CLS]")) special = bracketed_special_tokens(tokenizer.vocabulary());
}

}  // namespace slalom::experiment
