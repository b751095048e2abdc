#include "slalom/surrogate/slalom_comparison.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/base/random.hpp"

namespace slalom::detail {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Weights of the background in the additive fits, in mean lengths of a text. The last is the affine bag of
/// words to within 1e-4 of what tokens do.
constexpr double kBackgrounds[] = {0.1, 1, 10, 1e4};
constexpr Index kOfOneText = 1;  // among them
constexpr double kImportanceDeviations[] = {2, 8};
constexpr Index kFolds = 5, kTextsCompared = 1000, kMostTextsCompared = 2000, kValidationSteps = 40;

/// A fixed random order: deletions come in an order that says how many tokens they lack.
std::vector<Index> shuffled(Index n) {
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  Rng rng(0, Purpose::folds);
  for (Index i = n; i > 1; --i) std::swap(order[i - 1], order[rng.below(static_cast<std::uint32_t>(i))]);
  return order;
}

/// Of n texts those that are compared.
std::vector<Index> texts_to_compare(Index texts, Index tokens) {
  std::vector<Index> chosen = shuffled(texts);
  if (const Index most = std::clamp(4 * tokens, kTextsCompared, kMostTextsCompared); texts > most)
    chosen.resize(static_cast<std::size_t>(most));
  std::ranges::sort(chosen);
  return chosen;
}

/// What is believed of texts as short as the shortest that was queried, each with one more of a token than
/// its share: their log-odds are spread as those of the sample are. It keeps values from what no output
/// supports.
CountRows supporting_rows(const CountRows& rows) {
  const Index K = rows.tokens;
  double shortest = kInfinity, total = 0, mean = 0;
  std::vector<double> share(static_cast<std::size_t>(K)), ones(static_cast<std::size_t>(K), 1);
  for (Index i = 0; i < rows.texts; ++i) {
    shortest = std::min(shortest, rows.length(i));
    total += rows.length(i);
    mean += rows.target[i] / static_cast<double>(rows.texts);
    for (Index k = 0; k < K; ++k) share[k] += rows.row(i)[k];
  }
  const double others = total > 0 ? std::max(0.0, shortest - 1) / total : 0;
  CountRows support{K, K, {}, std::vector<double>(static_cast<std::size_t>(K), mean), ones};
  for (Index k = 0; k < K; ++k)
    for (Index j = 0; j < K; ++j) support.count.push_back((j == k ? 1 : 0) + others * share[j]);
  return support;
}

double variance_of(const std::vector<double>& x) {
  const auto n = static_cast<double>(x.size());
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
  double sum = 0;
  for (const double y : x) sum += (y - mean) * (y - mean) / n;
  return sum;
}

/// Its mean is more than two standard errors above 0.
bool is_significant(const std::vector<double>& gain) {
  const auto n = static_cast<double>(gain.size());
  return std::accumulate(gain.begin(), gain.end(), 0.0) / n > 2 * std::sqrt(variance_of(gain) / n);
}

/// The 95 % point of the texts' errors, of each text the median over the fits.
double usual_error(const std::vector<Candidate>& candidates) {
  std::vector<double> usual, of_all;
  for (std::size_t i = 0; i < candidates[0].errors.size(); ++i) {
    of_all.clear();
    for (const Candidate& c : candidates) of_all.push_back(c.errors[i]);
    const auto middle = of_all.begin() + std::ssize(of_all) / 2;
    std::ranges::nth_element(of_all, middle);
    usual.push_back(*middle);
  }
  const auto point = usual.begin() + std::ssize(usual) * 95 / 100;
  std::ranges::nth_element(usual, point);
  return *point;
}

}  // namespace

Candidate Candidate::unfixed(std::string its_name, double deviation) const {
  Candidate c = *this;
  c.name = std::move(its_name);
  c.importance_deviation = deviation;
  c.fixed_importance = c.fixed_background = false;
  return c;
}

