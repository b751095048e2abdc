// Explanations of sentiment classifiers by every method, under the published settings and corrected ones, and
// every number that the tables of the paper's section 6 are made of. One record a text.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../support/lstm.hpp"
#include "../support/reviews.hpp"
#include "slalom/bow/linear_classifiers.hpp"
#include "slalom/bow/naive_bayes.hpp"
#include "slalom/bow/tfidf_network.hpp"
#include "slalom/explain/explanation.hpp"
#include "slalom/metrics/published.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace slalom::text_study {

struct Size {
  Index texts;                 // reviews of a corpus
  Index attended;              // reviews of each Yelp-HAT subset
  Index drawn;                 // texts with known log-odds
  Index references;            // reviews for models that are no transformers
  Index queries;               // of every method that samples
  std::vector<Index> samples;  // whose seconds are measured
  Index repeats;
  Index shortest;  // tokens of a review of which shares are removed
};

/// How many tokens explained reviews have, special ones apart.
struct TokenRange {
  Index least = 1, most = std::numeric_limits<Index>::max();
};

struct Settings : experiment::Options {
  std::string data;    // folder of the reviews; empty: generated ones
  std::string models;  // folder of the classifiers
  std::vector<experiment::TextModel> kinds;
  Size sizes;
  TokenRange tokens;
};

/// What is explained: a classifier with two classes behind a black box.
struct Subject {
  std::string key, title;  // "distilbert_2", "DistilBERT, 2 layers"
  std::string weights;     // fingerprint of all that its answers depend on
  Index seed = 0;          // of its training
  const Tokenizer* tokenizer = nullptr;
  Index longest = 0;        // tokens of a text
  bool transformer = true;  // methods that look inside can
  /// F of the positive class, or, for class 0, of the negative one.
  std::function<std::unique_ptr<BlackBox>(Index target)> box;
};

/// Weights of tokens that know the training reviews but no transformer.
struct References {
  LabelledCounts counts;
  LinearBag bayes, regression, svm;
  std::vector<double> bayes_scores;     // (V)
  std::vector<double> published_bayes;  // (V), as the published metric has them
  std::string identity;                 // fingerprint of the reviews

  /// `tokens` are those of the reviews, cut to what the model reads.
  References(std::span<const Review> reviews, const PackedBatch& tokens, const Tokenizer& tokenizer);
};

/// A classifier of reviews from its folder, with its tokenizer and the texts it was trained on.
struct Opened {
  Index train_texts;  // of the corpus, at most
  Tokenizer tokenizer;
  LoadedModel<float> model;
  Subject subject;
};
/// Throws Error saying which target trains it if the folder is not there.
std::unique_ptr<Opened> open_transformer(const experiment::TextModel& kind, const std::string& corpus,
                                         const Settings& options);

/// Models that are no transformers, fitted to the reviews; they read the tokens of `beside`.
struct Others {
  std::unique_ptr<TfidfNetwork<float>> network;
  std::unique_ptr<experiment::Lstm<float>> lstm;
  std::vector<Subject> subjects;
};
/// `references` and `beside` must outlive them.
Others fit_others(const std::vector<InputRow>& reviews, const References& references, const Opened& beside,
                  const Settings& options);

/// A text to explain, and what else is known of it.
struct StudyText {
  std::string corpus, corpus_title;
  Index number = 0;
  int label = 0;
  Encoding encoding;
  std::vector<int> marks;  // (S) of the words' tokens where people marked them; empty: nobody was asked
  published::AttendedTokens attended;  // the same as the published metric has it
  const UnigramClasses* drawn = nullptr;
};

/// The corpora of a part: "imdb", "yelp" (reviews), "human" (the three subsets of Yelp-HAT), "drawn" (texts
/// of IMDB's unigram distributions). Texts are cut to `longest` tokens; the first reviews with as many tokens
/// as options.tokens says.
std::vector<StudyText> texts_of(const std::string& part, const experiment::TextCorpus& corpus,
                                const experiment::BagOfCorpus* drawn, const Subject& subject,
                                const Settings& options);

/// The record of a text (README.md of this folder says what it holds).
Json explain_text(const Subject& subject, const StudyText& text, const References& references,
                  const Settings& options);

/// Seconds and cost of each method for each number of samples: one line for each repeat.
std::vector<Json> runtimes(const Subject& subject, const StudyText& text, const Settings& options);

}  // namespace slalom::text_study
