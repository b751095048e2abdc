// What a sentiment classifier has learned of single words (paper, section 6): a model trained from scratch on
// film reviews, its vocabulary card, and the words in it that say nothing of a film.
#pragma once

#include <string>
#include <vector>

#include "../support/corpora.hpp"
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

/// The vocabulary's files in the model's folder, and the tokenizer that they make: BERT's vocabulary from
/// options.data, or one that is trained on the training reviews; all words of generated reviews.
Tokenizer make_tokenizer(const experiment::TextCorpus& texts, const Options& options);
Corpus make_corpus(const experiment::TextCorpus& texts, const Options& options, const Tokenizer& tokenizer);

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
