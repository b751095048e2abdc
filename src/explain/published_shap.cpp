// Kernel SHAP as the published study ran it: shap 0.42.1 with scikit-learn's selection of features.
//
// shap takes coalitions of size s and of its complement together. It enumerates sizes from 1 on for as long
// as the samples that are left, shared out by the sizes' weights 1 / (s (n − s)), would cover them, then
// draws. With fewer samples than a fifth of all coalitions it fits a Lasso first and keeps the features of
// the point of its path where Akaike's criterion
//     AIC = residual squares / σ² + 2 · features,   σ² that of least squares with all features,
// is least (scikit-learn's LassoLarsIC; H. Zou, T. Hastie, R. Tibshirani, Annals of Statistics 2007). The
// values are those of the kernel's regression on these features, all others 0.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "slalom/base/distinct.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/explain/published.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom::published {

namespace {

/// C(n, k); doubles are exact as far as any budget reaches.
double binomial(Index n, Index k) {
  double count = 1;
  for (Index i = 1; i <= k; ++i) count = count * static_cast<double>(n - k + i) / static_cast<double>(i);
  return count;
}

/// Coalitions of sizes `first` to half of the players, with complements, until `budget` are there. `share`
/// (from size 1 on) is the weight of all coalitions of a size and of its complement.
void draw_coalitions(Index first, Index budget, std::vector<double> share, std::uint64_t seed,
                     ShapSample& sample) {
  const Index players = sample.kept.players, fixed = sample.kept.size(), paired = (players - 1) / 2;
  const double left = std::accumulate(share.begin() + first - 1, share.end(), 0.0);
  for (Index s = 1; s <= paired; ++s) share[s - 1] /= 2;  // they are drawn twice at a time
  const double total = std::accumulate(share.begin() + first - 1, share.end(), 0.0);
  Rng rng(seed, Purpose::query);
  DistinctLists known;
  std::vector<std::size_t> place;  // of the different ones in the sample
  std::vector<Index> order = counted(players);
  const Index most = 4 * (budget - fixed);
  for (Index draw = 0; sample.kept.size() < budget && draw < most; ++draw) {
    double rest = rng.uniform() * total;
    Index size = first;
    while (size < std::ssize(share) && rest >= share[size - 1]) rest -= share[size++ - 1];
    std::vector<std::uint8_t> member(static_cast<std::size_t>(players));
    set_random(size, 1, rng, order, member);
    const Index number = known.number<std::uint8_t>(member);
    const bool has_complement = size <= paired;
    if (number < std::ssize(place)) {
      for (Index i = 0; i <= (has_complement ? 1 : 0); ++i) sample.weight[place[number] + i] += 1;
      continue;
    }
    place.push_back(sample.weight.size());
    sample.kept.add(member);
    if (has_complement && sample.kept.size() < budget) sample.kept.add_complement();
    sample.weight.resize(sample.kept.size(), 1);
  }
  const double sum = std::accumulate(sample.weight.begin() + fixed, sample.weight.end(), 0.0);
  for (auto w = sample.weight.begin() + fixed; w != sample.weight.end(); ++w) *w *= left / sum;
}

/// yᵀy, Xᵀy and XᵀX (n, n) of centred data of `rows` rows.
struct Moments {
  Index n, rows;
  double squares;
  std::vector<double> slope, gram;
};

/// The regression of which features are selected, as shap writes the constraint Σ φ = full − empty into it:
/// every coalition twice, as z with weight w (n − |z|) against v − empty, and as z − 1 with weight w |z|
/// against v − full.
Moments doubled_regression(const ShapSample& sample, std::span<const double> log_odds, double empty,
                           double full) {
  const Index n = sample.kept.players, m = sample.kept.size(), columns = n + 1;
  const auto write = [&](Index i, double* row) {
    const auto kept = sample.kept.row(i % m);
    const Index absent = sample.kept.absent(i % m);
    const bool second = i >= m;
    const double root = std::sqrt(sample.weight[i % m] * static_cast<double>(second ? n - absent : absent));
    for (Index j = 0; j < n; ++j) row[j] = root * (kept[j] - (second ? 1 : 0));
    row[n] = root * (log_odds[i % m] - (second ? full : empty));
  };
  std::vector<double> row(static_cast<std::size_t>(columns)), mean(row.size());
  for (Index i = 0; i < 2 * m; ++i) {
    write(i, row.data());
    for (Index j = 0; j < columns; ++j) mean[j] += row[j] / static_cast<double>(2 * m);
  }
  const std::vector<double> once(static_cast<std::size_t>(2 * m), 1),
      products = weighted_gram(once, columns, [&](Index i, double*centred) {
        write(i, centred);
        for (Index j = 0; j < columns; ++j) centred[j] -= mean[j];
      });
  Moments result{n, 2 * m, products.back(), {}, {}};
  for (Index i = 0; i < n; ++i) {
    result.gram.insert(result.gram.end(), products.begin() + i * columns, products.begin() + i * columns + n);
    result.slope.push_back(products[i * columns + n]);
  }
  return result;
}

/// A point of the Lasso path where a feature comes or goes.
struct Knot {
  double residual_squares;
  std::vector<Index> features;  // not 0
};

/// Least-angle regression (B. Efron et al., Annals of Statistics 2004) with the Lasso's rule that a feature
/// which reaches 0 leaves. On the path of min ½ ‖y − X w‖² + α ‖w‖₁ the active features A have slopes
/// Xᵀ(y − X w) = α sign, all others smaller ones. As α falls by t, w_A moves by t d with X_Aᵀ X_A d = sign,
/// and slopes by −t XᵀX_A d, so that they stay equal until another one has caught up or a weight reaches 0.
std::vector<Knot> lasso_path(const Moments& data) {
  constexpr Index kMostSteps = 500;
  const Index n = data.n;
  std::vector<double> weight(static_cast<std::size_t>(n)), slope = data.slope;
  std::vector<Index> active;
  const auto steepest = [&] {
    return std::ranges::max_element(slope, {}, [](double s) { return std::abs(s); }) - slope.begin();
  };
  Index joins = steepest(), leaves = -1;
  const double first = std::abs(slope[joins]);
  double alpha = first;
  std::vector<Knot> knots;
  for (Index step = 0;; ++step) {
    Knot& knot = knots.emplace_back(Knot{data.squares, {}});
    for (Index j = 0; j < n; ++j) {
      knot.residual_squares -= weight[j] * (data.slope[j] + slope[j]);
      if (weight[j] != 0) knot.features.push_back(j);
    }
    if (alpha <= 1e-12 * first || step == kMostSteps) return knots;
    if (joins >= 0) active.push_back(joins);
    const Index k = std::ssize(active);
    std::vector<double> matrix(static_cast<std::size_t>(k * k)), direction(static_cast<std::size_t>(k)),
        change(static_cast<std::size_t>(n));
    for (Index i = 0; i < k; ++i) {
      for (Index j = 0; j < k; ++j) matrix[i * k + j] = data.gram[active[i] * n + active[j]];
      direction[i] = slope[active[i]] > 0 ? 1 : -1;
    }
    if (!cholesky(k, matrix.data())) return knots;  // the new feature is a sum of others
    cholesky_solve(k, matrix.data(), direction.data());
    for (Index j = 0; j < n; ++j)
      for (Index i = 0; i < k; ++i) change[j] += data.gram[j * n + active[i]] * direction[i];

    double length = alpha;
    joins = -1;
    for (Index j = 0; j < n; ++j) {
      if (std::ranges::find(active, j) != active.end()) continue;
      for (const double sign : {1.0, -1.0}) {
        const double at = (alpha - sign * slope[j]) / (1 - sign * change[j]);
        // What has just left has the slope of those that stayed, and is on its way to less.
        if (at > (j == leaves ? 1e-9 * alpha : 0) && at < length) {
          length = at;
          joins = j;
        }
      }
    }
    Index out = -1;
    for (Index i = 0; i < k; ++i)
      if (const double at = -weight[active[i]] / direction[i]; at > 0 && at < length) {
        length = at;
        out = i;
      }
    for (Index i = 0; i < k; ++i) weight[active[i]] += length * direction[i];
    for (Index j = 0; j < n; ++j) slope[j] -= length * change[j];
    alpha -= length;
    leaves = -1;
    if (out >= 0) {
      leaves = active[out];
      weight[leaves] = 0;
      active.erase(active.begin() + out);
      joins = -1;
    }
  }
}

/// Of the transformer behind the black box; null if there is none.
const ClassifierConfig* config_of(BlackBox& f) {
  const GradientAccess inside = f.gradient_access();
  if (const auto* narrow = std::get_if<Classifier<float>*>(&inside.transformer)) return &(*narrow)->config();
  if (const auto* wide = std::get_if<Classifier<double>*>(&inside.transformer)) return &(*wide)->config();
  return nullptr;
}

}  // namespace

