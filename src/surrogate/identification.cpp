#include "slalom/surrogate/identification.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/surrogate/identification_queries.hpp"

namespace slalom {

namespace detail {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMostRoundings = 1e6;  // error of an importance against the rounding of an output
constexpr Index kMostCopies = 64;       // of a token in one text

}  // namespace

Queries::Queries(const Answers& log_odds, const IdentificationOptions& options, Sample& asked)
    : log_odds_(log_odds),
      asked_(asked),
      rounding_(options.rounding),
      most_copies_(static_cast<double>(std::clamp<Index>(options.longest / 2, 1, kMostCopies))) {}

std::vector<double> Queries::outputs(const std::vector<Text>& texts) {
  if (texts.empty()) return {};
  std::vector<double> found = log_odds_(texts);
  if (found.size() != texts.size())
    throw Error(concat("[identification] ", found.size(), " outputs, wanted ", texts.size()));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!std::isfinite(found[i]))
      throw Error(concat("[identification] the log-odds of a text of ", texts[i].size(), " tokens is ",
                         found[i], ", wanted a finite number"));
    asked_.add(texts[i], found[i]);
    largest_ = std::max(largest_, std::abs(found[i]));
  }
  return found;
}

std::vector<double> Queries::with_partner(const std::vector<Index>& tokens, Index partner) {
  std::vector<Text> texts;
  for (const Index k : tokens) texts.push_back({static_cast<Token>(k), static_cast<Token>(partner)});
  return outputs(texts);
}

std::vector<double> Queries::single_tokens(Index tokens, bool empty_text) {
  std::vector<Text> texts(empty_text ? 1 : 0);
  for (Index k = 0; k < tokens; ++k) texts.push_back({static_cast<Token>(k)});
  return outputs(texts);
}

double Queries::wanted_error() const {
  return std::min(1e-3, kMostRoundings * rounding_);
}

Text copies(Index k, double times) {
  return Text(static_cast<std::size_t>(times), static_cast<Token>(k));
}

namespace {

/// s_k − s_partner as one output tells it, and what rounding may have done to it.
struct LogRatio {
  double value = 0, error = kInfinity;
  bool violation = false;  // the output is not between the two values
};

/// F = (m e^d v_k + n v_partner) / (m e^d + n) for m copies of k and n of its partner, solved for d.
LogRatio log_ratio(double output, double value, double partner_value, double copies_ratio, double rounding) {
  const double range = value - partner_value;
  const double from_partner = (output - partner_value) / range, from_token = (value - output) / range;
  const double slack = rounding / std::abs(range);
  if (from_partner <= slack) return {-kImportanceBound, kInfinity, from_partner < -slack};
  if (from_token <= slack) return {kImportanceBound, kInfinity, from_token < -slack};
  return {std::log(from_partner / from_token / copies_ratio), slack / from_partner + slack / from_token,
          false};
}

/// Importances by pairs of tokens whose values differ; values are known.
class PairedImportances {
 public:
  PairedImportances(const std::vector<double>& value, Queries& queries, Identification& result)
      : value_(value),
        queries_(queries),
        result_(result),
        importance_(value.size()),
        error_(value.size(), kInfinity),
        violated_(value.size()) {}

  std::vector<double> find() {
    const auto [lowest, highest] = std::minmax_element(value_.begin(), value_.end());
    range_ = *highest - *lowest;
    if (value_.size() == 1) {
      result_.warnings.push_back("one token only: its importance is 0, nothing else tells it");
      return importance_;
    }
    if (range_ <= queries_.rounding()) {
      result_.warnings.push_back("all tokens have the same value: no importance can be told, all are 0");
      return importance_;
    }
    choose_reference(lowest - value_.begin(), highest - value_.begin());
    ask_pairs();
    for (int round = 0; round < 4 && refine(); ++round) {
    }
    return importance_;
  }

 private:
  double distance(Index k, Index j) const { return std::abs(value_[k] - value_[j]); }

  /// The extreme value that lies further from the others, so that few tokens are near it.
  void choose_reference(Index lowest, Index highest) {
    const double mean =
        std::accumulate(value_.begin(), value_.end(), 0.0) / static_cast<double>(value_.size());
    reference_ = mean - value_[lowest] > value_[highest] - mean ? lowest : highest;
    result_.reference = static_cast<Token>(reference_);
    error_[reference_] = 0;
  }

  /// Each token with the reference; where the values are too close, with a second reference that the first
  /// told: K − 1 pairs in all.
  void ask_pairs() {
    constexpr double kClose = 0.1;
    std::vector<Index> far, close;
    for (Index k = 0; k < std::ssize(value_); ++k)
      if (k != reference_) (distance(k, reference_) < kClose * range_ ? close : far).push_back(k);
    result_.pairs = std::ssize(far) + std::ssize(close);
    ask_with(far, reference_);
    if (!close.empty()) ask_with(close, second_reference(far));
  }

  /// Far from the reference in value, well told, and if possible of like importance.
  Index second_reference(const std::vector<Index>& far) const {
    const auto cost = [&](Index k) {
      const double conditioning = violated_[k] ? 1e6 : std::exp(std::min(std::abs(importance_[k]), 13.0));
      return conditioning / distance(k, reference_);
    };
    return *std::min_element(far.begin(), far.end(), [&](Index a, Index b) { return cost(a) < cost(b); });
  }

