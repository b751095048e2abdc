// An explanation of one text: scores of its tokens, and the numbers that say how far to trust them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "slalom/explain/explained_text.hpp"
#include "slalom/explain/flip.hpp"
#include "slalom/explain/shapley.hpp"
#include "slalom/text/tokenizer.hpp"

namespace slalom {

/// How well an explanation predicts log-odds of deletions of its text: of those that it was not made from, as
/// far as there are any.
struct Fidelity {
  double r2 = 0, mse = 0;  // r2 is NaN if all true log-odds are equal; mse in nats²
  double correlation = 0;  // Pearson's, of predicted and true: for scores without a scale; NaN as r2
  /// r2 of what the tokens' scores alone predict, where the explanation has more: calibration left out,
  /// position effects replaced by their mean. NaN where it has no more.
  double r2_scores = std::numeric_limits<double>::quiet_NaN();
  std::vector<Index> removed;       // how many tokens were removed
  std::vector<double> mse_removed;  // of each of these numbers
  Index n = 0, unseen = 0;          // texts, and those of them that the explanation was not made from
  QueryCost cost;
};

struct Explanation {
  std::string method;
  double log_odds = 0;  // F(t), nats
  /// Scores by name, each (n). Of a SLALOM: "part", a token's share of the weight times its value (with the
  /// background's the parts add up to the surrogate's F(t), nats), "removal", the surrogate's F(t without i)
  /// − F(t), NaN where nothing would be left, "value", "importance", "linear", exp(importance) · value; of a
  /// fitted one the standard errors "part_se", "value_se", "importance_se". Of others: "weight", and
  /// "standard_error" where it has any.
  std::vector<std::pair<std::string, std::vector<double>>> columns;
  std::optional<Background> background;  // of a SLALOM that has one
  std::vector<double> special;           // the special tokens' weights, in order, where the method gives any
  /// The explanation's own log-odds of a coalition; additive scores w mean F(t) − Σ of the absent tokens' w.
  std::function<double(std::span<const std::uint8_t> member)> predict;
  /// The same by the tokens' scores alone, or empty: there is no more.
  std::function<double(std::span<const std::uint8_t> member)> predict_by_scores;
  std::optional<Fidelity> fidelity;
  Bf16Differences bf16;  // of all these queries
  QueryCost cost;        // of the explanation, without its fidelity
  double seconds = 0;
  std::vector<std::pair<std::string, double>> checks;  // the method's own, by name
  std::vector<Flip> flips;                             // what changes the sign of F, if that was wanted
  std::string fit;                                     // what a fit chose, in words; empty without a fit
  std::vector<std::string> warnings;