bool ShapSample::selects() const {
  return static_cast<double>(kept.size()) < 0.2 * (std::exp2(static_cast<double>(kept.players)) - 2);
}

ShapSample shap_sample(Index players, Index budget, std::uint64_t seed) {
  const Index sizes = players / 2, paired = (players - 1) / 2;
  const double all = std::exp2(static_cast<double>(players)) - 2;
  if (static_cast<double>(budget) > all) budget = static_cast<Index>(all);
  std::vector<double> share;
  for (Index s = 1; s <= sizes; ++s)
    share.push_back((s <= paired ? 2.0 : 1.0) / (static_cast<double>(s) * static_cast<double>(players - s)));
  const double total = std::accumulate(share.begin(), share.end(), 0.0);
  for (double& s : share) s /= total;
  ShapSample sample{{players, {}}, {}};
  double left = 1;  // of the weight
  Index size = 1;
  for (; size <= sizes; ++size) {
    const double count = binomial(players, size) * (size <= paired ? 2 : 1);
    if (static_cast<double>(budget - sample.kept.size()) * share[size - 1] / left < (1 - 1e-8) * count) break;
    add_coalitions_of_size(size, sample.kept);
    sample.weight.resize(static_cast<std::size_t>(sample.kept.size()), share[size - 1] / count);
    left -= share[size - 1];
  }
  if (size <= sizes) draw_coalitions(size, budget, share, seed, sample);
  return sample;
}

