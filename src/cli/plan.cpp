#include "slalom/cli/plan.hpp"

#include <chrono>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {

namespace {

constexpr Index kMeasuredTokens = 2048;

// Of deletions of the text, after one batch that warms up.
double measured_rate(BlackBox& f, const ExplainedText& text) {
  const Index S = std::ssize(text.ids());
  const Index texts = std::clamp<Index>(kMeasuredTokens / S, 2, 256);
  double rate = 0;
  for (std::uint64_t round = 0; round < 2; ++round) {
    Coalitions kept{text.players(), {}};
    for (Index i = 0; i < texts; ++i) {
      Rng rng(round, Purpose::query, static_cast<std::uint64_t>(i));
      for (std::uint8_t& member : kept.add(1)) member = rng.below(10) > 0 ? 1 : 0;
      kept.member[static_cast<std::size_t>(i * text.players())] = 1;  // a token at least
    }
    f.forget();
    const QueryCost before = f.cost();
    const auto start = std::chrono::steady_clock::now();
    coalition_values(f, text, {})(kept);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    rate = static_cast<double>((f.cost() - before).token_forwards) / seconds;
  }
  return rate;
}

}  // namespace

void Plan::add(const OpenedClassifier& classifier, const ExplainedText& text) {
  if (texts_++ == 0)
    tokens_per_second_ = classifier.classes != nullptr ? measured_rate(*classifier.f, text) : std::nan("");
  const QueryCost one = planned_cost(method_, text, classifier.options_for(text, method_, options_));
  const Index targets = classifier.target.choice == TargetChoice::all ? classifier.classes->classes() : 1;
  for (Index c = 0; c < targets; ++c) cost_ += one;
}

double Plan::seconds() const {
  return texts_ == 0 ? 0 : static_cast<double>(cost_.token_forwards) / tokens_per_second_;
}

std::string Plan::json() const {
  return JsonRow()
             .field("texts", texts_)
             .field("queries", cost_.queries)
             .field("token_forwards", cost_.token_forwards)
             .digits(3)
             .field("tokens_per_second", tokens_per_second_)
             .field("seconds", seconds())
             .str() +
         "\n";
}

std::string Plan::sentence() const {
  if (texts_ == 0) return "no texts\n";
  const std::string time =
      std::isnan(tokens_per_second_)
          ? "; no time is predicted, for the program is not asked: its answers may cost money"
          : concat(", ", significant(seconds(), 2), " s at ", significant(tokens_per_second_, 2),
                   " tokens/s");
  return concat(method_.name, " of ", texts_, texts_ == 1 ? " text" : " texts", ": about ", cost_.queries,
                " queries, ", cost_.token_forwards, " token-forwards", time, "\n");
}

}  // namespace slalom
