#include "slalom/bow/bag_of_words.hpp"

#include <algorithm>

#include "slalom/base/error.hpp"

namespace slalom {

CountedTokens::CountedTokens(Index vocabulary, const std::function<bool(TokenId)>& is_special) {
  for (Index id = 0; id < vocabulary; ++id) counted_.push_back(!is_special(static_cast<TokenId>(id)));
  size_ = std::ranges::count(counted_, true);
  if (size_ == 0)
    throw Error(concat("[bag of words] the vocabulary of ", vocabulary,
                       " tokens has none that is not special, wanted one or more"));
}

bool CountedTokens::contains(TokenId id) const {
  if (id < 0 || id >= vocabulary())
    throw Error(concat("[bag of words] found id ", id, ", wanted 0 to ", vocabulary() - 1));
  return counted_[static_cast<std::size_t>(id)];
}

void count_by_token(std::span<const TokenId> text, const CountedTokens& tokens,
                    std::vector<TokenCount>& out) {
  out.clear();
  for (const TokenId id : text)
    if (tokens.contains(id)) out.push_back({id, 1});
  std::ranges::sort(out, {}, &TokenCount::id);
  std::size_t last = 0;
  for (std::size_t i = 1; i < out.size(); ++i)
    if (out[i].id == out[last].id)
      ++out[last].count;
    else
      out[++last] = out[i];
  if (!out.empty()) out.resize(last + 1);
}

LabelledCounts count_labelled_texts(const PackedBatch& texts, const CountedTokens& tokens) {
  const auto ids = static_cast<std::size_t>(tokens.vocabulary());
  LabelledCounts counts{
      .tokens = tokens, .occurrences = std::vector<ByLabel>(ids), .texts_with = std::vector<ByLabel>(ids)};
  std::vector<TokenCount> bag;
  for (Index b = 0; b < texts.texts(); ++b) {
    const int label = texts.labels[static_cast<std::size_t>(b)];
    if (label != 0 && label != 1)
      throw Error(concat("[bag of words] text ", b, " has label ", label, ", wanted 0 or 1"));
    const auto of = static_cast<std::size_t>(label);
    ++counts.texts[of];
    count_by_token(texts.text(b), tokens, bag);
    for (const TokenCount& token : bag) {
      counts.occurrences[static_cast<std::size_t>(token.id)][of] += token.count;
      ++counts.texts_with[static_cast<std::size_t>(token.id)][of];
    }
  }
  return counts;
}

double LinearBag::value(std::span<const TokenId> text) const {
  std::vector<TokenCount> bag;
  count_by_token(text, tokens, bag);
  double sum = intercept;
  for (const TokenCount& token : bag)
    sum += weight[static_cast<std::size_t>(token.id)] *
           (feature == TokenFeature::presence ? 1 : static_cast<double>(token.count));
  return sum;
}

}  // namespace slalom