  void ask_with(const std::vector<Index>& tokens, Index partner) {
    const std::vector<double> outputs = queries_.with_partner(tokens, partner);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const Index k = tokens[i];
      const LogRatio ratio = log_ratio(outputs[i], value_[k], value_[partner], 1, queries_.rounding());
      importance_[k] = importance_[partner] + ratio.value;
      error_[k] = error_[partner] + ratio.error;
      violated_[k] = ratio.violation;
      result_.violations += ratio.violation;
    }
  }

  /// Asks again about tokens whose output was within rounding of one of the two values: with the partner
  /// whose importance is nearest, and with as many copies of the weaker of the two as balance them. False if
  /// there is nothing to do.
  bool refine() {
    struct Question {
      Index token, partner;
      double times, partner_times;
    };
    std::vector<Question> open;
    std::vector<Text> texts;
    for (Index k = 0; k < std::ssize(value_); ++k) {
      if (violated_[k] || error_[k] <= queries_.wanted_error()) continue;
      const Index partner = best_partner(k);
      const double difference = std::clamp(importance_[k] - importance_[partner], -20.0, 20.0);
      const double times = std::clamp(std::round(std::exp(-difference)), 1.0, queries_.most_copies()),
                   partner_times = std::clamp(std::round(std::exp(difference)), 1.0, queries_.most_copies());
      if (partner == k) continue;
      open.push_back({k, partner, times, partner_times});
      Text& both = texts.emplace_back(copies(k, times));
      both.resize(both.size() + static_cast<std::size_t>(partner_times), static_cast<Token>(partner));
    }
    const std::vector<double> outputs = queries_.outputs(texts);
    bool better = false;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const auto [k, partner, times, partner_times] = open[i];
      const LogRatio ratio =
          log_ratio(outputs[i], value_[k], value_[partner], times / partner_times, queries_.rounding());
      if (ratio.violation || !(error_[partner] + ratio.error < error_[k])) continue;
      importance_[k] = importance_[partner] + ratio.value;
      error_[k] = error_[partner] + ratio.error;
      better = true;
    }
    return better;
  }

  /// Of the tokens that are well told and far enough in value, the one nearest in importance; k itself if
  /// there is none.
  Index best_partner(Index k) const {
    Index best = k;
    double least = kInfinity;
    for (Index j = 0; j < std::ssize(value_); ++j) {
      if (j == k || violated_[j] || error_[j] > queries_.wanted_error() || distance(k, j) < 0.2 * range_)
        continue;
      const double gap = std::abs(importance_[k] - importance_[j]);
      if (gap < least) {
        best = j;
        least = gap;
      }
    }
    return best;
  }

  const std::vector<double>& value_;
  Queries& queries_;
  Identification& result_;
  std::vector<double> importance_, error_;  // relative to the reference
  std::vector<char> violated_;
  double range_ = 0;
  Index reference_ = 0;
};

}  // namespace

SlalomModel identify_by_pairs(std::vector<double> value, std::optional<Background> background,
                              Queries& queries, Identification& result) {
  SlalomModel model{std::move(value), {}, background};
  model.importance = PairedImportances(model.value, queries, result).find();
  model.bound_importances();
  return model;
}

}  // namespace detail

namespace {

void check(Index tokens, const IdentificationOptions& options) {
  if (tokens < 1) throw Error(concat("[identification] ", tokens, " tokens, wanted at least 1"));
  if (options.extra_pairs < 0)
    throw Error(concat("[identification] ", options.extra_pairs, " extra pairs, wanted 0 or more"));
  const Index parameters = 2 * tokens + (options.background ? 2 : 0);
  const bool fitted = options.extra_pairs > 0 || (options.background && !options.empty_text);
  if (fitted && parameters > kMostSlalomParameters)
    throw Error(concat("[identification] ", parameters, " parameters, wanted at most ", kMostSlalomParameters,
                       " for a least-squares fit"));
}

/// Least squares over everything that was queried, from the closed form, which stays where it is as good.
void refine(Identification& result, bool background) {
  const SlalomFit fit = fit_slalom(result.asked, {.background = background, .start = result.model});
  const double mse = mean_squared_error(result.asked, predict(fit.model, result.asked));
  if (background == result.model.background.has_value() && mse >= result.first_mse) return;
  result.model = fit.model;
  result.refined_mse = mse;
  result.warnings.insert(result.warnings.end(), fit.warnings.begin(), fit.warnings.end());
}

}  // namespace

Identification identify_slalom(Index tokens, const Answers& log_odds, const IdentificationOptions& options) {
  check(tokens, options);
  Identification result;
  result.asked.tokens = tokens;
  detail::Queries queries(log_odds, options, result.asked);
  const bool ask_background = options.background && options.empty_text,
             ask_twice = options.background && !options.empty_text;
  result.model = ask_background
                     ? detail::identify_with_background(tokens, queries, result)
                     : detail::identify_by_pairs(queries.single_tokens(tokens, false), {}, queries, result);
  if (result.violations > 0)
    result.warnings.push_back(
        concat(result.violations, " of ", result.pairs, " pairs (", 100 * result.violations / result.pairs,
               " %) have log-odds that no SLALOM with these values allows; the importances "
               "are bounded there"));
  if (ask_twice) {
    std::vector<detail::Text> twice;
    for (Index k = 0; k < tokens; ++k) twice.push_back(detail::copies(k, 2));
    queries.outputs(twice);
  }
  queries.outputs(draw_new_pairs(result.asked, options.extra_pairs, options.seed));
  result.first_mse = result.refined_mse =
      mean_squared_error(result.asked, predict(result.model, result.asked));
  if (options.extra_pairs > 0 || ask_twice) refine(result, options.background);
  return result;
}

}  // namespace slalom
