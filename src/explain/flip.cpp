#include "slalom/explain/flip.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/explain/explanation.hpp"

namespace slalom {

BestRemoval best_removal(std::span<const double> weight, std::span<const double> value,
                         const std::optional<Background>& background, double sign, Index k) {
  const Index n = std::ssize(weight);
  std::vector<Index> order = counted(n);
  std::vector<double> gain(order.size());
  // F of what the last n − k of the order leave.
  const auto left = [&] {
    double all = background ? std::exp(background->importance) : 0,
           sum = background ? all * background->value : 0;
    for (auto i = order.begin() + k; i != order.end(); ++i) {
      sum += weight[*i] * value[*i];
      all += weight[*i];
    }
    return sum / all;
  };
  double lambda = left();
  for (;;) {
    for (Index i = 0; i < n; ++i) gain[i] = sign * weight[i] * (value[i] - lambda);
    std::vector<Index> before = order;
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](Index i) { return gain[i]; });
    const double next = left();
    if (!(sign * next < sign * lambda)) {
      if (sign * next > sign * lambda) order = std::move(before);  // by rounding
      break;
    }
    lambda = next;
  }
  order.resize(static_cast<std::size_t>(k));
  std::ranges::sort(order);
  return {std::move(order), lambda};
}

namespace {

class Search {
 public:
  Search(BlackBox& f, const ExplainedText& text, double log_odds, Index most)
      : values_(coalition_values(f, text, {})),
        players_(text.players()),
        sign_(log_odds < 0 ? -1 : 1),
        most_(std::min(most, text.has_empty_text() ? text.players() : text.players() - 1)) {}

  double sign() const { return sign_; }
  Index most() const { return most_; }

  std::vector<double> without(const std::vector<std::vector<Index>>& sets, Flip& flip) const {
    Coalitions kept{players_, {}};
    for (const std::vector<Index>& set : sets) {
      const std::span<std::uint8_t> row = kept.add(1);
      for (const Index i : set) row[i] = 0;
    }
    flip.queries += kept.size();
    return values_(kept);
  }

  /// True if the model's sign changes.
  bool try_set(std::vector<Index> removed, Flip& flip) const {
    std::ranges::sort(removed);
    flip.log_odds = without({removed}, flip)[0];
    flip.removed = std::move(removed);
    return flip.flips = sign_ * flip.log_odds < 0;
  }

  /// What each further removal leaves, in units of the sign: the least moves F most.
  std::vector<double> single(const std::vector<Index>& removed, Flip& flip) const {
    std::vector<std::vector<Index>> sets;
    for (Index i = 0; i < players_; ++i) {
      sets.push_back(removed);
      if (std::ranges::find(removed, i) == removed.end()) sets.back().push_back(i);
    }
    std::vector<double> left = without(sets, flip);
    for (double& x : left) x *= sign_;
    for (const Index i : removed) left[i] = INFINITY;
    return left;
  }

 private:
  ValueFunction values_;
  Index players_;
  double sign_;
  Index most_;
};

Flip by_slalom(const Search& search, const Explanation& explanation) {
  std::vector<double> weight;
  for (const double s : explanation.column("importance")) weight.push_back(std::exp(s));
  Flip flip{.chosen_by = explanation.method, .removed = {}, .log_odds = explanation.log_odds};
  const Index most = std::min(search.most(), std::ssize(weight) - (explanation.background ? 0 : 1));
  bool predicted = false;
  for (Index k = 1; k <= most && !flip.flips; ++k) {
    const BestRemoval best =
        best_removal(weight, explanation.column("value"), explanation.background, search.sign(), k);
    predicted = predicted || search.sign() * best.log_odds < 0;
    if (predicted) search.try_set(best.removed, flip);
  }
  return flip;
}

Flip by_leave_one_out(const Search& search, double log_odds) {
  Flip flip{.chosen_by = "leave-one-out", .removed = {}, .log_odds = log_odds};
  const std::vector<double> left = search.single({}, flip);
  std::vector<Index> order = counted(std::ssize(left));
  std::ranges::stable_sort(order, {}, [&](Index i) { return left[i]; });
  for (Index k = 1; k <= search.most(); ++k)
    if (search.try_set({order.begin(), order.begin() + k}, flip)) break;
  return flip;
}

Flip greedily(const Search& search, double log_odds) {
  Flip flip{.chosen_by = "greedy", .removed = {}, .log_odds = log_odds};
  while (std::ssize(flip.removed) < search.most() && !flip.flips) {
    const std::vector<double> left = search.single(flip.removed, flip);
    const auto best = std::ranges::min_element(left);
    flip.removed.push_back(best - left.begin());
    flip.log_odds = search.sign() * *best;
    flip.flips = *best < 0;
  }
  std::ranges::sort(flip.removed);
  return flip;
}

}  // namespace

std::vector<Flip> find_flips(BlackBox& f, const ExplainedText& text, const Explanation& explanation,
                             Index most) {
  if (!explanation.is_slalom()) throw UsageError("--flip has no effect with --method " + explanation.method);
  const Search search(f, text, explanation.log_odds, most);
  return {by_slalom(search, explanation), by_leave_one_out(search, explanation.log_odds),
          greedily(search, explanation.log_odds)};
}

}  // namespace slalom
