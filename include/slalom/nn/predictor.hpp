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

/// How the linear maps of a transformer's blocks are computed: like everything else, or with bf16 inputs and
/// weights.
enum class BlockMaps { full, bf16 };

/// How far log-odds with maps in bf16 were from those in float, in nats.
struct Bf16Differences {
  Index n = 0;
  double median = 0, largest = 0;
};
Bf16Differences summarise_differences(std::vector<double> absolute);
/// "N queries in float32, too: …"
std::string sentence(const Bf16Differences& found);

template <class T>
class Predictor {
 public:
  /// The model must outlive the predictor, and keep its values if maps are in bf16: the weights are rounded
  /// here. `batch_rows` bounds the rows_of_memory() of a batch (one longer text is a batch of its own).
  /// Throws Error for bf16 unless the model is a transformer in float.
  explicit Predictor(TextClassifier<T>& model, Index batch_rows = 4096, BlockMaps maps = BlockMaps::full);

  /// logits (B, C), row-major. Throws Error as the model does, and for logits that are not finite,
  /// naming the text and the first activation that is not.
  void logits(const PackedTexts& texts, std::vector<T>& out);

  /// Of the last call, where maps are in bf16: every tenth text since construction or restart(), and its
  /// logits in float.
  struct Checked {
    Index text;
    std::vector<T> logits;  // (C)
  };
  const std::vector<Checked>& checked() const { return checked_; }
  void restart() { number_ = 0; }

  /// Without the logits that check others.
  const QueryCost& cost() const { return cost_; }

 private:
  void compute(const PackedTexts& texts, const ForwardOptions& pass, std::vector<T>& out);
  void check_tenth(const PackedTexts& texts);
  void run_batch(const PackedTexts& texts, std::span<const Index> chosen, const ForwardOptions& pass,
                 std::vector<T>& out);
  [[noreturn]] void report_not_finite(Index text_number, const ForwardOptions& pass);

  TextClassifier<T>& model_;
  Index batch_rows_;
  Tape<T> tape_{Recording::off};
  QueryCost cost_;
  PackedTexts batch_;
  std::vector<Bf16Weight> bf16_;  // empty: maps are computed in full
  std::vector<Checked> checked_;
  Index number_ = 0;  // of the next text
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