std::vector<Index> shap_selection(const ShapSample& sample, std::span<const double> log_odds, double empty,
                                  double full) {
  const Moments data = doubled_regression(sample, log_odds, empty, full);
  const std::vector<Knot> path = lasso_path(data);
  // That of least squares, where the path ends; the intercept is a parameter, too.
  const double variance = path.back().residual_squares / static_cast<double>(data.rows - data.n - 1);
  return std::ranges::min_element(path, {},
                                  [&](const Knot& knot) {
                                    return knot.residual_squares / variance +
                                           2 * static_cast<double>(knot.features.size());
                                  })
      ->features;
}

std::vector<double> shap_values(const ShapSample& sample, std::span<const double> log_odds, double empty,
                                double full, std::span<const Index> features) {
  std::vector<double> values(static_cast<std::size_t>(sample.kept.players));
  if (features.empty()) return values;
  Coalitions kept{std::ssize(features), {}};
  for (Index i = 0; i < sample.kept.size(); ++i) {
    const std::span<std::uint8_t> row = kept.add(0);
    for (std::size_t j = 0; j < features.size(); ++j) row[j] = sample.kept.row(i)[features[j]];
  }
  const std::vector<double> found = kernel_regression(kept, sample.weight, log_odds, empty, full);
  for (std::size_t j = 0; j < features.size(); ++j) values[features[j]] = found[j];
  return values;
}

void kernel_shap(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  const ClassifierConfig* config = config_of(f);
  std::optional<TokenId> replacement = options.unk_id ? options.unk_id : options.pad_id;
  if (!replacement && config != nullptr) replacement = config->pad_id;
  if (!replacement)
    throw UsageError("kernel-shap --as-published: no [UNK] and no padding is known to replace tokens by");
  std::vector<TokenId> ids;
  std::vector<Index> players;  // places that are not the replacement already
  for (const ExplainedText::Range& unit : text.units()) {
    ids.push_back(text.ids()[unit.first]);
    if (ids.back() != *replacement) players.push_back(std::ssize(ids) - 1);
  }
  const bool cut = config != nullptr && config->read_out == ReadOut::last;
  const ValueFunction game = [&](const Coalitions& coalitions) {
    PackedTexts batch;
    for (Index i = 0; i < coalitions.size(); ++i) {
      std::vector<TokenId> left(ids.size(), *replacement);
      for (std::size_t j = 0; j < players.size(); ++j)
        if (coalitions.row(i)[j] != 0) left[players[j]] = ids[players[j]];
      const auto present = ids.size() - static_cast<std::size_t>(std::ranges::count(left, *replacement));
      if (cut && present > 0) left.resize(present);
      batch.add(left);
    }
    return f.log_odds(batch);
  };
  std::vector<double> scores(ids.size());
  if (!players.empty()) {
    const auto n = static_cast<Index>(players.size());
    const double empty = game({n, std::vector<std::uint8_t>(players.size(), 0)}).front(),
                 full = game({n, std::vector<std::uint8_t>(players.size(), 1)}).front();
    const ShapSample sample = shap_sample(n, *options.budget, options.seed);
    const std::vector<double> log_odds = game(sample.kept);
    std::vector<Index> features = counted(n);
    if (sample.selects()) features = shap_selection(sample, log_odds, empty, full);
    const std::vector<double> values = shap_values(sample, log_odds, empty, full, features);
    for (std::size_t j = 0; j < players.size(); ++j) scores[players[j]] = values[j];
    result.checks.emplace_back("log_odds_empty", empty);
    result.checks.emplace_back("log_odds_full", full);
    result.checks.emplace_back("selected", static_cast<double>(features.size()));
  }
  set_linear_scores(std::move(scores), result);
  result.warnings.emplace_back(
      "as published: the game of the text without its special tokens; the scores share out its log-odds, not "
      "that "
      "of the text");
}

}  // namespace slalom::published
