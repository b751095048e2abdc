#include <algorithm>
#include <cmath>

#include "slalom/surrogate/identification_queries.hpp"

namespace slalom::detail {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// v and s − s_0 of a token, from what m and 2m copies of it add to F([]) = v_0: with b = m e^{s − s_0},
///   d_m = b (v − v_0) / (1 + b),  d_2m = 2b (v − v_0) / (1 + 2b).
struct AgainstBackground {
  double value = 0, log_ratio = 0, error = kInfinity;
  bool violation = false;  // no weight explains the outputs
};

/// Where no b > 0 explains the outputs, it is bounded and v explains d_m: above by e^kImportanceBound, below
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
  BackgroundImportances(Index tokens, Queries& queries, Identification& result)
      : queries_(queries), result_(result), tokens_(tokens) {}

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

  /// Of a lighter background the outputs of a real model say little, and a token far lighter than the
  /// reference would owe its value to it.
  SlalomModel without_background() {
    std::vector<double> value;
    for (Index k = 0; k < tokens_; ++k) value.push_back(single(k));
    SlalomModel model =
        identify_by_pairs(std::move(value), Background{v0_, -3 * kImportanceBound}, queries_, result_);
    result_.warnings.push_back("the background weighs less than 1e-4 of a token: it is left out");
    return model;
  }

  void ask_background_and_tokens() {
    const std::vector<double> outputs = queries_.single_tokens(tokens_, true);
    v0_ = outputs[0];
    for (Index k = 0; k < tokens_; ++k) once_.push_back(outputs[1 + k] - v0_);
    found_.resize(tokens_);
  }

  /// The token that moves F furthest from the background.
  void ask_reference() {
    const auto size = [](double d) { return std::abs(d); };
    reference_ = std::ranges::max_element(once_, {}, size) - once_.begin();
    result_.reference = static_cast<Token>(reference_);
    largest_offset_ = kMostExtrapolation * size(once_[reference_]);
    const double twice = queries_.outputs({copies(reference_, 2)}).front();
    found_[reference_] =
        against_background(once_[reference_], twice - v0_, 1, v0_, largest_offset_, queries_.rounding());
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
    const std::vector<double> outputs = queries_.with_partner(tokens, partner);
    for (std::size_t i = 0; i < tokens.size(); ++i)
      found_[tokens[i]] = with_partner(tokens[i], outputs[i], found_[partner]);
  }

  AgainstBackground with_partner(Index k, double output, const AgainstBackground& partner) const {
    AgainstBackground found;
    const double range = partner.value - single(k), rounding = queries_.rounding();
    const double from_partner = partner.value - output, from_single = output - single(k);
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
    if (queries_.most_copies() < 2) return;
    std::vector<Index> open;
    std::vector<double> times;
    std::vector<Text> texts;
    for (Index k = 0; k < tokens_; ++k) {
      const AgainstBackground& token = found_[k];
      if (token.violation || token.error <= queries_.wanted_error() || token.log_ratio > -1) continue;
      open.push_back(k);
      times.push_back(std::clamp(std::round(std::exp(-token.log_ratio)), 2.0, queries_.most_copies()));
      texts.push_back(copies(k, times.back()));
      texts.push_back(copies(k, 2 * times.back()));
    }
    const std::vector<double> outputs = queries_.outputs(texts);
    for (std::size_t i = 0; i < open.size(); ++i) {
      const AgainstBackground token = against_background(outputs[2 * i] - v0_, outputs[2 * i + 1] - v0_,
                                                         times[i], v0_, largest_offset_, queries_.rounding());
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
  Queries& queries_;
  Identification& result_;
  Index tokens_, reference_ = 0;
  double v0_ = 0, largest_offset_ = 0;
  std::vector<double> once_;  // F([k]) − v_0
  std::vector<AgainstBackground> found_;
};

}  // namespace

SlalomModel identify_with_background(Index tokens, Queries& queries, Identification& result) {
  return BackgroundImportances(tokens, queries, result).find();
}

}  // namespace slalom::detail
