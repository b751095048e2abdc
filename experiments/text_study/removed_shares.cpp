#include "removed_shares.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "boosted_trees.hpp"
#include "slalom/explain/lime.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/surrogate/mixed_model.hpp"

namespace slalom::text_study {

namespace {

using Predict = std::function<double(std::span<const std::uint8_t> member)>;

constexpr Index kMostTokens = 10;
constexpr int kShares[] = {10, 25, 50, 75, 80, 90};  // per cent

// A ridge regression on presence whose penalty maximises the restricted likelihood.
Predict fit_ridge(const Coalitions& kept, const std::vector<double>& log_odds) {
  MixedDesign design{.rows = kept.size(), .fixed = 1, .random = kept.players};
  design.Z.assign(log_odds.size(), 1);
  design.X.assign(kept.member.begin(), kept.member.end());
  design.y = log_odds;
  const MixedFit fit = fit_mixed(design, false);
  return [fit](std::span<const std::uint8_t> member) {
    return std::inner_product(member.begin(), member.end(), fit.u.begin(), fit.a[0]);
  };
}

Predict fit_lime_to(const Coalitions& kept, const std::vector<double>& log_odds) {
  const LimeFit fit = fit_lime(kept, log_odds, lime_kernel(kept));
  return [fit](std::span<const std::uint8_t> member) {
    return std::inner_product(member.begin(), member.end(), fit.weight.begin(), fit.intercept);
  };
}

struct Surrogate {
  std::string fit, name;
  Predict predict;
};

// Remembers outputs from one method to the next.
class Remembering : public BlackBox {
 public:
  explicit Remembering(BlackBox& f) : f_(f) {}
  double rounding() const override { return f_.rounding(); }
  Index longest() const override { return f_.longest(); }
  void forget() override {}

 private:
  void query(const PackedTexts& texts, std::span<double> outputs) override {
    std::ranges::copy(f_.log_odds(texts), outputs.begin());
  }
  BlackBox& f_;
};

// The methods draw the deletions of query_deletions(), which depend on the seed alone.
void add_fits(const std::string& name, BlackBox& f, const ExplainedText& text, ExplainOptions options,
              std::vector<Surrogate>& list) {
  options.prior = Prior::none;
  const auto add = [&](const char* surrogate, const char* method, bool background, bool positions) {
    options.background = background;
    options.positions = positions;
    list.push_back({name, surrogate, explain(method_named(method), f, text, options).predict});
  };
  add("slalom, positions", "slalom-fidel", true, true);
  add("slalom", "slalom-fidel", true, false);
  add("slalom, no background", "slalom-fidel", false, false);
  const Coalitions kept = query_deletions(text, *options.budget, options, false);
  const std::vector<double> log_odds = coalition_values(f, text, {})(kept);
  list.push_back({name, "ridge", fit_ridge(kept, log_odds)});
  add("least squares", "linear-deletion", false, false);
  list.push_back({name, "lime", fit_lime_to(kept, log_odds)});
  list.push_back({name, "boosted trees",
                  [trees = fit_boosted_trees(kept, log_odds)](auto member) { return trees.value(member); }});
}

double error_of(const Predict& predict, const Coalitions& kept, const std::vector<double>& change) {
  const double whole = predict(std::vector<std::uint8_t>(static_cast<std::size_t>(kept.players), 1));
  double squares = 0;
  for (Index i = 0; i < kept.size(); ++i)
    squares += std::pow(predict(kept.row(i)) - whole - change[static_cast<std::size_t>(i)], 2);
  return squares / static_cast<double>(kept.size());
}

}  // namespace

std::vector<RemovalLevel> removal_levels(Index players, Index deletions, std::uint64_t seed) {
  std::vector<RemovalLevel> levels;
  const auto add = [&](const std::string& name, Index count, const std::function<Index(Rng&)>& size) {
    Rng rng(seed, Purpose::held_out, static_cast<std::uint64_t>(levels.size()));
    RemovalLevel level{name, {players, {}}};
    std::vector<Index> order = counted(players);
    for (Index i = 0; i < count; ++i)
      set_random(std::clamp<Index>(size(rng), 1, players - 1), 0, rng, order, level.kept.add(1));
    levels.push_back(std::move(level));
  };
  for (Index k = 1; k <= kMostTokens; ++k) add(std::to_string(k), deletions, [k](Rng&) { return k; });
  for (const int share : kShares)
    add(concat(share, " %"), 2 * deletions, [&](Rng&) { return (players * share + 50) / 100; });
  add("any", 5 * deletions,
      [&](Rng& rng) { return 1 + Index{rng.below(static_cast<std::uint32_t>(players - 1))}; });
  return levels;
}

Json removed_shares(BlackBox& classifier, const ExplainedText& text, Index budget, Index deletions,
                    std::uint64_t seed) {
  Remembering f(classifier);
  ExplainOptions options{.budget = budget, .most_deleted = kMostTokens, .seed = seed, .held_out = 0};
  std::vector<Surrogate> surrogates;
  add_fits("small", f, text, options, surrogates);
  options.larger_too = true;
  add_fits("mixed", f, text, options, surrogates);
  options.most_deleted = text.players();
  add_fits("all", f, text, options, surrogates);
  ExplainOptions own = options;
  own.budget = std::max(budget, 2 * text.players());  // the least that its regression wants
  if (text.has_empty_text())
    surrogates.push_back({"all", "kernel-shap", explain(method_named("kernel-shap"), f, text, own).predict});
  for (const char* fit : {"small", "mixed", "all"})
    surrogates.push_back({fit, "zero", [](std::span<const std::uint8_t>) { return 0.0; }});

  Json names = Json::array(), errors = Json::array();
  for (const Surrogate& s : surrogates)
    errors.push_back({{"fit", s.fit}, {"surrogate", s.name}, {"mse", Json::array()}});
  const double whole = log_odds(f, text);
  for (const RemovalLevel& level : removal_levels(text.players(), deletions, seed)) {
    names.push_back(level.name);
    std::vector<double> change = checked_values(coalition_values(f, text, {}), level.kept);
    for (double& c : change) c -= whole;
    for (std::size_t i = 0; i < surrogates.size(); ++i)
      errors[i]["mse"].push_back(error_of(surrogates[i].predict, level.kept, change));
  }
  return {{"levels", names}, {"errors", errors}};
}

}  // namespace slalom::text_study
