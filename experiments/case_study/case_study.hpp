// What a sentiment classifier has learned of single words (paper, section 6): a model trained from scratch on
// film reviews, its vocabulary card, and the words in it that say nothing of a film.
#pragma once

#include <string>
#include <vector>

#include "../support/experiment.hpp"
#include "slalom/data/rows.hpp"
#include "slalom/explain/vocabulary_card.hpp"
#include "slalom/text/tokenizer.hpp"

namespace slalom::case_study {

struct Size {
  const char* name;
  Index train_texts, test_texts;  // at most
  Index longest;                  // tokens of a text; of a longer one its first and its last half are read
  Index layers, width, heads, epochs;
  double rate, dropout;
};

struct Options : experiment::Options {
  std::string data;  // folder of the reviews; empty: generated ones
  Size sizes;

  std::string model_folder() const { return folder + "/model"; }
};

/// Labelled reviews as the model reads them. Label 1 is a positive one.
struct Corpus {
  std::string name;  // "IMDB", "generated reviews"
  std::vector<InputRow> train, test;
};

/// Generated reviews: review `index` of a seed, a function of both alone. Every sentence agrees with the
/// label with probability 0.7; in 6 of 10 reviews a rating, "8" or "3", agrees with probability 0.95. The
/// rating is what is planted: it is a label that has leaked into the text, not an opinion of the film.
struct Review {
  std::string text;
  int label = 0;
};
Review generated_review(std::uint64_t seed, std::uint64_t index);
/// All words of generated reviews, each once.
std::vector<std::string> generated_words();

/// The vocabulary's files in the model's folder, and the tokenizer that they make.
Tokenizer make_tokenizer(const Options& options);
/// Reads the reviews of options.data (imdb_train.tsv.gz, imdb_test.tsv.gz), or generates them.
Corpus make_corpus(const Options& options, const Tokenizer& tokenizer);

/// Trains a classifier and writes it into the model's folder: {"loss", "accuracy", "seconds"}.
Json train(const Corpus& corpus, const Tokenizer& tokenizer, const Options& options,
           const experiment::Part& part);

/// What the model makes of the test texts.
struct Study {
  std::string corpus;
  Json training;
  Index right = 0, texts = 0;  // of the test texts
  VocabularyCard card;         // made from the test texts

  double accuracy() const { return static_cast<double>(right) / static_cast<double>(texts); }
};
Study examine(const Corpus& corpus, const Tokenizer& tokenizer, const Json& training, const Options& options);

bool report(const Study& study, const Tokenizer& tokenizer, const Options& options);

}  // namespace slalom::case_study
