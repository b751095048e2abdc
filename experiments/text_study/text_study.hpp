// Explanations of sentiment classifiers by every method, under the published settings and corrected ones, and
// every number that the tables of the paper's section 6 are made of. One record a text.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../support/experiment.hpp"
#include "../support/text_models.hpp"
#include "slalom/bow/linear_classifiers.hpp"
#include "slalom/bow/naive_bayes.hpp"
#include "slalom/explain/explanation.hpp"
#include "slalom/metrics/published.hpp"

namespace slalom::text_study {

struct Size {
  const char* name;
  Index texts;                 // reviews of a corpus
  Index attended;              // reviews of each Yelp-HAT subset
  Index drawn;                 // texts with known log-odds
  Index references;            // reviews for models that are no transformers
  Index queries;               // of every method that samples
  std::vector<Index> samples;  // whose seconds are measured
  Index repeats;
};

struct Options : experiment::Options {
  std::string data;    // folder of the reviews; empty: generated ones
  std::string models;  // folder of the classifiers
  std::vector<experiment::TextModel> kinds;
  Size sizes;
};

/// What is explained: a classifier with two classes behind a black box.
struct Subject {
  std::string key, title;  // "distilbert_2", "DistilBERT, 2 layers"
  std::string weights;     // fingerprint of all that its answers depend on
  const Tokenizer* tokenizer = nullptr;
  Index longest = 0;        // tokens of a text
  bool transformer = true;  // methods that look inside can
  /// F of the positive class, or, for class 0, of the negative one.
  std::function<std::unique_ptr<BlackBox>(Index target)> box;
};

/// Weights of tokens that know the training reviews but no transformer.
struct References {
  NaiveBayes bayes;
  LogisticRegression regression;
  LinearSvm svm;
  std::vector<double> published_bayes;  // (V), as the published metric has them
  std::string identity;                 // fingerprint of the reviews

  /// `tokens` are those of the reviews, cut to what the model reads.
  References(std::span<const Review> reviews, const PackedBatch& tokens, const Tokenizer& tokenizer);
};

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
/// of IMDB's unigram distributions). Texts are cut to `longest` tokens.
std::vector<StudyText> texts_of(const std::string& part, const experiment::TextCorpus& corpus,
                                const UnigramClasses* drawn, const SpecialTokens& special,
                                const Subject& subject, const Options& options);

/// The record of a text (README.md of this folder says what it holds).
Json explain_text(const Subject& subject, const StudyText& text, const References& references,
                  const Options& options);

/// Seconds and cost of each method for each number of samples: one line for each repeat.
std::vector<Json> runtimes(const Subject& subject, const StudyText& text, const Options& options);

/// A method and its settings.
struct Variant {
  std::string method;
  bool published;

  const char* settings() const { return published ? "published" : "corrected"; }
};
/// All that can explain the subject, in the order of the records.
std::vector<Variant> variants(const Subject& subject);
/// The explanation without a fidelity. Empty `queries`: the method's own number.
Explanation explained(const Variant& variant, BlackBox& f, const ExplainedText& text,
                      const Tokenizer& tokenizer, std::optional<Index> queries, std::uint64_t seed);

}  // namespace slalom::text_study
