// A classifier as explainers see it: texts in, log-odds out, and what that cost.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "slalom/base/distinct.hpp"
#include "slalom/nn/classifier.hpp"
#include "slalom/nn/predictor.hpp"

namespace slalom {

/// The transformer behind a black box and the class that is explained, for methods that look inside; no
/// transformer where there is none, or none of ours.
struct GradientAccess {
  std::variant<std::monostate, Classifier<float>*, Classifier<double>*> transformer;
  Index target = 1;
};

class BlackBox {
 public:
  virtual ~BlackBox() = default;

  /// F of each text in nats: the log-odds of the target class against the rest. Texts that were queried
  /// before, in this call or since forget(), are not queried again. Throws Error for outputs that are not
  /// finite, naming the text, and as their source does.
  std::vector<double> log_odds(const PackedTexts& texts);
  double log_odds(std::span<const TokenId> text);

  /// Text b was queried since forget().
  bool knows(const PackedTexts& texts, Index b) const;
  /// Relative rounding error of an output.
  virtual double rounding() const { return 0x1p-52; }
  /// Tokens of the longest text that can be queried.
  virtual Index longest() const { return std::numeric_limits<Index>::max(); }

  /// Whether another query makes sense: an Error about a text does not end that, one of the source does.
  virtual bool can_be_queried() const { return true; }

  /// Since construction: queries, those that had to be made, and their tokens.
  const QueryCost& cost() const { return cost_; }
  virtual GradientAccess gradient_access() { return {}; }
  /// Counts what a method took of the gradient_access().
  void add_cost(const QueryCost& cost) { cost_ += cost; }
  /// What a reader of an explanation should know of the outputs since forget(); empty if nothing.
  virtual std::vector<std::string> warnings() const { return {}; }
  /// |F − F in float32| in nats of the outputs since forget() that were computed in both; empty where F is
  /// not in bf16.
  virtual std::span<const double> bf16_differences() const { return {}; }
  /// Drops the outputs that are kept for repeated queries, and what warnings() says of them.
  virtual void forget();

 protected:
  /// outputs[b] = F(text b) for texts that are all different.
  virtual void query(const PackedTexts& texts, std::span<double> outputs) = 0;

 private:
  QueryCost cost_;
  DistinctLists distinct_;       // keys of texts
  std::vector<double> outputs_;  // of these; NaN where the query failed
};

/// A black box with classes to choose from.
class ClassBlackBox : public BlackBox {
 public:
  virtual Index classes() const = 0;
  Index target() const { return target_; }
  /// From now on F is the log-odds of this class; forgets all outputs. Throws Error if there is no such
  /// class.
  void set_target(Index target);
  /// The class with the largest logit, the first of equals, for each text.
  virtual std::vector<Index> predicted(const PackedTexts& texts) = 0;

 private:
  Index target_ = 0;
};

/// A model of ours, queried in packed batches of at most `batch_rows` rows.
template <class T>
class ModelBlackBox final : public ClassBlackBox {
 public:
  /// Throws Error if the model has no class `target`, and as Predictor does.
  ModelBlackBox(TextClassifier<T>& model, Index target, Index batch_rows, BlockMaps maps = BlockMaps::full);
  double rounding() const override { return rounding_; }
  Index longest() const override;
  GradientAccess gradient_access() override;
  Index classes() const override { return model_.labels(); }
  std::vector<Index> predicted(const PackedTexts& texts) override;
  std::vector<std::string> warnings() const override;
  std::span<const double> bf16_differences() const override { return bf16_differences_; }
  void forget() override;

 private:
  void query(const PackedTexts& texts, std::span<double> outputs) override;
  double log_odds_of(std::span<const T> logits) const {
    return static_cast<double>(slalom::log_odds<T>(logits, target(), model_.problem()));
  }

  TextClassifier<T>& model_;
  Predictor<T> predictor_;
  double rounding_;
  std::vector<double> bf16_differences_;
  std::vector<T> logits_;
};

/// Any function of a text, for surrogates and tests.
class FunctionBlackBox final : public BlackBox {
 public:
  using Function = std::function<double(std::span<const TokenId>)>;
  explicit FunctionBlackBox(Function f) : f_(std::move(f)) {}

 private:
  void query(const PackedTexts& texts, std::span<double> outputs) override;
  Function f_;
};

/// A line {"log_odds": x}, and perhaps {"bound": "upper"}, "lower" or "both". Throws Error("WHERE: …") for
/// anything else.
struct ProgramAnswer {
  double log_odds = 0;
  std::string bound{};
};
ProgramAnswer parse_program_answer(std::string_view line, const std::string& where);

/// Any program: started with /bin/sh -c by the first question, it reads one JSON object {"input_ids": […]} a
/// line, with "token_type_ids": […] beside it unless all of them are 0, and answers {"log_odds": x} a line,
/// in order. "bound" beside it says that x is no more than a bound of the log-odds, "upper" or "lower", or
/// that they are unknown, "both"; warnings() counts these. Throws Error, with the last lines that the program
/// wrote to stderr, if it cannot be started, ends early, takes more than `timeout_seconds` for an answer,
/// writes anything but such a line, or writes more answers than it was asked questions; from then on it
/// cannot be asked. The program and all that it starts end with this process, however that ends.
class CommandBlackBox final : public BlackBox {
 public:
  CommandBlackBox(std::string command, double timeout_seconds);
  ~CommandBlackBox() override;
  std::vector<std::string> warnings() const override;
  void forget() override;
  bool can_be_queried() const override { return !failed_; }

 private:
  class Child;
  /// Of the answers since forget().
  struct Counts {
    Index answers = 0, upper = 0, lower = 0, both = 0;
  };
  void query(const PackedTexts& texts, std::span<double> outputs) override;

  std::string command_;
  double timeout_;
  std::unique_ptr<Child> child_;  // null before the first question
  bool failed_ = false;
  Counts counts_;
};

}  // namespace slalom
