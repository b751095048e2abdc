// Sentiment classifiers trained from scratch on reviews (paper, section 6): what the text studies explain.
#pragma once

#include <string>
#include <vector>

#include "../support/experiment.hpp"
#include "../support/text_models.hpp"
#include "slalom/train/evaluation.hpp"

namespace slalom::text_models {

struct Size {
  const char* name;
  Index train_texts, test_texts;  // at most
  Index longest;                  // tokens of a text; of a longer one the beginning is read
  Index width, heads, epochs;     // at most
  double rate, dropout;
};

struct Options : experiment::Options {
  std::string corpus;  // imdb, yelp, sst2 or imdb_bow
  std::string data;    // folder of the reviews; empty: generated ones
  std::vector<experiment::TextModel> models;
  Size sizes;
};

/// Texts as one model reads them. Of the training texts every tenth is held out: training ends when the loss
/// there stops falling.
struct Texts {
  std::string corpus, title;   // key and name
  std::vector<InputRow> rows;  // reviews to train on; empty if texts are drawn
  std::unique_ptr<experiment::BagOfCorpus> drawn;
  PackedBatch held_out, test;
  std::vector<double> true_log_odds;  // of the test texts, nats; empty for reviews
};
Texts make_texts(const experiment::TextCorpus& corpus, const Tokenizer& tokenizer, const Options& options);

/// Trains the model into its folder, and asks it the test texts:
/// {"held_out_losses": [one an epoch], "best_epoch", "right", "texts", "loss", "seconds",
/// "tokens_per_second", and for drawn texts "bayes_right", "correlation", "slope"}; also written there as
/// kTrainingRecord.
Json train(const experiment::TextModel& model, const Texts& texts, const Tokenizer& tokenizer,
           const Options& options, const experiment::Part& part);

/// What bags of words make of the tokens: {"name", "right", "texts"} of naive Bayes, logistic regression and
/// a linear SVM.
std::vector<Json> bags_of_words(const Texts& texts, const Tokenizer& tokenizer);

bool report(const experiment::TextCorpus& corpus, const std::vector<Json>& models,
            const std::vector<Json>& bags, const Options& options);

}  // namespace slalom::text_models
