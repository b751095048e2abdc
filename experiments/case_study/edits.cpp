#include "edits.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/numbers.hpp"
#include "slalom/base/random.hpp"
#include "slalom/explain/flip.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/train/evaluation.hpp"

namespace slalom::case_study {

namespace {

using Text = std::vector<TokenId>;

// Edits until the sign of F changes: `edited(k)` is the text after k of them, empty if there are no more.
template <class Edited>
Edit until_it_flips(BlackBox& f, double log_odds, const std::string& how, const Edited& edited) {
  Edit edit{.how = how};
  for (Index k = 1; k <= kMostEdits && !edit.flips; ++k) {
    const Text text = edited(k);
    if (text.empty()) break;
    edit.edits = k;
    edit.flips = f.log_odds(text) * log_odds < 0;
  }
  return edit;
}

// Tokens that speak for `side` (1 or −1), the strongest first.
std::vector<TokenId> strongest(const GlobalImportance& card, double side) {
  std::vector<TokenId> tokens;
  for (const GlobalImportance::Token& token : card.tokens)
    if (token.linear * side > 0 && token.count >= GlobalImportance::kFewest) tokens.push_back(token.id);
  return tokens;
}

Text without(const Text& text, std::span<const TokenId> tokens) {
  Text left = text;
  std::erase_if(left, [&](TokenId id) { return std::ranges::count(tokens, id) > 0; });
  return left;
}

// Before the special tokens at the end.
Text with(const ExplainedText& text, std::span<const TokenId> tokens) {
  Text longer = text.ids();
  const ExplainedText::Range last = text.units().back();
  longer.insert(longer.begin() + last.first + last.size, tokens.begin(), tokens.end());
  return longer;
}

std::vector<TokenId> drawn(const GlobalImportance& card, std::uint64_t seed) {
  Rng rng(seed, Purpose::test);
  std::vector<TokenId> tokens;
  for (Index i = 0; i < kMostEdits; ++i)
    tokens.push_back(card.tokens[rng.below(static_cast<std::uint32_t>(card.tokens.size()))].id);
  return tokens;
}

// By their names in the order of the first review.
std::vector<std::pair<std::string, std::vector<Edit>>> by_way(const std::vector<Json>& reviews) {
  std::vector<std::pair<std::string, std::vector<Edit>>> ways;
  for (const Json& review : reviews)
    for (const Json& e : review["edits"]) {
      auto way = std::ranges::find(ways, e["how"].get<std::string>(), [](const auto& w) { return w.first; });
      if (way == ways.end()) way = ways.emplace(way, e["how"].get<std::string>(), std::vector<Edit>());
      way->second.push_back({way->first, e["edits"].get<Index>(), e["flips"].get<bool>()});
    }
  return ways;
}

Share flipped(const std::vector<Edit>& edits) {
  return {std::ranges::count(edits, true, &Edit::flips), std::ssize(edits)};
}

}  // namespace

std::vector<Edit> edits_of(BlackBox& f, const ExplainedText& text, const GlobalImportance& card,
                           std::uint64_t seed) {
  const Explanation e =
      explain(method_named("slalom-fidel"), f, text, {.flip = kMostEdits, .seed = seed, .held_out = 0});
  std::vector<Edit> edits;
  for (const Flip& flip : e.flips)
    edits.push_back({"out: " + flip.chosen_by, std::ssize(flip.removed), flip.flips});

  const double side = e.log_odds > 0 ? 1 : -1;
  std::vector<TokenId> own = strongest(card, side);
  std::erase_if(own, [&](TokenId id) { return std::ranges::count(text.ids(), id) == 0; });
  edits.push_back(until_it_flips(f, e.log_odds, "out: token table", [&](Index k) {
    return k > std::ssize(own) ? Text() : without(text.ids(), {own.data(), static_cast<std::size_t>(k)});
  }));
  for (const auto& [how, tokens] :
       {std::pair("in: token table", strongest(card, -side)), std::pair("in: at random", drawn(card, seed))})
    edits.push_back(until_it_flips(f, e.log_odds, how, [&, tokens = tokens](Index k) {
      return k > std::ssize(tokens) ? Text() : with(text, {tokens.data(), static_cast<std::size_t>(k)});
    }));
  return edits;
}

Table edits_table(const std::vector<Json>& reviews) {
  Table table({{"tokens"}, {"flipped [95 %]", Table::Align::right}, {"edits, median", Table::Align::right}});
  for (const auto& [how, edits] : by_way(reviews)) {
    const Share share = flipped(edits);
    const auto [low, high] = share.interval();
    std::vector<Index> needed;
    for (const Edit& e : edits)
      if (e.flips) needed.push_back(e.edits);
    std::ranges::sort(needed);
    table.add_row({how,
                   concat(share.right, " of ", share.texts, " [", fixed(low, 2), ", ", fixed(high, 2), "]"),
                   needed.empty() ? "–" : std::to_string(needed[needed.size() / 2])});
  }
  return table;
}

void add_edit_estimates(const std::vector<Json>& reviews, experiment::Estimates& found) {
  for (const auto& [how, edits] : by_way(reviews)) {
    const auto [low, high] = flipped(edits).interval();
    found["edits." + how + ".flipped"] = {flipped(edits).value(), low, high};
  }
}

}  // namespace slalom::case_study
