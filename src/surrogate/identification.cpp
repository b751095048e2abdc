#include "slalom/surrogate/identification.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

using Token = Sample::Token;
using Text = std::vector<Token>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Error of an importance, against the rounding of an answer, from which on more is asked: 2e-10 in float64.
constexpr double kMostRoundings = 1e6;
constexpr Index kMostCopies = 64;  // of a token in one text

/// Asks, and keeps what was asked.
class Questions {
 public:
  Questions(const Answers& answers, const IdentificationOptions& options, Sample& asked)
      : answers_(answers),
        asked_(asked),
        rounding_(options.rounding),
        most_copies_(static_cast<double>(std::clamp<Index>(options.longest / 2, 1, kMostCopies))) {}

  std::vector<double> ask(const std::vector<Text>& texts) {
    if (texts.empty()) return {};
    std::vector<double> found = answers_(texts);
    if (found.size() != texts.size())
      throw Error(concat("[identification] ", found.size(), " answers, wanted ", texts.size()));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (!std::isfinite(found[i]))
        throw Error(concat("[identification] the log-odds of a text of ", texts[i].size(), " tokens is ",
                           found[i], ", wanted a finite number"));
      asked_.add(texts[i], found[i]);
      largest_ = std::max(largest_, std::abs(found[i]));
    }
    return found;
  }
  /// Rounding error of an answer.
  double rounding() const { return 2 * rounding_ * largest_; }
  /// Of one token: twice as many fit into a text.
  double most_copies() const { return most_copies_; }
  /// Of an importance; where rounding may do more, more is asked.
  double wanted_error() const { return std::min(1e-3, kMostRoundings * rounding_); }

 private:
  const Answers& answers_;
  Sample& asked_;
  double rounding_, most_copies_, largest_ = 0;
};

Text copies(Index k, double times) {
  return Text(static_cast<std::size_t>(times), static_cast<Token>(k));
}

/// F([0]) … F([K − 1]), behind F([]) if that is asked, too.
std::vector<double> ask_single_tokens(Index tokens, bool empty_text, Questions& questions) {
  std::vector<Text> texts(empty_text ? 1 : 0);
  for (Index k = 0; k < tokens; ++k) texts.push_back({static_cast<Token>(k)});
  return questions.ask(texts);
}

/// F([k, partner]) for each of the tokens k.
std::vector<double> ask_with_partner(const std::vector<Index>& tokens, Index partner, Questions& questions) {
  std::vector<Text> texts;
  texts.reserve(tokens.size());
  for (const Index k : tokens) texts.push_back({static_cast<Token>(k), static_cast<Token>(partner)});
  return questions.ask(texts);
}

// --- without background ----------------------------------------------------------------------------------

/// s_k − s_partner as one answer tells it, and what rounding may have done to it.
struct LogRatio {
  double value = 0, error = kInfinity;
  bool violation = false;  // the answer is not between the two values
};

/// F = (m e^d v_k + n v_partner) / (m e^d + n) for m copies of k and n of its partner, solved for d.
LogRatio log_ratio(double answer, double value, double partner_value, double copies_ratio, double rounding) {
  const double range = value - partner_value;
  const double from_partner = (answer - partner_value) / range, from_token = (value - answer) / range;
  const double slack = rounding / std::abs(range);
  if (from_partner <= slack) return {-kImportanceBound, kInfinity, from_partner < -slack};
  if (from_token <= slack) return {kImportanceBound, kInfinity, from_token < -slack};
  return {std::log(from_partner / from_token / copies_ratio), slack / from_partner + slack / from_token,
          false};
}

