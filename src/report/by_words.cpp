// Tokens that are read as one word.
#include <algorithm>
#include <cmath>

#include "slalom/report/reported_text.hpp"

namespace slalom {

namespace {

using Groups = std::vector<std::vector<std::size_t>>;  // of tokens, in order

Groups words_of(const std::vector<ReportedToken>& tokens) {
  Groups groups;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool joins = i > 0 && tokens[i].word >= 0 && tokens[i].word == tokens[i - 1].word &&
                       tokens[i].part == tokens[i - 1].part && !tokens[i].special && !tokens[i - 1].special;
    if (!joins) groups.emplace_back();
    groups.back().push_back(i);
  }
  return groups;
}

ReportedToken joined(const ReportedText& t, const std::vector<std::size_t>& group) {
  ReportedToken word = t.tokens[group.front()];
  if (group.size() == 1) return word;
  const ReportedToken& last = t.tokens[group.back()];
  for (auto i = group.begin() + 1; i != group.end(); ++i) {
    word.ids.insert(word.ids.end(), t.tokens[*i].ids.begin(), t.tokens[*i].ids.end());
    word.text += t.tokens[*i].text;
  }
  if (word.bytes && last.bytes) {
    word.bytes->second = last.bytes->second;
    const auto begin = static_cast<std::size_t>(word.bytes->first);
    word.text =
        t.text[word.part == 1 ? 1 : 0].substr(begin, static_cast<std::size_t>(last.bytes->second) - begin);
  }
  word.piece = word.text;
  return word;
}

double sum_over(const std::vector<std::size_t>& group, const auto& term) {
  double sum = 0;
  for (const std::size_t i : group) sum += term(i);
  return sum;
}

/// Weights exp(importance); all alike where there are none.
std::vector<double> weights_of(const ReportedExplanation& e, std::size_t tokens) {
  std::vector<double> weights(tokens, 1);
  if (const std::vector<double>* importance = e.find("importance"))
    std::ranges::transform(*importance, weights.begin(),
                           [](double s) { return std::isnan(s) ? 0 : std::exp(s); });
  return weights;
}

/// Of the surrogate's F without the group: its parts go, and what is left has the weight that is left.
double removal_of(const ReportedExplanation& e, const std::vector<std::size_t>& group,
                  const std::vector<double>& weights) {
  const std::vector<double>& part = e.column("part");
  const double weight = e.weight();
  double F = 0;
  for (const double p : part)
    if (!std::isnan(p)) F += p;
  if (e.background) F += e.background_weight() / weight * e.background->value;
  const double gone = sum_over(group, [&](std::size_t i) { return weights[i]; }) / weight;
  return (F - sum_over(group, [&](std::size_t i) { return part[i]; })) / (1 - gone) - F;
}

double joined_score(const ReportedExplanation& e, const std::string& name, const std::vector<double>& scores,
                    const std::vector<std::size_t>& group, const std::vector<double>& weights) {
  if (group.size() == 1 || std::isnan(scores[group.front()])) return scores[group.front()];
  const double weight = sum_over(group, [&](std::size_t i) { return weights[i]; });
  const auto share = [&](std::size_t i) { return weights[i] / weight; };
  if (name == "importance") return std::log(weight);
  if (name == "value") return sum_over(group, [&](std::size_t i) { return share(i) * scores[i]; });
  if (name == "value_se" || name == "importance_se")
    return std::sqrt(sum_over(group, [&](std::size_t i) { return std::pow(share(i) * scores[i], 2); }));
  if (name == "standard_error" || name == "part_se")
    return std::sqrt(sum_over(group, [&](std::size_t i) { return scores[i] * scores[i]; }));
  if (name == "removal") return removal_of(e, group, weights);
  return sum_over(group, [&](std::size_t i) { return scores[i]; });
}

std::vector<float> joined_pattern(const std::vector<float>& pattern, std::size_t tokens,
                                  const Groups& groups) {
  std::vector<float> words;
  for (const auto& readers : groups)
    for (const auto& read : groups) {
      const double sum = sum_over(readers, [&](std::size_t i) {
        return sum_over(read, [&](std::size_t j) { return static_cast<double>(pattern[i * tokens + j]); });
      });
      words.push_back(static_cast<float>(sum / static_cast<double>(readers.size())));
    }
  return words;
}

}  // namespace

ReportedText by_words(ReportedText t) {
  const Groups groups = words_of(t.tokens);
  const std::size_t tokens = t.tokens.size();
  if (groups.size() == tokens) return t;
  const auto of_words = [&](const auto& of_word) {
    std::vector<std::decay_t<decltype(of_word(groups[0]))>> words;
    for (const auto& group : groups) words.push_back(of_word(group));
    return words;
  };
  for (ReportedExplanation& e : t.explanations) {
    const std::vector<double> weights = weights_of(e, tokens);
    auto columns = e.columns;
    for (auto& [name, scores] : columns)
      scores = of_words([&](const auto& group) { return joined_score(e, name, scores, group, weights); });
    e.columns = std::move(columns);
  }
  for (ReportedPattern& p : t.attention) p.pattern = joined_pattern(p.pattern, tokens, groups);
  t.tokens = of_words([&](const auto& group) { return joined(t, group); });
  return t;
}

}  // namespace slalom
