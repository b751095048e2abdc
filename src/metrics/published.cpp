#include "slalom/metrics/published.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "slalom/base/correlation.hpp"
#include "slalom/base/error.hpp"
#include "slalom/bow/naive_bayes.hpp"
#include "slalom/text/normalizer.hpp"

namespace slalom::published {

namespace {

std::vector<double> times(double factor, std::span<const double> x) {
  std::vector<double> result(x.begin(), x.end());
  for (double& v : result) v *= factor;
  return result;
}

double sign_of(int label) {
  return label == 1 ? 1 : -1;
}

/// Keeps the first k of the order, k = step, 2 step, … ≤ n.
RankingCurve curve(const std::vector<Index>& order, int label, const ValueFunction& f, Index step) {
  const Index n = std::ssize(order);
  return ranking_curve(order, curve_points(n, step, step > 0 && n % step == 0), true, sign_of(label), f);
}

/// Ascending; equal numbers in order of place.
std::vector<double> ranks_by_place(std::span<const double> x) {
  const std::vector<Index> order = slalom::ranking(times(-1, x));
  std::vector<double> rank(order.size());
  for (std::size_t r = 0; r < order.size(); ++r) rank[order[r]] = static_cast<double>(r);
  return rank;
}

/// Without the tokens that the tokenizer adds.
std::vector<TokenId> tokens_of(const std::string& text, const Tokenizer& tokenizer) {
  const Encoding encoding = tokenizer.encode(text, "[published metrics]");
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i)
    if (encoding.places[i].part >= 0) ids.push_back(encoding.ids[i]);
  return ids;
}

constexpr std::string_view kSpace = "Ġ";  // what a byte-level token behind a space begins with

std::string_view without_space(std::string_view token) {
  return token.starts_with(kSpace) ? token.substr(kSpace.size()) : token;
}

}  // namespace

std::vector<Index> ranking(std::span<const double> scores, int label) {
  return slalom::ranking(times(sign_of(label), scores));
}

RankingCurve insertion(std::span<const double> scores, int label, const ValueFunction& f, Index step) {
  return curve(ranking(scores, label), label, f, step);
}

RankingCurve deletion(std::span<const double> scores, int label, const ValueFunction& f, Index step) {
  std::vector<Index> order = ranking(scores, label);
  std::ranges::reverse(order);
  return curve(order, label, f, step);
}

std::vector<std::vector<Index>> removal_orders(Index players, Index draws, std::uint64_t seed) {
  std::vector<std::vector<Index>> orders(static_cast<std::size_t>(draws), counted(players));
  for (std::size_t draw = 0; draw < orders.size(); ++draw) {
    Rng rng(seed, Purpose::held_out, draw);
    for (Index i = players; i > 1; --i)
      std::swap(orders[draw][i - 1], orders[draw][rng.below(static_cast<std::uint32_t>(i))]);
  }
  return orders;
}

Coalitions nested_deletions(Index players, std::span<const std::vector<Index>> orders, Index most) {
  Coalitions kept{players, {}};
  for (Index r = 1; r <= std::min(most, players - 1); ++r)
    for (const std::vector<Index>& order : orders) {
      const std::span<std::uint8_t> row = kept.add(1);
      for (Index j = 0; j < r; ++j) row[order[j]] = 0;
    }
  return kept;
}

SingleRemoval single_removal(std::span<const double> scores, double whole, std::span<const double> without) {
  const std::vector<double> predicted = times(-1, scores);
  std::vector<double> change(without.begin(), without.end());
  for (double& c : change) c -= whole;
  return {pearson(ranks_by_place(without), ranks_by_place(predicted)),
          slalom::single_removal(predicted, change).mse};
}

std::vector<double> naive_bayes_scores(std::span<const Review> reviews, const Tokenizer& tokenizer) {
  const NormalizerStep lower[] = {normalizer::lower_case};
  PackedBatch texts;
  for (const Review& review : reviews)
    if (const std::vector<TokenId> ids = tokens_of(normalize(review.text, 0, lower).bytes, tokenizer);
        !ids.empty())
      texts.add(ids, review.label);
  const LabelledCounts counts = count_labelled_texts(
      texts, CountedTokens(tokenizer.vocabulary().size(), [](TokenId) { return false; }));
  std::vector<double> scores = slalom::naive_bayes_scores(counts);
  for (TokenId id = 0; id < tokenizer.vocabulary().size(); ++id)
    if (counts.document_frequency(id) == 0) scores[static_cast<std::size_t>(id)] = std::nan("");
  return scores;
}

double naive_bayes_spearman(std::span<const TokenId> tokens, std::span<const double> scores,
                            std::span<const double> naive_bayes, bool importances) {
  std::map<TokenId, double> first;
  for (std::size_t i = 0; i < tokens.size(); ++i) first.emplace(tokens[i], scores[i]);
  std::vector<double> ours, theirs;
  for (const auto& [token, score] : first) {
    const double known = naive_bayes[static_cast<std::size_t>(token)];
    if (std::isnan(known)) continue;
    ours.push_back(score);
    theirs.push_back(importances ? std::abs(known) : known);
  }
  return spearman(ours, theirs);
}

AttendedTokens attended_tokens(const std::string& review, std::span<const std::uint8_t> marks,
                               const Tokenizer& tokenizer) {
  const std::vector<WordRange> words = split_words(review, {WordSplit::white_space});
  if (words.size() != marks.size())
    throw Error(concat("[human attention] ", marks.size(), " marks, wanted one for each of ", words.size(),
                       " words"));
  const auto word = [&](std::size_t i) {
    return review.substr(words[i].begin, words[i].end - words[i].begin);
  };
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  const bool has_spaces = vocabulary.find(kSpace).has_value();
  std::map<TokenId, bool> mark;
  for (std::size_t i = 0; i < words.size(); ++i)
    for (const TokenId id :
         tokens_of(has_spaces && word(i) != word(0) ? " " + word(i) : word(i), tokenizer)) {
      const std::string_view bare = without_space(vocabulary.token(id));
      if (bare.size() != 1 || std::string_view("!.,;:?").find(bare) == std::string_view::npos)
        mark[id] = marks[i] != 0;
    }
  AttendedTokens used;
  std::vector<TokenId> seen;
  const std::vector<TokenId> tokens = tokens_of(review, tokenizer);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto known = mark.find(tokens[i]);
    const auto bare = vocabulary.find(without_space(vocabulary.token(tokens[i])));
    if ((known == mark.end() && !(bare && mark.contains(*bare))) ||
        std::ranges::find(seen, tokens[i]) != seen.end())
      continue;
    seen.push_back(tokens[i]);
    used.place.push_back(static_cast<Index>(i));
    used.marked.push_back(known != mark.end() && known->second);
  }
  return used;
}

double attention_auc(std::span<const double> scores, const AttendedTokens& tokens, bool importances) {
  std::vector<double> used;
  for (const Index i : tokens.place) used.push_back(importances ? scores[i] : std::abs(scores[i]));
  return roc_auc(used, tokens.marked);
}

}  // namespace slalom::published