Comparison::Comparison(const Sample& sample, const SlalomOptions& options)
    : options_(options), sample_(sample), texts_(texts_to_compare(sample.texts(), sample.tokens)) {
  const CountRows all = count_rows(sample);
  rows_ = all.subset(texts_);
  support_ = supporting_rows(all);
  spread_ = variance_of(sample.target);
  for (Index i = 0; i < rows_.texts; ++i) mean_length_ += rows_.length(i) / static_cast<double>(rows_.texts);
  cut_folds();
}

void Comparison::cut_folds() {
  const std::vector<Index> order = shuffled(rows_.texts);
  folds_.clear();
  for (Index f = 0; f < kFolds; ++f) {
    Fold& fold = folds_.emplace_back();
    for (Index i = 0; i < rows_.texts; ++i) (i % kFolds == f ? fold.test : fold.train).push_back(order[i]);
    fold.train_rows = rows_.subset(fold.train);
    fold.test_rows = rows_.subset(fold.test);
  }
}

double Comparison::background_of(double lengths) const {
  return options_.background ? lengths * std::max(1.0, mean_length_) : 0;
}

/// F = (B v_0 + length · m + Σ_k c_k (u_k + β g_k)) / (B + length) as a mixed model: the columns of Z are
/// those of m, β and v_0, which are free, those of X the parts'.
MixedDesign Comparison::design(double background) const {
  const Index K = rows_.tokens;
  MixedDesign d{
      rows_.texts, 1 + (options_.guide.empty() ? 0 : 1) + (options_.background ? 1 : 0), K, {}, {}, {}, {}};
  for (Index i = 0; i < rows_.texts; ++i) {
    const double* count = rows_.row(i);
    const double length = rows_.length(i), root = std::sqrt(rows_.weight[i]),
                 share = root / (background + length);
    d.Z.push_back(length * share);
    if (!options_.guide.empty())
      d.Z.push_back(share * std::inner_product(count, count + K, options_.guide.begin(), 0.0));
    if (options_.background) d.Z.push_back(background * share);
    for (Index k = 0; k < K; ++k) d.X.push_back(count[k] * share);
    d.y.push_back(root * rows_.target[i]);
  }
  return d;
}

std::vector<double> Comparison::point(const MixedFit& fit, double background) const {
  std::vector<double> x = fit.u;
  x.insert(x.end(), fit.a.begin(), fit.a.end());
  x.resize(x.size() + static_cast<std::size_t>(rows_.tokens));  // equal importances
  if (options_.background) x.push_back(std::log(background));
  return x;
}

Candidate Comparison::candidate(const MixedFit& fit, double background) const {
  Candidate c;
  c.name = background > 1e3 * mean_length_ ? "linear" : "equal importances";
  c.parameters = {rows_.tokens, options_.background, options_.guide};
  c.x = point(fit, background);
  c.penalties = {fit.lambda, 0, 0};
  c.fixed_importance = c.fixed_background = true;
  c.variance = fit.variance;
  c.background = background;
  c.rho = fit.rho;
  c.errors.resize(static_cast<std::size_t>(rows_.texts));
  return c;
}

Candidate Comparison::additive(double lengths) const {
  const double background = background_of(lengths);
  return candidate(fit_mixed(design(background), false), background);
}

void Comparison::compare() {
  const bool slaloms = !options_.fixed_importance && rows_.texts >= 2 * rows_.tokens;
  compare_additive();
  if (options_.positions) {
    MixedDesign design;
    const Candidate placed = with_position_effects(design);
    if (slaloms) compare_slaloms(placed.error());
    if (placed.error() >= std::ranges::min(candidates_, {}, &Candidate::error).error()) return;
    position_rho_ = placed.rho;
    position_background_ = placed.background;
    explain_by_positions(sample_, texts_, design.P, placed.rho, placed.background,
                         residuals(placed.parameters, placed.x, rows_), rows_.target);
    cut_folds();
    compare_additive();
  }
  if (slaloms) compare_slaloms();
}

