// Logits of many texts: equal texts are computed once, the others in packed batches of bounded size.
#pragma once

#include <vector>

#include "slalom/nn/text_classifier.hpp"

namespace slalom {

/// What queries of a model cost; the same on every machine. A token-forward is one row through the model.
struct QueryCost {
  Index queries = 0, unique_queries = 0, token_forwards = 0;

  QueryCost& operator+=(const QueryCost& other) {
    queries += other.queries;
    unique_queries += other.unique_queries;
    token_forwards += other.token_forwards;
    return *this;
  }
  friend QueryCost operator-(const QueryCost& a, const QueryCost& b) {
    return {a.queries - b.queries, a.unique_queries - b.unique_queries, a.token_forwards - b.token_forwards};
  }
};

template <class T>
class Predictor {
 public:
  /// The model must outlive the predictor. `batch_rows` bounds the rows_of_memory() of a batch (one longer
  /// text is a batch of its own).
  explicit Predictor(TextClassifier<T>& model, Index batch_rows = 4096)
      : model_(model), batch_rows_(batch_rows) {}

  /// logits (B, C), row-major. Throws Error as the model does, and for logits that are not finite,
  /// naming the text and the first activation that is not.
  void logits(const PackedTexts& texts, std::vector<T>& out);

  const QueryCost& cost() const { return cost_; }

 private:
  void run_batch(const PackedTexts& texts, std::span<const Index> chosen, std::vector<T>& out);
  [[noreturn]] void report_not_finite(Index text_number);

  TextClassifier<T>& model_;
  Index batch_rows_;
  Tape<T> tape_{Recording::off};
  QueryCost cost_;
  PackedTexts batch_;
};

/// F(t) of the paper's section 3: the log-odds of class `target` against the rest in nats, logit_target − log
/// Σ over the others of e^logit; with two classes logit_target − logit_other. A label of its own has its
/// logit for log-odds, and F of a regression is the output itself.
template <class T>
T log_odds(std::span<const T> logits, Index target, ProblemType type = ProblemType::single_label);

/// ∂F / ∂logits (C): 1 for the target, for the others minus their softmax among themselves, or 0.
std::vector<double> log_odds_gradient(std::span<const double> logits, Index target,
                                      ProblemType type = ProblemType::single_label);

}  // namespace slalom
