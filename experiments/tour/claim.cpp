#include <algorithm>
#include <cmath>

#include "sections.hpp"
#include "slalom/base/error.hpp"
#include "slalom/nn/predictor.hpp"

namespace slalom::tour {

namespace {

constexpr std::size_t kRepeats = 6;

/// Log-odds of the word repeated 0 or 1 … kRepeats times.
Vector repeat_curve(Step& step, TokenId word, std::size_t first, const SpecialTokens& special) {
  Predictor<double> predictor(step.model);
  Vector curve, logits;
  for (std::size_t n = first; n <= kRepeats; ++n) {
    const std::vector<TokenId> ids = wrap(std::vector<TokenId>(n, word), special);
    const Index begin[] = {0, static_cast<Index>(ids.size())};
    predictor.logits({ids, begin, {}}, logits);
    curve.push_back(log_odds(Span(logits), 1));
  }
  return curve;
}

void forget_positions(Step& step) {
  std::ranges::fill(step.model.parameters().value(step.model.embedding().position).span(), 0.0);
}

/// What three values of F say about all additive models at once.
void show_bound(Span F, Page& page) {
  const double miss = (F[0] - 2 * F[1] + F[2]) / 4;
  double worst = 0;
  for (std::size_t n = 0; n < 3; ++n) {
    const double additive = F[0] - miss + static_cast<double>(n) * (F[2] - F[0]) / 2;
    worst = std::max(worst, std::abs(F[n] - additive));
  }
  page.say(concat("[CLS], [SEP] and positions blur this but do not make it a sum: every additive model ",
                  "g(n) = b + w n misses F at n = 0, 1 or 2 by at least |F(0) - 2 F(1) + F(2)| / 4 = ",
                  number(std::abs(miss), 4), " nats, whatever b and w are."));
  page.check("the best b and w miss by just that", std::abs(worst - std::abs(miss)));
}

}  // namespace

void show_claim(std::uint64_t seed, Page& page) {
  Step step(seed);
  const TokenId word = step.source.vocabulary().find("perfect").value();
  const SpecialTokens special = bracketed_special_tokens(step.source.vocabulary());
  const Vector full = repeat_curve(step, word, 0, special);
  forget_positions(step);
  const Vector unplaced = repeat_curve(step, word, 0, special), bare = repeat_curve(step, word, 1, {});

  page.section("Why it matters: attention averages, the truth adds");
  page.say(
      "Leemann et al. (TMLR 2025) show that attention models cannot represent the sum that this one is asked "
      "to learn. F of \"perfect\" written n times, by the model before its step; the same without position "
      "embeddings; and without [CLS] and [SEP] as well:");
  Table table({{"n", Table::Align::right},
               {"truth 1.5 n", Table::Align::right},
               {"F", Table::Align::right},
               {"F, no positions", Table::Align::right},
               {"F, no positions, bare text", Table::Align::right}});
  for (std::size_t n = 0; n <= kRepeats; ++n)
    table.add_row({std::to_string(n), number(step.source.log_odds(std::vector<TokenId>(n, word)), 1),
                   number(full[n]), number(unplaced[n]), n == 0 ? "" : number(bare[n - 1])});
  page.table(table);
  const auto [lowest, highest] = std::ranges::minmax(bare);
  page.say(
      "Equal rows have equal values, and an average of equal values is that value: no training can make the "
      "last column anything but constant.");
  page.check("the last column is constant", highest - lowest);
  show_bound(full, page);
}

}  // namespace slalom::tour