void Comparison::compare_additive() {
  additive_.assign(options_.background ? std::size(kBackgrounds) : 1, {});
  candidates_.clear();
  parallel_for(std::ssize(additive_), [&](Index b) {
    Additive& a = additive_[b];
    a.background = background_of(kBackgrounds[b]);
    a.design = design(a.background);
    a.fit = fit_mixed(a.design, false);
  });
  for (const Additive& a : additive_) candidates_.push_back(candidate(a.fit, a.background));
  parallel_for(std::ssize(additive_) * kFolds, [&](Index task) {
    validate_additive(candidates_[task / kFolds], additive_[task / kFolds].design, folds_[task % kFolds]);
  });
}

/// The best additive fit, with position effects beside it: their covariance goes into its design.
Candidate Comparison::with_position_effects(MixedDesign& design) const {
  const auto best = std::ranges::min_element(candidates_, {}, &Candidate::error);
  design = additive_[best - candidates_.begin()].design;
  design.P = position_covariance(sample_, texts_, best->background);
  Candidate c = candidate(fit_mixed(design, true), best->background);
  parallel_for(kFolds, [&](Index fold) { validate_additive(c, design, folds_[fold]); });
  return c;
}

void Comparison::validate_additive(Candidate& c, const MixedDesign& d, const Fold& fold) const {
  const MixedFit fit = fit_mixed_at(d.subset(fold.train), c.penalties.part, c.rho);
  for (const Index i : fold.test) {
    double predicted = 0;
    for (Index j = 0; j < d.fixed; ++j) predicted += d.Z[i * d.fixed + j] * fit.a[j];
    for (Index j = 0; j < d.random; ++j) predicted += d.X[i * d.random + j] * fit.u[j];
    for (std::size_t j = 0; c.rho > 0 && j < fold.train.size(); ++j)
      predicted += c.rho * d.P[i * d.rows + fold.train[j]] * fit.residual[j];
    c.errors[i] = (predicted - d.y[i]) * (predicted - d.y[i]);
  }
}

/// Where a SLALOM starts: equal importances and a background that weighs as much as a text. Folds start there
/// too: from where the fit to all texts ended they would know the texts that are left out.
std::vector<double> Comparison::slalom_start(const Candidate& c) const {
  std::vector<double> x = c.x;
  std::fill_n(x.begin() + c.parameters.importance(), c.parameters.tokens, 0.0);
  if (c.parameters.background) x[c.parameters.log_background()] = std::log(additive_[kOfOneText].background);
  return x;
}

/// No value is farther from the log-odds than kFarthest times their range: without penalties a token that
/// acts additively has an ever larger value at an ever smaller importance.
bool Comparison::is_supported(const Candidate& c) const {
  constexpr double kFarthest = 20;
  const auto [lowest, highest] = std::ranges::minmax(rows_.target);
  const double room = kFarthest * (highest - lowest);
  return std::ranges::all_of(model_at(c.parameters, c.x).value,
                             [&](double v) { return v >= lowest - room && v <= highest + room; });
}

void Comparison::compare_slaloms(double enough) {
  check_interrupt();
  const Additive& start = additive_[options_.background ? kOfOneText : 0];
  std::vector<Candidate> tried;
  const Candidate additive = candidate(start.fit, start.background);
  for (const double deviation : kImportanceDeviations) tried.push_back(additive.unfixed("SLALOM", deviation));
  if (rows_.texts >= 4 * rows_.tokens) tried.push_back(additive.unfixed("least squares", kInfinity));
  parallel_for(std::ssize(tried), [&](Index t) { refine(rows_, tried[t]); });
  std::erase_if(tried, [&](const Candidate& c) {
    return c.variance >= enough || (c.importance_deviation == kInfinity && !is_supported(c));
  });
  parallel_for(std::ssize(tried) * kFolds,
               [&](Index task) { validate(tried[task / kFolds], folds_[task % kFolds]); });
  for (Candidate& c : tried) candidates_.push_back(std::move(c));
}

