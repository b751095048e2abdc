#include "slalom/bow/linear_bag.hpp"

namespace slalom {

double feature_value(TokenFeature feature, Index count, Index length) {
  if (feature == TokenFeature::presence) return 1;
  const auto occurrences = static_cast<double>(count);
  return feature == TokenFeature::count ? occurrences : occurrences / static_cast<double>(length);
}

double LinearBag::value(std::span<const TokenId> text) const {
  std::vector<TokenCount> bag;
  count_by_token(text, tokens, bag);
  Index length = 0;
  for (const TokenCount& token : bag) length += token.count;
  double sum = intercept;
  for (const TokenCount& token : bag)
    sum += weight[static_cast<std::size_t>(token.id)] * feature_value(feature, token.count, length);
  return sum;
}

}  // namespace slalom
