// How well a classifier does on labelled texts that it was not trained on.
#pragma once

#include <utility>

#include "slalom/data/batch.hpp"
#include "slalom/nn/text_classifier.hpp"

namespace slalom {

/// A share of successes, and Wilson's 95 % interval of it.
struct Share {
  Index right = 0, texts = 0;

  double value() const { return static_cast<double>(right) / static_cast<double>(texts); }
  std::pair<double, double> interval() const;
};

struct Evaluation {
  Share accuracy;   // of the class with the largest logit, or of texts whose labels are all right; 0 of 0
                    // texts of a regression
  double loss = 0;  // mean, see loss()
};

/// Throws Error for a batch without texts and for a label that is no class, and as the model does.
template <class T>
Evaluation evaluate(TextClassifier<T>& model, const PackedBatch& texts);

}  // namespace slalom
