// What a sentiment classifier has learned of single words (paper, section 6): a model trained from scratch on
// film reviews, global token importance, and the words in it that say nothing of a film.
#pragma once

#include <string>
#include <vector>

#include "../support/text_models.hpp"
#include "slalom/explain/global_importance.hpp"

namespace slalom::case_study {

/// What the model makes of the test texts.
struct Study {
  std::string corpus;          // "IMDB", "generated reviews"
  Json training;               // "loss", "accuracy", "seconds"
  Index right = 0, texts = 0;  // of the test texts
  GlobalImportance card;       // made from the test texts
};

/// The exit status says whether every expectation holds.
int report(const Study& study, const Tokenizer& tokenizer, const experiment::Options& options);

}  // namespace slalom::case_study
