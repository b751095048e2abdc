#include "slalom/data/unigram_classes.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

void check(const UnigramOptions& options) {
  if (!std::isfinite(options.smoothing) || options.smoothing <= 0)
    throw Error(concat("[unigram classes] smoothing is ", options.smoothing, ", wanted a positive number"));
  if (options.min_count < 1)
    throw Error(concat("[unigram classes] min_count is ", options.min_count, ", wanted 1 or more"));
  if (options.longest < 1)
    throw Error(concat("[unigram classes] longest is ", options.longest, ", wanted 1 or more"));
}

}  // namespace

UnigramClasses::UnigramClasses(const PackedBatch& corpus, const Vocabulary& vocabulary,
                               const std::function<bool(TokenId)>& is_special, const UnigramOptions& options,
                               std::uint64_t seed)
    : vocabulary_(vocabulary), seed_(seed) {
  check(options);
  fit(count(corpus, is_special, options.longest), options);
}

// Occurrences by id, then label; fills lengths_.
UnigramClasses::Counts UnigramClasses::count(const PackedBatch& corpus,
                                             const std::function<bool(TokenId)>& is_special, Index longest) {
  Counts counts(static_cast<std::size_t>(vocabulary_.size()));
  for (Index b = 0; b < corpus.texts(); ++b) {
    const int label = corpus.labels[static_cast<std::size_t>(b)];
    if (label != 0 && label != 1)
      throw Error(concat("[unigram classes] text ", b, " has label ", label, ", wanted 0 or 1"));
    Index length = 0;
    for (const TokenId id : corpus.text(b)) {
      if (!vocabulary_.contains(id))
        throw Error(concat("[unigram classes] text ", b, " has id ", id, ", the vocabulary has ",
                           vocabulary_.size()));
      if (is_special(id)) continue;
      ++counts[static_cast<std::size_t>(id)][static_cast<std::size_t>(label)];
      ++length;
    }
    if (length > 0) lengths_.push_back(std::min(length, longest));
  }
  return counts;
}

void UnigramClasses::fit(const Counts& counts, const UnigramOptions& options) {
  std::array<double, 2> total{};
  for (std::size_t id = 0; id < counts.size(); ++id) {
    if (counts[id][0] + counts[id][1] < options.min_count) continue;
    tokens_.push_back(static_cast<TokenId>(id));
    for (const std::size_t y : {0, 1}) {
      total[y] += static_cast<double>(counts[id][y]) + options.smoothing;
      cumulative_[y].push_back(total[y]);
    }
  }
  if (tokens_.empty())
    throw Error(concat("[unigram classes] no token occurs ", options.min_count, " times or more in ",
                       lengths_.size(), " texts, wanted one"));
  for (const std::size_t y : {0, 1})
    for (double& c : cumulative_[y]) c /= total[y];
  for (const TokenId id : tokens_) {
    const std::array<Index, 2>& c = counts[static_cast<std::size_t>(id)];
    weights_.push_back(std::log((static_cast<double>(c[1]) + options.smoothing) /
                                (static_cast<double>(c[0]) + options.smoothing)) -
                       std::log(total[1] / total[0]));
  }
}

void UnigramClasses::get(Index index, SyntheticText& out) const {
  Rng rng(seed_, Purpose::data, static_cast<std::uint64_t>(index));
  out.label = static_cast<int>(rng.below(2));
  const Index length = lengths_[rng.below(static_cast<std::uint32_t>(lengths_.size()))];
  const std::vector<double>& cumulative = cumulative_[static_cast<std::size_t>(out.label)];
  out.tokens.clear();
  out.log_odds = 0;
  for (Index i = 0; i < length; ++i) {
    const auto k =
        static_cast<std::size_t>(std::ranges::upper_bound(cumulative, rng.uniform()) - cumulative.begin());
    out.tokens.push_back(tokens_[k]);
    out.log_odds += weights_[k];
  }
}

double UnigramClasses::weight(TokenId token) const {
  const auto place = std::ranges::lower_bound(tokens_, token);
  if (place == tokens_.end() || *place != token)
    throw Error(concat("[unigram classes] token ", token, " is never drawn"));
  return weights_[static_cast<std::size_t>(place - tokens_.begin())];
}

double UnigramClasses::log_odds(std::span<const TokenId> text) const {
  double sum = 0;
  for (const TokenId token : text) sum += weight(token);
  return sum;
}

}  // namespace slalom
