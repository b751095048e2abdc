// The reviews as token ids.
#include <filesystem>

#include "case_study.hpp"
#include "slalom/base/files.hpp"
#include "slalom/data/generated_reviews.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"
#include "slalom/text/train_vocabulary.hpp"

namespace slalom::case_study {

namespace {

std::string vocabulary_of(const std::string& published) {
  if (!published.empty()) return read_file(published);
  std::string lines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (const std::string& word : generated_words()) lines += word + "\n";
  return lines;
}

void train_tokenizer(const experiment::TextCorpus& texts, const std::string& folder) {
  const VocabularyTraining training;
  WordCounter counter(training);
  for (const Review& review : texts.train) counter.add(review.text, texts.title);
  save_tokenizer_files(train_vocabulary(counter.words(), training), training, folder);
}

// Of a long review its first and its last half: the verdict is often at the end.
void shorten(InputRow& row, Index longest) {
  const Index surplus = std::ssize(row.ids) - longest;
  if (surplus <= 0) return;
  const Index first = (longest + 1) / 2;
  row.ids.erase(row.ids.begin() + first, row.ids.begin() + first + surplus);
  row.types.clear();
  row.places.clear();
  row.text[0].clear();
}

std::vector<InputRow> rows_of(const std::vector<Review>& reviews, const std::string& title,
                              const Tokenizer& tokenizer, Index longest) {
  std::vector<InputRow> rows;
  for (const Review& review : reviews) {
    rows.push_back(row_of_text(review.text, {}, {.vocabulary = tokenizer.vocabulary().size()}, tokenizer,
                               concat(title, ": review ", rows.size() + 1)));
    rows.back().label = review.label;
    shorten(rows.back(), longest);
  }
  return rows;
}

}  // namespace

Tokenizer make_tokenizer(const experiment::TextCorpus& texts, const Options& options) {
  const std::string folder = options.model_folder();
  const std::string published = texts.generated ? "" : options.data + "/bert-base-uncased-vocab.txt";
  make_folders(folder);
  if (!published.empty() && !std::filesystem::exists(published)) {
    train_tokenizer(texts, folder);
  } else {
    write_file(folder + "/vocab.txt", vocabulary_of(published));
    write_file(folder + "/tokenizer_config.json",
               "{\"tokenizer_class\": \"BertTokenizer\", \"do_lower_case\": true}\n");
    write_file(folder + "/special_tokens_map.json",
               "{\"cls_token\": \"[CLS]\", \"sep_token\": \"[SEP]\", \"pad_token\": \"[PAD]\", "
               "\"unk_token\": \"[UNK]\", \"mask_token\": \"[MASK]\"}\n");
  }
  return load_tokenizer(folder).value();
}

Corpus make_corpus(const experiment::TextCorpus& texts, const Options& options, const Tokenizer& tokenizer) {
  return {texts.title, rows_of(texts.train, texts.title + " train", tokenizer, options.sizes.longest),
          rows_of(texts.test, texts.title + " test", tokenizer, options.sizes.longest)};
}

}  // namespace slalom::case_study
