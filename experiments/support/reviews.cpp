#include "reviews.hpp"

#include <filesystem>
#include <iostream>

#include "models.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/data/generated_reviews.hpp"
#include "slalom/data/windows.hpp"
#include "slalom/model_io/save_tokenizer.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"

namespace slalom::experiment {

// --- reviews ---------------------------------------------------------------------------------------------

namespace {

constexpr std::uint64_t kFirstTestReview = std::uint64_t{1} << 40;

// The first of the files that is in the folder, plain or as .gz.
std::string required_file(const std::string& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    for (const char* end : {".gz", ""})
      if (std::string path = concat(folder, "/", name, end); std::filesystem::exists(path)) return path;
  throw Error(concat(folder, ": found no ", listed(names), ", also not as .gz"),
              "`make data DATA=DIR` prepares published files; data/README.md says where to get them");
}

std::vector<Review> generate(std::uint64_t seed, std::uint64_t first, Index count) {
  std::vector<Review> reviews;
  for (Index i = 0; i < count; ++i)
    reviews.push_back(generated_review(seed, first + static_cast<std::uint64_t>(i)));
  return reviews;
}

}  // namespace

std::string data_folder(const std::string& chosen) {
  if (chosen == kGenerated) return "";
  if (chosen.empty()) {
    std::cerr << "no folder of reviews was named (--data DIR, make DATA=DIR): generated reviews are used\n";
    return "";
  }
  if (!std::filesystem::is_directory(chosen)) throw Error(chosen + ": found no such folder");
  return chosen;
}

std::string data_folder_help(const std::string& files) {
  return concat("folder of ", files, ", or \"", kGenerated, "\" (default)");
}

TextCorpus read_corpus(const std::string& key, const std::string& folder, Index most_train, Index most_test,
                       std::uint64_t seed) {
  if (key != "imdb" && key != "yelp" && key != "sst2" && key != kGenerated)
    throw Error("corpus \"" + key + "\", wanted imdb, yelp, sst2 or " + kGenerated);
  if (folder.empty() || key == kGenerated)
    return {kGenerated, "generated reviews", true, generate(seed, 0, most_train),
            generate(seed, kFirstTestReview, most_test)};
  const auto read = [&](const char* part, Index most) {
    const std::string path = required_file(folder, {concat(key, "_", part, ".tsv")});
    return key == "sst2" ? read_sst2(path, most) : read_reviews(path, most);
  };
  const char* title = key == "imdb" ? "IMDB" : key == "yelp" ? "Yelp" : "SST-2";
  return {key, title, false, read("train", most_train), read(key == "sst2" ? "dev" : "test", most_test)};
}

std::vector<AttendedReview> read_attended(const std::string& folder, const std::string& subset, Index most,
                                          std::uint64_t seed) {
  if (subset != "50" && subset != "100" && subset != "200")
    throw Error("human attention of \"" + subset + "\" words, wanted 50, 100 or 200");
  std::vector<AttendedReview> reviews;
  if (folder.empty()) {
    for (Index i = 0; i < most; ++i)
      reviews.push_back(generated_attended_review(seed, static_cast<std::uint64_t>(i), std::stoll(subset)));
    return reviews;
  }
  const std::string path = required_file(folder, {"yelp_hat.jsonl", "yelp_hat.tsv"});
  for (AttendedReview& review : read_human_attention(path))
    if (review.subset == subset && std::ssize(reviews) < most) reviews.push_back(std::move(review));
  if (reviews.empty()) throw Error(concat(path, ": found no review of the subset ", subset));
  return reviews;
}

// --- classifiers ----------------------------------------------------------------------------------------

namespace {

constexpr double kSmoothing = 20;

void train_tokenizer(VocabularyKind kind, const TextCorpus& corpus, const std::string& folder) {
  const VocabularyTraining training{.kind = kind};
  WordCounter counter(training);
  for (const Review& review : corpus.train) counter.add(review.text, corpus.title);
  save_tokenizer(train_vocabulary(counter.counts(), training), training, folder);
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

std::vector<TextModel> text_models(const std::string& architectures, const std::string& layers) {
  std::vector<TextModel> models;
  for (const auto& [depth, runs] : read_depths(layers, "1"))
    for (const std::string& architecture : split_list(architectures))
      models.push_back({architecture_from_name(architecture), depth});
  return models;
}

Tokenizer make_tokenizer(Architecture architecture, const TextCorpus& corpus, const std::string& data,
                         const std::string& folder) {
  using Names = std::vector<std::pair<std::string, std::string>>;
  const bool word_piece = traits(architecture).special_tokens;
  const Names published = word_piece
                              ? Names{{"bert-base-uncased-vocab.txt", "vocab.txt"}}
                              : Names{{"gpt2-vocab.json", "vocab.json"}, {"gpt2-merges.txt", "merges.txt"}};
  make_folders(folder);
  if (data.empty() || !std::filesystem::exists(data + "/" + published.front().first))
    train_tokenizer(word_piece ? VocabularyKind::word_piece : VocabularyKind::byte_pair, corpus, folder);
  else
    for (const auto& [from, to] : published) write_file(folder + "/" + to, read_file(data + "/" + from));
  return load_tokenizer(folder).value();
}

std::function<bool(TokenId)> special_ids_of(const Tokenizer& tokenizer) {
  return
      [special = usual_special_tokens(tokenizer.vocabulary())](TokenId id) { return special.is_special(id); };
}

InputRow encoded(const std::string& text, const Tokenizer& tokenizer, Index longest) {
  const InputRow row = row_of_text(
      text, {}, {.vocabulary = tokenizer.vocabulary().size(), .empty_texts = true}, tokenizer, "a review");
  const auto special = special_ids_of(tokenizer);
  const Index stride = default_stride(row, longest, special);
  return cut_window(row, windows_of(row, longest, stride, special).front(), special);
}

std::vector<InputRow> encoded(const std::vector<Review>& reviews, const Tokenizer& tokenizer, Index longest) {
  std::vector<InputRow> rows;
  for (const Review& review : reviews) {
    InputRow row = encoded(review.text, tokenizer, longest);
    row.label = review.label;
    if (!row.ids.empty()) rows.push_back(std::move(row));
  }
  return rows;
}

PackedBatch batch_of(const std::vector<InputRow>& rows) {
  PackedBatch batch;
  for (const InputRow& row : rows) batch.add(row.ids, row.label.value(), row.types);
  return batch;
}

std::string fingerprint_of(const PackedBatch& texts, std::string so_far) {
  const auto add = [&](const auto& list) {
    const auto bytes = std::as_bytes(std::span(list));
    so_far = fingerprint({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, so_far);
  };
  add(texts.ids);
  add(texts.begin);
  add(texts.labels);
  return so_far;
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

BagOfCorpus::BagOfCorpus(const std::vector<InputRow>& corpus, const Tokenizer& tokenizer, Index longest,
                         std::uint64_t seed)
    : source(batch_of(corpus), tokenizer.vocabulary(), special_ids_of(tokenizer),
             {.smoothing = kSmoothing, .longest = longest - 2}, seed),
      special(usual_special_tokens(tokenizer.vocabulary())) {}

}  // namespace slalom::experiment