/// Importances by pairs of tokens whose values differ; values are known.
class PairedImportances {
 public:
  PairedImportances(const std::vector<double>& value, Questions& questions, Identification& result)
      : value_(value),
        questions_(questions),
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
    if (range_ <= questions_.rounding()) {
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
    const std::vector<double> answers = ask_with_partner(tokens, partner, questions_);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const Index k = tokens[i];
      const LogRatio ratio = log_ratio(answers[i], value_[k], value_[partner], 1, questions_.rounding());
      importance_[k] = importance_[partner] + ratio.value;
      error_[k] = error_[partner] + ratio.error;
      violated_[k] = ratio.violation;
      result_.violations += ratio.violation;
    }
  }

  /// Asks again about tokens whose answer was within rounding of one of the two values: with the partner
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
      if (violated_[k] || error_[k] <= questions_.wanted_error()) continue;
      const Index partner = best_partner(k);
      const double difference = std::clamp(importance_[k] - importance_[partner], -20.0, 20.0);
      const double times = std::clamp(std::round(std::exp(-difference)), 1.0, questions_.most_copies()),
                   partner_times =
                       std::clamp(std::round(std::exp(difference)), 1.0, questions_.most_copies());
      if (partner == k) continue;
      open.push_back({k, partner, times, partner_times});
      Text& both = texts.emplace_back(copies(k, times));
      both.resize(both.size() + static_cast<std::size_t>(partner_times), static_cast<Token>(partner));
    }
    const std::vector<double> answers = questions_.ask(texts);
    bool better = false;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const auto [k, partner, times, partner_times] = open[i];
      const LogRatio ratio =
          log_ratio(answers[i], value_[k], value_[partner], times / partner_times, questions_.rounding());
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
      if (j == k || violated_[j] || error_[j] > questions_.wanted_error() || distance(k, j) < 0.2 * range_)
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
  Questions& questions_;
  Identification& result_;
  std::vector<double> importance_, error_;  // relative to the reference
  std::vector<char> violated_;
  double range_ = 0;
  Index reference_ = 0;
};

SlalomModel model_of_pairs(std::vector<double> value, std::optional<Background> background,
                           Questions& questions, Identification& result) {
  SlalomModel model{std::move(value), {}, background};
  model.importance = PairedImportances(model.value, questions, result).find();
  model.bound_importances();
  return model;
}

// --- with a background that can be asked -----------------------------------------------------------------

/// v and s − s_0 of a token, from what m and 2m copies of it add to F([]) = v_0: with b = m e^{s − s_0},
///   d_m = b (v − v_0) / (1 + b),  d_2m = 2b (v − v_0) / (1 + 2b).
struct AgainstBackground {
  double value = 0, log_ratio = 0, error = kInfinity;
  bool violation = false;  // no weight explains the answers
};

/// Where no b > 0 explains the answers, it is bounded and v explains d_m: above by e^kImportanceBound, below
/// so that |v − v_0| is at most `largest_offset`, or 2 |d_m|.
AgainstBackground against_background(double dm, double d2m, double m, double v0, double largest_offset,
                                     double rounding) {
  AgainstBackground found;
  const double sign = dm < 0 ? -1 : 1, saturation = sign * (2 * dm - d2m), growth = sign * (d2m - dm);
  double b = saturation / (2 * growth);
  if (growth <= rounding) {
    found.violation = growth < -rounding;
    b = std::exp(kImportanceBound);
  } else if (saturation <= rounding) {
    found.violation = saturation < -rounding;
    const double size = std::abs(dm);
    b = std::max(size / (std::max(largest_offset, 2 * size) - size), std::exp(-kImportanceBound));
  } else {
    found.error = 3 * rounding / saturation + 2 * rounding / growth;
  }
  found.log_ratio = std::log(b / m);
  found.value = v0 + dm * (1 + b) / b;
  return found;
}

/// In units of the background's weight: a_r and v_r of a reference from [r, r], then the others from their
/// pairs with it, since the weights of [k] and of r share F([k, r]) between F([k]) and v_r:
///   (1 + a_k) / a_r = (v_r − F([k, r])) / (F([k, r]) − F([k])),  v_k = v_0 + d_1 (1 + a_k) / a_k.
class BackgroundImportances {
 public:
  BackgroundImportances(Index tokens, Questions& questions, Identification& result)
      : questions_(questions), result_(result), tokens_(tokens) {}

