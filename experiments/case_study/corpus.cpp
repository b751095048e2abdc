// The reviews as token ids.
#include "case_study.hpp"
#include "slalom/base/files.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"

namespace slalom::case_study {

namespace {

constexpr std::uint64_t kFirstTestReview = std::uint64_t{1} << 40;

std::string vocabulary_of(const Options& options) {
  if (!options.data.empty()) return read_file(options.data + "/bert-base-uncased-vocab.txt");
  std::string lines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (const std::string& word : generated_words()) lines += word + "\n";
  return lines;
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

std::vector<InputRow> read_reviews(const std::string& path, Index most, const Tokenizer& tokenizer,
                                   const Options& options) {
  RowReader reader(path, {.vocabulary = tokenizer.vocabulary().size()}, &tokenizer);
  std::vector<InputRow> rows;
  for (InputRow row; std::ssize(rows) < most && reader.next(row);) {
    shorten(row, options.sizes.longest);
    rows.push_back(row);
  }
  return rows;
}

std::vector<InputRow> generate_reviews(std::uint64_t first, Index count, const Tokenizer& tokenizer,
                                       const Options& options) {
  std::vector<InputRow> rows;
  for (Index i = 0; i < count; ++i) {
    const Review review = generated_review(options.seed, first + static_cast<std::uint64_t>(i));
    rows.push_back(row_of_text(review.text, {}, {.vocabulary = tokenizer.vocabulary().size()}, tokenizer,
                               "a generated review"));
    rows.back().label = review.label;
    shorten(rows.back(), options.sizes.longest);
  }
  return rows;
}

}  // namespace

Tokenizer make_tokenizer(const Options& options) {
  const std::string folder = options.model_folder();
  make_folders(folder);
  write_file(folder + "/vocab.txt", vocabulary_of(options));
  write_file(folder + "/tokenizer_config.json",
             "{\"tokenizer_class\": \"BertTokenizer\", \"do_lower_case\": true}\n");
  write_file(folder + "/special_tokens_map.json",
             "{\"cls_token\": \"[CLS]\", \"sep_token\": \"[SEP]\", \"pad_token\": \"[PAD]\", "
             "\"unk_token\": \"[UNK]\", \"mask_token\": \"[MASK]\"}\n");
  return load_tokenizer(folder).value();
}

Corpus make_corpus(const Options& options, const Tokenizer& tokenizer) {
  const Size& size = options.sizes;
  if (options.data.empty())
    return {"generated reviews", generate_reviews(0, size.train_texts, tokenizer, options),
            generate_reviews(kFirstTestReview, size.test_texts, tokenizer, options)};
  return {"IMDB", read_reviews(options.data + "/imdb_train.tsv.gz", size.train_texts, tokenizer, options),
          read_reviews(options.data + "/imdb_test.tsv.gz", size.test_texts, tokenizer, options)};
}

}  // namespace slalom::case_study
