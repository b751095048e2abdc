#include "slalom/explain/global_importance.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "slalom/base/correlation.hpp"
#include "slalom/base/error.hpp"
#include "slalom/bow/naive_bayes.hpp"
#include "slalom/text/unicode.hpp"

namespace slalom {

CorpusCounts::CorpusCounts(std::function<bool(TokenId)> is_special, int target, Index longest)
    : is_special_(std::move(is_special)), target_(target), longest_(longest) {}

void CorpusCounts::add(const Encoding& text, std::optional<int> label) {
  if (std::ranges::any_of(text.types, [](TokenId type) { return type != 0; }) ||
      std::ranges::any_of(text.places, [](const TokenPlace& place) { return place.part == 1; }))
    throw Error("[global importance] found a pair of texts, wanted single texts");
  std::vector<TokenId> counted;
  for (const TokenId id : text.ids)
    if (!is_special_(id)) counted.push_back(id);
  std::ranges::sort(counted);
  for (std::size_t i = 0; i < counted.size(); ++i) {
    Token& token = tokens_[counted[i]];
    ++token.count;
    if (i == 0 || counted[i] != counted[i - 1]) ++token.texts;
    if (label) ++(*label == target_ ? token.for_target : token.for_others);
  }
  ++texts_;
  if (label) ++labelled_;
  if (counted.empty()) return;
  if (!framed_) frame(text.ids);
  if (std::ssize(text.ids) <= longest_) keep(text.ids);
}

void CorpusCounts::frame(const std::vector<TokenId>& text) {
  framed_ = true;
  prefix_.assign(text.begin(), std::ranges::find_if_not(text, is_special_));
  suffix_.assign(std::find_if_not(text.rbegin(), text.rend(), is_special_).base(), text.end());
}

void CorpusCounts::keep(const std::vector<TokenId>& text) {
  if (candidates_++ % stride_ != 0) return;
  if (std::ssize(kept_) == kMostKept) {
    // Text i of kMostKept is candidate i · stride. kMostKept is even, so this candidate is one of the next
    // stride's, too.
    for (std::size_t i = 0; 2 * i < kept_.size(); ++i) std::swap(kept_[i], kept_[2 * i]);
    kept_.resize(kMostKept / 2);
    stride_ *= 2;
  }
  kept_.push_back(text);
}

std::vector<TokenId> CorpusCounts::vocabulary_text() const {
  if (tokens_.empty())
    throw Error(concat("[global importance] found no token to explain in ", texts_, " texts, wanted one"));
  std::vector<TokenId> ids;
  for (const auto& [id, token] : tokens_) ids.push_back(id);
  std::ranges::sort(ids);
  ids.insert(ids.begin(), prefix_.begin(), prefix_.end());
  ids.insert(ids.end(), suffix_.begin(), suffix_.end());
  return ids;
}

namespace {

constexpr double kWeakNaiveBayes = 0.1;

// ids: the counted tokens in the model's order.
std::vector<GlobalImportance::Token> ranked_tokens(const SlalomModel& model, const std::vector<TokenId>& ids,
                                                   const CorpusCounts& corpus) {
  std::vector<GlobalImportance::Token> tokens;
  for (std::size_t k = 0; k < ids.size(); ++k) {
    const CorpusCounts::Token& counted = corpus.tokens().at(ids[k]);
    GlobalImportance::Token token{.id = ids[k],
                                  .count = counted.count,
                                  .texts = counted.texts,
                                  .value = model.value[k],
                                  .importance = model.importance[k],
                                  .linear = std::exp(model.importance[k]) * model.value[k],
                                  .naive_bayes = {}};
    if (corpus.labelled() > 0)
      token.naive_bayes =
          naive_bayes_score(static_cast<double>(counted.for_target), static_cast<double>(counted.for_others));
    tokens.push_back(token);
  }
  std::ranges::stable_sort(tokens, std::greater{},
                           [](const GlobalImportance::Token& t) { return std::abs(t.linear); });
  return tokens;
}

void add_fidelity(BlackBox& f, const SlalomModel& model, const std::vector<TokenId>& ids,
                  const CorpusCounts& corpus, GlobalImportance& result) {
  if (corpus.kept().empty()) {
    result.warnings.push_back("no text fits the model: nothing says how far to trust these numbers");
    return;
  }
  PackedTexts batch;
  for (const std::vector<TokenId>& text : corpus.kept()) batch.add(text);
  Fidelity& fidelity = result.fidelity.emplace();
  for (Index b = 0; b < batch.texts(); ++b) fidelity.unseen += f.knows(batch, b) ? 0 : 1;
  const QueryCost before = f.cost();
  result.log_odds = f.log_odds(batch);
  Sample sample;
  sample.tokens = std::ssize(ids);
  std::vector<Sample::Token> numbers;
  for (std::size_t i = 0; i < corpus.kept().size(); ++i) {
    numbers.clear();
    for (const TokenId id : corpus.kept()[i])
      if (!corpus.is_special(id))
        numbers.push_back(static_cast<Sample::Token>(std::ranges::lower_bound(ids, id) - ids.begin()));
    sample.add(numbers, result.log_odds[i]);
  }
  result.predicted = predict(model, sample);
  fidelity.r2 = r_squared(sample, result.predicted);
  fidelity.mse = mean_squared_error(sample, result.predicted);
  fidelity.correlation = pearson(result.predicted, result.log_odds);
  fidelity.n = sample.texts();
  fidelity.cost = f.cost() - before;
}

void add_agreement(const CorpusCounts& corpus, GlobalImportance& result) {
  if (corpus.labelled() == 0) return;
  std::vector<double> linear, scores;
  for (const GlobalImportance::Token& token : result.tokens) {
    if (token.count < GlobalImportance::kFewest) continue;
    linear.push_back(token.linear);
    scores.push_back(*token.naive_bayes);
  }
  result.spearman_naive_bayes = spearman(linear, scores);
  if (const Index without = corpus.texts() - corpus.labelled(); without > 0)
    result.warnings.push_back(concat(without, " of ", corpus.texts(),
                                     " texts have no label: naive Bayes knows nothing of their tokens"));
}

}  // namespace

GlobalImportance global_importance(BlackBox& f, const CorpusCounts& corpus, const GlobalOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto is_special = [&](TokenId id) { return corpus.is_special(id); };
  const ExplainedText everything(corpus.vocabulary_text(), is_special);
  f.forget();
  const QueryCost before = f.cost();
  const Identification found =
      identify_slalom(everything.distinct(), token_values(f, everything),
                      {.background = options.background.value_or(everything.has_empty_text()),
                       .empty_text = everything.has_empty_text(),
                       .extra_pairs = options.extra_pairs,
                       .seed = options.seed,
                       .rounding = f.rounding(),
                       .longest = everything.most_units(f)});
  // What an ExplainedText numbers its tokens by is the order of their ids.
  std::vector<TokenId> ids = everything.ids();
  std::erase_if(ids, is_special);

  GlobalImportance result;
  result.tokens = ranked_tokens(found.model, ids, corpus);
  result.texts = corpus.texts();
  result.background = found.model.background;
  result.cost = f.cost() - before;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.warnings = found.warnings;
  add_fidelity(f, found.model, ids, corpus, result);
  add_agreement(corpus, result);
  return result;
}

std::vector<GlobalImportance::Token> GlobalImportance::strongest(int sign, std::size_t most,
                                                                 Index fewest) const {
  std::vector<Token> found;
  for (const Token& token : tokens)
    if (found.size() < most && token.linear * sign > 0 && token.count >= fewest) found.push_back(token);
  return found;
}

std::string token_remark(const GlobalImportance::Token& token, const std::string& readable) {
  std::string remark;
  const auto add = [&](const char* what) { remark += (remark.empty() ? "" : ", ") + std::string(what); };
  const auto all = [&](const std::function<bool(char32_t)>& is) {
    std::size_t at = readable.find_first_not_of(' ');
    if (at == std::string::npos) return false;
    while (at < readable.size())
      if (!is(next_character(readable, at))) return false;
    return true;
  };
  if (all([](char32_t c) { return c >= '0' && c <= '9'; })) add("digits");
  if (all(is_punctuation)) add("punctuation");
  const std::size_t first = readable.find_first_not_of(' ');
  if (first != std::string::npos && readable[first] >= 'A' && readable[first] <= 'Z') add("capitalised");
  if (token.naive_bayes) {
    if (*token.naive_bayes * token.linear < 0) add("opposite in the corpus");
    if (std::abs(*token.naive_bayes) < kWeakNaiveBayes) add("weak in the corpus");
  }
  return remark;
}

}  // namespace slalom