  SlalomModel find() {
    ask_background_and_tokens();
    result_.pairs = tokens_;
    if (std::ranges::max(once_, {}, [](double d) { return std::abs(d); }) == 0) {
      result_.warnings.push_back(
          "no token changes the log-odds: their values are the background's, their "
          "importances cannot be told and are 0");
      return {std::vector<double>(tokens_, v0_), std::vector<double>(tokens_), Background{v0_, 0}};
    }
    ask_reference();
    if (found_[reference_].log_ratio > kLightBackground) return without_background();
    ask_pairs();
    refine();
    SlalomModel model;
    for (const AgainstBackground& token : found_) {
      result_.violations += token.violation;
      model.value.push_back(token.value);
      model.importance.push_back(token.log_ratio);
    }
    model.background = Background{v0_, 0};
    model.bound_importances();
    keep_single_answers(model);
    return model;
  }

 private:
  double single(Index k) const { return v0_ + once_[k]; }

  /// Of a lighter background the answers of a real model say little, and a token far lighter than the
  /// reference would owe its value to it.
  SlalomModel without_background() {
    std::vector<double> value;
    for (Index k = 0; k < tokens_; ++k) value.push_back(single(k));
    SlalomModel model =
        model_of_pairs(std::move(value), Background{v0_, -3 * kImportanceBound}, questions_, result_);
    result_.warnings.push_back("the background weighs less than 1e-4 of a token: it is left out");
    return model;
  }

  void ask_background_and_tokens() {
    const std::vector<double> answers = ask_single_tokens(tokens_, true, questions_);
    v0_ = answers[0];
    for (Index k = 0; k < tokens_; ++k) once_.push_back(answers[1 + k] - v0_);
    found_.resize(tokens_);
  }

  /// The token that moves F furthest from the background.
  void ask_reference() {
    const auto size = [](double d) { return std::abs(d); };
    reference_ = std::ranges::max_element(once_, {}, size) - once_.begin();
    result_.reference = static_cast<Token>(reference_);
    largest_offset_ = kMostExtrapolation * size(once_[reference_]);
    const double twice = questions_.ask({copies(reference_, 2)}).front();
    found_[reference_] =
        against_background(once_[reference_], twice - v0_, 1, v0_, largest_offset_, questions_.rounding());
  }

  /// Each token with the reference; where F([k]) is too close to the reference's value, with a second one
  /// that the first told.
  void ask_pairs() {
    const auto gap = [&](Index k) { return std::abs(single(k) - found_[reference_].value); };
    double range = 0;
    for (Index k = 0; k < tokens_; ++k) range = std::max(range, gap(k));
    std::vector<Index> far, close;
    for (Index k = 0; k < tokens_; ++k)
      if (k != reference_) (gap(k) < 0.1 * range ? close : far).push_back(k);
    ask_with(far, reference_);
    if (close.empty()) return;
    const auto strength = [&](Index k) {
      return found_[k].violation ? 0 : gap(k) * std::min(1.0, std::exp(found_[k].log_ratio));
    };
    const auto strongest = std::ranges::max_element(far, {}, strength);
    const bool told = strongest != far.end() && strength(*strongest) > 0;
    ask_with(close, told ? *strongest : reference_);
  }

  void ask_with(const std::vector<Index>& tokens, Index partner) {
    const std::vector<double> answers = ask_with_partner(tokens, partner, questions_);
    for (std::size_t i = 0; i < tokens.size(); ++i)
      found_[tokens[i]] = with_partner(tokens[i], answers[i], found_[partner]);
  }

  AgainstBackground with_partner(Index k, double answer, const AgainstBackground& partner) const {
    AgainstBackground found;
    const double range = partner.value - single(k), rounding = questions_.rounding();
    const double from_partner = partner.value - answer, from_single = answer - single(k);
    const double slack = rounding / std::abs(range);
    double a = std::exp(partner.log_ratio) * from_partner / from_single - 1;
    if (!(from_single / range > slack)) {  // the partner changes nothing
      found.violation = from_single / range < -slack;
      a = std::exp(kImportanceBound);
    } else if (!(from_partner / range > 0) || !(a > 0)) {  // less weight than the background alone has
      found.violation = true;
      const double size = std::abs(once_[k]);
      a = std::max(size / (largest_offset_ - std::min(size, largest_offset_ / 2)),
                   std::exp(-kImportanceBound));
    } else {
      found.error =
          (slack * range / from_partner + slack * range / from_single) * (1 + a) / a + partner.error;
    }
    found.log_ratio = std::log(a);
    found.value = v0_ + once_[k] * (1 + a) / a;
    return found;
  }

