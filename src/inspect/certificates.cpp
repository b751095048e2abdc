#include "slalom/inspect/certificates.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace slalom {

namespace {

using Text = std::vector<TokenId>;

// Places of the smallest and the largest of f(0) … f(n − 1).
template <class F>
std::pair<std::size_t, std::size_t> extremes(std::size_t n, const F& f) {
  std::vector<double> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = f(i);
  const auto [low, high] = std::ranges::minmax_element(values);
  return {static_cast<std::size_t>(low - values.begin()), static_cast<std::size_t>(high - values.begin())};
}

double half_range(const std::vector<double>& f) {
  const auto [low, high] = std::ranges::minmax(f);
  return (high - low) / 2;
}

double sum_of_sizes(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0, [](double sum, double c) { return sum + std::abs(c); });
}

void keep_better(Certificate& best, Certificate other) {
  other.estimate = std::abs(std::inner_product(other.coefficient.begin(), other.coefficient.end(),
                                               other.log_odds.begin(), 0.0)) /
                   sum_of_sizes(other.coefficient);
  if (best.witness.empty() || other.estimate > best.estimate) best = std::move(other);
}

// Σ c x for all x in the intervals.
Interval combined(const std::vector<double>& c, const std::vector<Interval>& x) {
  std::vector<double> low, high;
  for (std::size_t i = 0; i < c.size(); ++i) {
    low.push_back(c[i] < 0 ? x[i].high : x[i].low);
    high.push_back(c[i] < 0 ? x[i].low : x[i].high);
  }
  const auto sum = [&](const std::vector<double>& ends) {
    const double middle = accurate_dot(c.data(), ends.data(), std::ssize(c));
    return outward({middle, up(4 * kUnitRoundoff * std::abs(middle) + 1e-20 * sum_of_sizes(ends))});
  };
  return {sum(low).low, sum(high).high};
}

}  // namespace

Certificate repetition_certificate(const std::vector<RepetitionCurve>& curves, std::optional<double> empty) {
  const auto F = [&](std::size_t a, std::size_t n) { return curves[a].log_odds[n - 1]; };
  const auto text = [&](std::size_t a, std::size_t n) { return Text(n, curves[a].token); };
  Certificate best;
  for (std::size_t n = 2; n <= curves.front().log_odds.size(); ++n)
    for (std::size_t m = 1; m < n; ++m) {
      const auto M = static_cast<double>(m), N = static_cast<double>(n);
      const auto [a, b] = extremes(curves.size(), [&](std::size_t i) { return N * F(i, m) - M * F(i, n); });
      keep_better(best, {.witness = {text(b, m), text(b, n), text(a, m), text(a, n)},
                         .coefficient = {N, -M, -N, M},
                         .log_odds = {F(b, m), F(b, n), F(a, m), F(a, n)}});
      for (const std::size_t i : {a, b})
        if (empty)
          keep_better(best, {.witness = {text(i, m), text(i, n), {}},
                             .coefficient = {N, -M, M - N},
                             .log_odds = {F(i, m), F(i, n), *empty}});
    }
  std::vector<double> all;
  for (const RepetitionCurve& curve : curves)
    all.insert(all.end(), curve.log_odds.begin(), curve.log_odds.end());
  if (empty) all.push_back(*empty);
  best.half_range = half_range(all);
  return best;
}

// For two columns, the first tokens at which their difference is smallest and largest are the best.
Certificate positionwise_certificate(const std::vector<TokenId>& tokens,
                                     const std::vector<double>& log_odds) {
  const std::size_t K = tokens.size();
  const auto F = [&](std::size_t a, std::size_t b) { return log_odds[a * (K + 1) + b]; };
  const auto text = [&](std::size_t a, std::size_t b) {
    return b == K ? Text{tokens[a]} : Text{tokens[a], tokens[b]};
  };
  Certificate best;
  for (std::size_t b = 0; b < K; ++b)
    for (std::size_t c = b + 1; c <= K; ++c) {
      const auto [low, high] = extremes(K, [&](std::size_t a) { return F(a, b) - F(a, c); });
      keep_better(best, {.of = AdditiveClass::positionwise,
                         .witness = {text(high, b), text(high, c), text(low, b), text(low, c)},
                         .coefficient = {1, -1, -1, 1},
                         .log_odds = {F(high, b), F(high, c), F(low, b), F(low, c)}});
    }
  best.half_range = half_range(log_odds);
  return best;
}

std::vector<TokenId> wrapped(std::span<const TokenId> prefix, std::span<const TokenId> text,
                             std::span<const TokenId> suffix) {
  Text whole(prefix.begin(), prefix.end());
  whole.insert(whole.end(), text.begin(), text.end());
  whole.insert(whole.end(), suffix.begin(), suffix.end());
  return whole;
}

void prove(Certificate& certificate, const Enclose& enclose, std::span<const TokenId> prefix,
           std::span<const TokenId> suffix) {
  certificate.enclosure.clear();
  for (const Text& text : certificate.witness)
    certificate.enclosure.push_back(enclose(wrapped(prefix, text, suffix)));
  const Interval sum = combined(certificate.coefficient, certificate.enclosure);
  const double sizes = sum_of_sizes(certificate.coefficient), least = std::max({sum.low, -sum.high, 0.0});
  certificate.bound = std::max(0.0, outward({least / sizes, 2 * kUnitRoundoff * least}).low);
  certificate.rounding_error = (sum.high - sum.low) / 2 / sizes;
}

bool vanishes(const Certificate& certificate) {
  std::map<std::pair<std::size_t, TokenId>, double> weights;  // of words, by position where that matters
  double constant = 0;
  for (std::size_t i = 0; i < certificate.witness.size(); ++i) {
    const double c = certificate.coefficient[i];
    constant += c;
    for (std::size_t place = 0; place < certificate.witness[i].size(); ++place)
      weights[{certificate.of == AdditiveClass::positionwise ? place : 0, certificate.witness[i][place]}] +=
          c;
  }
  return constant == 0 && std::ranges::all_of(weights, [](const auto& w) { return w.second == 0; });
}

}  // namespace slalom
