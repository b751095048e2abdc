#include "slalom/explain/methods.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/random.hpp"
#include "slalom/explain/published.hpp"
#include "slalom/explain/slalom_evidence.hpp"

namespace slalom {

namespace {

using Tokens = SlalomEvidence::Tokens;

// All texts of `length` tokens over K, in lexicographic order.
std::vector<Tokens> all_texts(Index K, Index length) {
  std::vector<Tokens> list;
  Tokens tokens(static_cast<std::size_t>(length), 0);
  for (;;) {
    list.push_back(tokens);
    auto digit = tokens.rbegin();
    while (digit != tokens.rend() && ++*digit == K) *digit++ = 0;
    if (digit == tokens.rend()) return list;
  }
}

std::vector<Tokens> short_texts(Index K, Index length, Index budget, std::uint64_t seed) {
  if (std::pow(static_cast<double>(K), static_cast<double>(length)) <= static_cast<double>(budget))
    return all_texts(K, length);
  std::vector<Tokens> list;
  for (Index i = 0; i < budget; ++i) {
    Rng rng(seed, Purpose::query, static_cast<std::uint64_t>(i));
    Tokens tokens;
    for (Index j = 0; j < length; ++j)
      tokens.push_back(static_cast<Sample::Token>(rng.below(static_cast<std::uint32_t>(K))));
    list.push_back(std::move(tokens));
  }
  return list;
}

// Texts of one length do not tell a background from tokens that each carry a share of it. These do: the empty
// text, where there is one, and single tokens, `most` of them at most.
std::vector<Tokens> shortest_texts(const ExplainedText& text, Index most) {
  std::vector<Tokens> list;
  if (text.has_empty_text() && most > 0) list.emplace_back();
  for (Index k = 0; k < text.distinct() && std::ssize(list) < most; ++k)
    list.push_back({static_cast<Sample::Token>(k)});
  return list;
}

// With a background up to half of the budget goes to the shortest texts.
void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  const bool background = *options.background;
  SlalomEvidence evidence(text);
  const std::vector<Tokens> few =
      background ? shortest_texts(text, *options.budget / 2) : std::vector<Tokens>{};
  evidence.add(f, text, few);
  const Index left = *options.budget - std::ssize(few),
              length = std::clamp<Index>(options.short_length, 1, std::max<Index>(1, text.most_units(f)));
  if (length < options.short_length)
    result.warnings.push_back(slalom::concat("texts of ", length, " tokens, not ", options.short_length,
                                             ": longer ones are longer than the model's positions"));
  evidence.add(f, text, short_texts(text.distinct(), length, left, options.seed));
  const Sample& sample = evidence.sample;
  set_slalom_fit(fit_slalom(sample, {.background = background}), sample, text, result);
}

}  // namespace

Method slalom_eff() {
  return {"slalom-eff",
          "SLALOM fitted to random short texts",
          500,
          {"budget", "background", "short-length", "flip"},
          explain,
          Asks::short_texts,
          published::slalom_eff,
          published::kSamples};
}

}  // namespace slalom