  /// Tokens of little weight add almost the same twice: more copies tell them from the background.
  void refine() {
    if (questions_.most_copies() < 2) return;
    std::vector<Index> open;
    std::vector<double> times;
    std::vector<Text> texts;
    for (Index k = 0; k < tokens_; ++k) {
      const AgainstBackground& token = found_[k];
      if (token.violation || token.error <= questions_.wanted_error() || token.log_ratio > -1) continue;
      open.push_back(k);
      times.push_back(std::clamp(std::round(std::exp(-token.log_ratio)), 2.0, questions_.most_copies()));
      texts.push_back(copies(k, times.back()));
      texts.push_back(copies(k, 2 * times.back()));
    }
    const std::vector<double> answers = questions_.ask(texts);
    for (std::size_t i = 0; i < open.size(); ++i) {
      const AgainstBackground token =
          against_background(answers[2 * i] - v0_, answers[2 * i + 1] - v0_, times[i], v0_, largest_offset_,
                             questions_.rounding());
      if (!token.violation && token.error < found_[open[i]].error) found_[open[i]] = token;
    }
  }

  /// Where the bound moved an importance, the value still explains F([k]).
  void keep_single_answers(SlalomModel& model) const {
    for (Index k = 0; k < tokens_; ++k) {
      const double log_ratio = model.importance[k] - model.background->importance;
      if (std::abs(log_ratio - found_[k].log_ratio) > 1e-6)
        model.value[k] = v0_ + once_[k] * (1 + std::exp(-log_ratio));
    }
  }

  static constexpr double kLightBackground = 9.2;  // log 1e4, of the reference's weight to the background's
  static constexpr double kMostExtrapolation = 4;  // |v − v_0| against the largest |F − v_0|, when bounded
  Questions& questions_;
  Identification& result_;
  Index tokens_, reference_ = 0;
  double v0_ = 0, largest_offset_ = 0;
  std::vector<double> once_;  // F([k]) − v_0
  std::vector<AgainstBackground> found_;
};

// --- everything ------------------------------------------------------------------------------------------

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

/// Least squares over everything that was asked, from the closed form, which stays where it is as good.
void refine(Identification& result, bool background) {
  const SlalomFit fit = fit_slalom(result.asked, {.background = background, .start = result.model});
  const double mse = mean_squared_error(result.asked, predict(fit.model, result.asked));
  if (background == result.model.background.has_value() && mse >= result.first_mse) return;
  result.model = fit.model;
  result.refined_mse = mse;
  result.warnings.insert(result.warnings.end(), fit.warnings.begin(), fit.warnings.end());
}

}  // namespace

Identification identify_slalom(Index tokens, const Answers& answers, const IdentificationOptions& options) {
  check(tokens, options);
  Identification result;
  result.asked.tokens = tokens;
  Questions questions(answers, options, result.asked);
  const bool ask_background = options.background && options.empty_text,
             ask_twice = options.background && !options.empty_text;
  result.model = ask_background
                     ? BackgroundImportances(tokens, questions, result).find()
                     : model_of_pairs(ask_single_tokens(tokens, false, questions), {}, questions, result);
  if (result.violations > 0)
    result.warnings.push_back(
        concat(result.violations, " of ", result.pairs, " pairs (", 100 * result.violations / result.pairs,
               " %) have log-odds that no SLALOM with these values allows; the importances "
               "are bounded there"));
  if (ask_twice) {
    std::vector<Text> twice;
    for (Index k = 0; k < tokens; ++k) twice.push_back(copies(k, 2));
    questions.ask(twice);
  }
  questions.ask(draw_new_pairs(result.asked, options.extra_pairs, options.seed));
  result.first_mse = result.refined_mse =
      mean_squared_error(result.asked, predict(result.model, result.asked));
  if (options.extra_pairs > 0 || ask_twice) refine(result, options.background);
  return result;
}

}  // namespace slalom
