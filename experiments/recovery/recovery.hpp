// Does a SLALOM find the SLALOM that made the data? (paper, section 6.3, Figure 4c and d): from the answers
// of the truth itself, and from those of transformers trained on its texts.
#pragma once

#include <string>
#include <vector>

#include "../support/experiment.hpp"
#include "../support/models.hpp"

namespace slalom::recovery {

constexpr Index kLongestFitted = 8;  // words of the texts that surrogates are fitted to
constexpr Index kLayers = 2;         // of the DistilBERTs

struct Size {
  std::string name;
  std::vector<Index> counts;  // |V|
  Index fitted;               // texts
  Index width, heads;         // of the DistilBERTs
  Index epochs, epoch_texts;
  double rate;
};

struct Options : experiment::Options {
  std::string words;  // TSV table, or empty: a table is drawn
  Size sizes;
};

/// The first `count` words of the table. Throws Error if it has fewer.
std::vector<SlalomWord> words_of(const Options& options, Index count);

/// {"words", "fitted", "identified", "published"}: fits to the truth's answers. A fit is {"value_rmse"
/// (nats), "importance_rmse", "value_correlation", "importance_correlation", "seconds"} and a number a word:
/// "word", "value", "true_value", "importance", "true_importance". Of the words, only those that occur in the
/// texts count, and importances are centred over them.
Json recover_from_truth(Index count, const Options& options);
/// {"words", "loss", "accuracy", "seconds", "plain", "background"}: fits to a trained model's answers.
Json recover_from_transformer(Index count, const Options& options, const experiment::Part& part);

/// A record of each for every |V|.
bool report(const std::vector<Json>& truths, const std::vector<Json>& transformers, const Options& options);

}  // namespace slalom::recovery
