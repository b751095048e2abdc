#include "slalom/surrogate/sample.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "slalom/base/distinct.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"

namespace slalom {

void Sample::add(std::span<const Token> tokens_of_text, double log_odds) {
  token.insert(token.end(), tokens_of_text.begin(), tokens_of_text.end());
  begin.push_back(std::ssize(token));
  target.push_back(log_odds);
}

void Sample::check() const {
  const Index n = texts();
  if (n == 0) throw Error("[sample] no text, wanted at least one");
  if (static_cast<Index>(begin.size()) != n + 1 || begin.front() != 0 ||
      begin.back() != static_cast<Index>(token.size()) || !std::is_sorted(begin.begin(), begin.end()))
    throw Error(slalom::concat("[sample] begin does not cut ", token.size(), " tokens into ", n, " texts"));
  if (!weight.empty() && weight.size() != target.size())
    throw Error(slalom::concat("[sample] ", weight.size(), " weights, wanted one for each of ", n, " texts"));
  for (Index i = 0; i < n; ++i) {
    for (const Token k : text(i))
      if (k < 0 || k >= tokens)
        throw Error(slalom::concat("[sample] text ", i, ": token ", k, ", wanted 0 to ", tokens - 1));
    if (!std::isfinite(target[i]))
      throw Error(slalom::concat("[sample] text ", i, ": log-odds ", target[i], ", wanted a finite number"));
    if (!(weight_of(i) > 0) || !std::isfinite(weight_of(i)))
      throw Error(
          slalom::concat("[sample] text ", i, ": weight ", weight_of(i), ", wanted a positive number"));
  }
}

Sample without_repeats(const Sample& sample) {
  Sample distinct{.tokens = sample.tokens};
  DistinctLists texts;
  for (Index i = 0; i < sample.texts(); ++i)
    if (texts.number(sample.text(i)) == distinct.texts()) distinct.add(sample.text(i), sample.target[i]);
  return distinct;
}

TokenCounts count_tokens(const Sample& sample) {
  TokenCounts counts;
  counts.begin.push_back(0);
  std::vector<Sample::Token> sorted;
  for (Index i = 0; i < sample.texts(); ++i) {
    const auto text = sample.text(i);
    sorted.assign(text.begin(), text.end());
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      if (j == 0 || sorted[j] != sorted[j - 1]) {
        counts.token.push_back(sorted[j]);
        counts.count.push_back(0);
      }
      ++counts.count.back();
    }
    counts.begin.push_back(static_cast<Index>(counts.token.size()));
  }
  return counts;
}

double mean_squared_error(const Sample& sample, std::span<const double> predicted) {
  if (predicted.size() != sample.target.size())
    throw Error(concat("[sample] ", predicted.size(), " predictions, wanted one for each of ", sample.texts(),
                       " texts"));
  double sum = 0, total = 0;
  for (Index i = 0; i < sample.texts(); ++i) {
    const double error = predicted[i] - sample.target[i];
    sum += sample.weight_of(i) * error * error;
    total += sample.weight_of(i);
  }
  return sum / total;
}

double r_squared(const Sample& sample, std::span<const double> predicted) {
  // Equal targets: their mean may differ from them by a rounding error, and that is no variance.
  if (std::ranges::adjacent_find(sample.target, std::ranges::not_equal_to()) == sample.target.end())
    return std::numeric_limits<double>::quiet_NaN();
  double sum = 0, total = 0;
  for (Index i = 0; i < sample.texts(); ++i) {
    sum += sample.weight_of(i) * sample.target[i];
    total += sample.weight_of(i);
  }
  const std::vector<double> mean(sample.target.size(), sum / total);
  return 1 - mean_squared_error(sample, predicted) / mean_squared_error(sample, mean);
}

namespace {

// Rng::below() for numbers of pairs, which 32 bits do not hold from 65,537 tokens on.
Index below(Rng& rng, Index n) {
  if (n <= std::numeric_limits<std::uint32_t>::max()) return rng.below(static_cast<std::uint32_t>(n));
  for (;;) {
    const Index high = rng.below(static_cast<std::uint32_t>(n >> 32) + 1), drawn = high << 32 | rng.bits();
    if (drawn < n) return drawn;
  }
}

}  // namespace

// A Fisher-Yates shuffle of the numbers of all pairs, of which only the moved ones are stored.
std::vector<std::vector<Sample::Token>> draw_new_pairs(const Sample& asked, Index count, std::uint64_t seed) {
  using Token = Sample::Token;
  const Index tokens = asked.tokens;
  const Index all = tokens * (tokens - 1);
  const auto number = [&](Token a, Token b) { return a * (tokens - 1) + b - (b > a ? 1 : 0); };
  std::unordered_set<Index> known;
  for (Index i = 0; i < asked.texts(); ++i)
    if (const auto t = asked.text(i); t.size() == 2 && t[0] != t[1]) known.insert(number(t[0], t[1]));
  std::unordered_map<Index, Index> moved;
  const auto at = [&](Index i) {
    const auto found = moved.find(i);
    return found == moved.end() ? i : found->second;
  };
  Rng rng(seed, Purpose::query);
  std::vector<std::vector<Token>> texts;
  for (Index i = 0; i < all && std::ssize(texts) < count; ++i) {
    const Index j = i + below(rng, all - i), pair = at(j);
    moved[j] = at(i);
    if (known.contains(pair)) continue;
    const Index first = pair / (tokens - 1), second = pair % (tokens - 1);
    texts.push_back({static_cast<Token>(first), static_cast<Token>(second + (second >= first ? 1 : 0))});
  }
  return texts;
}

}  // namespace slalom
