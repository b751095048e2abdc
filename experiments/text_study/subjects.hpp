// Opening what is explained.
#pragma once

#include "slalom/bow/tfidf_network.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "text_study.hpp"

namespace slalom::text_study {

/// A classifier of reviews from its folder, with its tokenizer and the texts it was trained on.
struct Opened {
  Index train_texts;  // of the corpus, at most
  Tokenizer tokenizer;
  LoadedModel<float> model;
  Subject subject;
};
/// Throws Error saying which target trains it if the folder is not there.
std::unique_ptr<Opened> open_transformer(const experiment::TextModel& kind, const std::string& corpus,
                                         const Options& options);

/// Models that are no transformers, fitted to the reviews; they read the tokens of `beside`.
struct Bags {
  std::unique_ptr<TfidfNetwork<float>> network;
  std::vector<Subject> subjects;
};
/// `references` and `beside` must outlive them.
Bags fit_bags(const std::vector<InputRow>& reviews, const References& references, const Opened& beside,
              const Options& options);

}  // namespace slalom::text_study