void Comparison::validate(Candidate& c, const Fold& fold) const {
  const SlalomRegression problem{c.parameters, &fold.train_rows, &support_};
  const SlalomDescent descent = descend(problem, c.penalties, slalom_start(c), kValidationSteps, 1e-4);
  const std::vector<double> left = residuals(c.parameters, descent.x, fold.test_rows);
  for (std::size_t i = 0; i < left.size(); ++i)
    c.errors[fold.test[i]] = fold.test_rows.weight[i] * left[i] * left[i];
}

void Comparison::set_penalties(Candidate& c, double part) const {
  c.penalties = {};
  if (c.importance_deviation == kInfinity) return;
  c.penalties.part = part;
  if (c.fixed_importance) return;
  c.penalties.importance = c.variance / (c.importance_deviation * c.importance_deviation);
  c.penalties.support = spread_ > 0 ? c.variance / spread_ : 0;
}

/// MacKay's updates. Of K parts with posterior covariance σ² H⁻¹, γ = K − λ_u tr(H⁻¹) over the parts are
/// determined by the texts and not by their prior; all parameters together use up tr(H⁻¹ JᵀWJ) of the n
/// texts:
///   σ² ← Σ weight (y − F)² / (n − tr(H⁻¹ JᵀWJ)),  variance of the parts ← Σ u_k² / γ,  λ_u ← σ² γ / Σ u_k².
void Comparison::refine(const CountRows& rows, Candidate& c) const {
  constexpr int kRounds = 8;
  const SlalomRegression problem{c.parameters, &rows, &support_, c.fixed_importance, c.fixed_background};
  const Index K = c.parameters.tokens, size = c.parameters.size();
  const auto texts = static_cast<double>(rows.texts);
  const auto go_on = [&](Index iterations, double tolerance) {
    SlalomDescent descent = descend(problem, c.penalties, std::move(c.x), iterations, tolerance);
    c.x = std::move(descent.x);
    c.iterations += descent.iterations;
    c.converged = descent.gain < 1e-5;
  };
  set_penalties(c, c.penalties.part);
  double change = kInfinity;
  for (int round = 0; round < kRounds && change > 0.1; ++round) {
    go_on(5, 1e-4);
    const SlalomCurvature found = curvature(problem, c.penalties, c.x);
    double determined = static_cast<double>(K), squares = 0;
    for (Index p = 0; p < K; ++p) {
      determined -= c.penalties.part * found.inverse[p * (size + 1)];
      squares += c.x[p] * c.x[p];
    }
    const double noise = std::max(found.residual / std::max(texts - found.freedom, 0.05 * texts),
                                  1e-30 * spread_),
                 part = squares > 0 ? noise * std::max(determined, 0.01) / squares : c.penalties.part;
    change = std::abs(std::log(noise / c.variance));
    if (c.penalties.part > 0) change += std::abs(std::log(part / c.penalties.part));
    c.variance = noise;
    set_penalties(c, part);
  }
  go_on(60, 1e-9);
}

const Candidate& Comparison::best() const {
  const Candidate& least = *std::ranges::min_element(candidates_, {}, &Candidate::error);
  if (least.fixed_importance) return least;
  const double most = usual_error(candidates_);
  const auto usually = [&](const Candidate& c) {
    double sum = 0;
    for (const double e : c.errors) sum += std::min(e, most);
    return sum;
  };
  const Candidate* additive = &candidates_[0];
  for (const Candidate& c : candidates_)
    if (c.fixed_importance && usually(c) < usually(*additive)) additive = &c;
  std::vector<double> gain;
  for (std::size_t i = 0; i < least.errors.size(); ++i) gain.push_back(additive->errors[i] - least.errors[i]);
  return usually(least) <= usually(*additive) || is_significant(gain) ? least : *additive;
}

}  // namespace slalom::detail