  bool is_slalom() const { return find("value") != nullptr; }
  /// Nothing if there is no such column.
  const std::vector<double>* find(const std::string& name) const;
  /// Throws Error naming the columns there are.
  const std::vector<double>& column(const std::string& name) const;
  /// Σ exp(importance) of a SLALOM's tokens and background, of which they have shares, and the background's.
  double weight() const;
  double background_weight() const { return background ? std::exp(background->importance) : 0; }
  /// How tokens are taken away where the prediction is held against F: a SLALOM is a model of shorter texts,
  /// whatever masking Shapley games use.
  Masking masking(Masking of_games) const { return is_slalom() ? Masking{} : of_games; }
};

/// What integrated gradients start from: word embeddings of zero, at all positions; or those of the pad or
/// the mask token in the place of every explained token.
enum class Baseline { zero, pad, mask };

/// Scores of the opened model that values of a SLALOM shrink towards, times a factor that the fit finds.
enum class Prior { none, gradient /* input x gradient */, attn_lrp };
inline constexpr const char* kPriorNames[] = {"none", "gradient", "attn-lrp"};

struct ExplainOptions {
  std::optional<Index> budget;     // queries, as each method counts them; empty: the method's default
  std::optional<bool> background;  // of the SLALOM methods; empty: fitted if the text has special tokens
  Masking masking;                 // in Shapley games, leave-one-out and deletions that a method queries
  Index short_length = 2;          // slalom-eff: tokens of a text
  Index most_deleted = 10;         // slalom-fidel, linear-deletion: tokens deleted at most
  bool larger_too = false;         // but in half of the deletions, which have more, up to all
  std::optional<Prior>
      prior{};            // of SLALOMs fitted to deletions; empty: attn_lrp where the model can be opened
  bool positions = true;  // SLALOMs fitted to deletions have position effects where they predict better
  Index flip = 0;         // SLALOMs: tokens removed at most to change the sign of F; 0: not wanted
  Index calibrate = 0;    // deletions that a calibration is fitted to; 0: none
  Baseline baseline = Baseline::zero;          // integrated-gradients
  std::optional<TokenId> pad_id{}, mask_id{};  // of these baselines
  std::optional<TokenId> unk_id{};             // kernel-shap as published: of absent tokens
  const Tokenizer* tokenizer = nullptr;        // lime as published: of what is left of a text
  double tolerance = 1e-3;                     // integrated-gradients: the largest completeness gap, nats
  bool as_published = false;                   // the method's published variant (explain/published.hpp)
  std::uint64_t seed = 0;
  Index held_out = 5;  // fidelity: texts for each number of removed tokens; 0: no fidelity
};

/// What a method queries of a text of n units, K of them distinct.
enum class QueryKind {
  none,
  passes,          // forward and backward passes of the whole text
  identification,  // 2K + 1 texts of up to two units, and `budget` pairs
  short_texts,     // `budget` texts of short_length units
  deletions,       // `budget` deletions of up to most_deleted units
  single_deletions,
  coalitions,  // `budget` of them, of n / 2 units on average
  all_coalitions
};

/// Sets scores, predict, checks and warnings of the result, which has F(t).
using ExplainText = void(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                         Explanation& result);

struct Method {
  const char* name;
  const char* summary;
  ExplainText* explain;
  QueryKind queries;
  Index default_budget;  // 0: the method has no budget, or needs none
  std::string uses;      // the options that make a difference to it, by their command-line names
  /// The published variant, which uses no option but the budget, and its budget; null: there is none.
  ExplainText* as_published = nullptr;
  Index published_budget = 0;
  Index budget_each = 0;  // the default budget grows to this many queries for each unit of a long text

  bool has(const std::string& option) const {
    return option == "as-published" ? as_published != nullptr
                                    : (" " + uses + " ").find(" " + option + " ") != std::string::npos;
  }
  Index budget(const ExplainOptions& options, Index units) const {
    return options.budget.value_or(options.as_published && as_published != nullptr
                                       ? published_budget
                                       : std::max(default_budget, budget_each * units));
  }
};
const std::vector<Method>& methods();
/// Throws UsageError naming the methods there are.
const Method& method_named(const std::string& name);

/// Fits offset + slope · removed tokens + factor · (prediction − F(t)) to log-odds of `options.calibrate`
/// deletions of 1 … 10 tokens, and makes that the prediction; the scores are multiplied by the factor, and
/// the three numbers are checks. So scores in any unit predict log-odds.
void calibrate(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
               Explanation& explanation);

/// Explains the text, and scores the explanation on held-out deletions. The same text, options and seed give
/// the same bits. Throws Error as the black box and the method do, UsageError for a budget below 1.
Explanation explain(const Method& method, BlackBox& f, const ExplainedText& text,
                    const ExplainOptions& options);

/// About what explain() will query, its fidelity included: queries as it counts them, token-forwards with the
/// average length of such texts. A backward pass counts as two forward passes, integrated gradients as 64 of
/// both.
QueryCost expected_cost(const Method& method, const ExplainedText& text, const ExplainOptions& options);

/// R² and mean squared error of predicted against true log-odds on different deletions of the text,
/// `held_out` for each of 1 … 10 removed tokens (fewer where there are no more); empty if no token can be
/// removed.
std::optional<Fidelity> fidelity(const Explanation& explanation, BlackBox& f, const ExplainedText& text,
                                 const ExplainOptions& options);

}  // namespace slalom
