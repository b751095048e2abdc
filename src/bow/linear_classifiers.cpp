#include "slalom/bow/linear_classifiers.hpp"

#include <linear.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

// liblinear stops where the gradient's norm is this, times the share of the rarer label, of that at w = 0, or
// where a step no longer lowers the objective by 1e-12 of itself.
constexpr double kTolerance = 1e-7;
constexpr Index kHeldOutEvery = 5;
constexpr int kFirstPower = -6, kLastPower = 8;

using Rows = std::vector<Index>;

// Texts as liblinear reads them: feature j + 1 is token[j], the last one is the intercept's 1.
struct Design {
  std::vector<TokenId> token;       // (K) those that occur, ascending
  std::vector<feature_node> nodes;  // row after row, each ends with index −1
  std::vector<std::size_t> begin;   // (n)
  std::vector<double> label;        // (n) ±1

  int columns() const { return static_cast<int>(token.size()) + 1; }
  double product(Index row, std::span<const double> w) const {
    double sum = 0;
    for (const feature_node* x = &nodes[begin[static_cast<std::size_t>(row)]]; x->index != -1; ++x)
      sum += w[static_cast<std::size_t>(x->index) - 1] * x->value;
    return sum;
  }
};

Design make_design(const PackedBatch& texts, const LabelledCounts& counts, TokenFeature feature) {
  Design design;
  std::vector<int> column(counts.occurrences.size());
  for (TokenId id = 0; id < counts.tokens.vocabulary(); ++id)
    if (counts.document_frequency(id) > 0) {
      design.token.push_back(id);
      column[static_cast<std::size_t>(id)] = static_cast<int>(design.token.size());
    }
  std::vector<TokenCount> bag;
  for (Index b = 0; b < texts.texts(); ++b) {
    design.begin.push_back(design.nodes.size());
    design.label.push_back(texts.labels[static_cast<std::size_t>(b)] == 1 ? 1 : -1);
    count_by_token(texts.text(b), counts.tokens, bag);
    for (const TokenCount& token : bag)
      design.nodes.push_back({column[static_cast<std::size_t>(token.id)],
                              feature == TokenFeature::presence ? 1 : static_cast<double>(token.count)});
    design.nodes.push_back({design.columns(), 1});
    design.nodes.push_back({-1, 0});
  }
  return design;
}

// The weights (K) and the intercept of the minimum over some rows of both labels; `start`, if not empty, is
// where to begin.
std::vector<double> solve(Design& design, const Rows& rows, int solver, double cost,
                          std::vector<double> start) {
  std::vector<feature_node*> x;
  std::vector<double> y;
  for (const Index row : rows) {
    x.push_back(&design.nodes[design.begin[static_cast<std::size_t>(row)]]);
    y.push_back(design.label[static_cast<std::size_t>(row)]);
  }
  const problem task{
      .l = static_cast<int>(rows.size()), .n = design.columns(), .y = y.data(), .x = x.data(), .bias = 1};
  const parameter how{.solver_type = solver,
                      .eps = kTolerance,
                      .C = cost,
                      .init_sol = start.empty() ? nullptr : start.data()};
  set_print_string_function([](const char*) {});
  const auto destroy = [](model* fitted) { free_and_destroy_model(&fitted); };
  const std::unique_ptr<model, decltype(destroy)> fitted(::train(&task, &how));
  // With two labels there is one vector of weights, for the first label; that is +1 whenever the labels are
  // −1 and +1.
  if (fitted->nr_class != 2 || fitted->label[0] != 1)
    throw Error("[linear classifier] liblinear saw other labels than it was given");
  return {fitted->w, fitted->w + design.columns()};
}

double loss_at(int solver, double margin) {
  if (solver == L2R_L2LOSS_SVC) return std::pow(std::max(0.0, 1 - margin), 2);
  return margin > 0 ? std::log1p(std::exp(-margin)) : std::log1p(std::exp(margin)) - margin;
}

double choose_cost(Design& design, int solver) {
  Rows kept, held_out;
  ByLabel seen{};
  for (std::size_t i = 0; i < design.label.size(); ++i)
    (++seen[design.label[i] > 0] % kHeldOutEvery == 0 ? held_out : kept).push_back(static_cast<Index>(i));
  double best = std::numeric_limits<double>::infinity(), chosen = 0;
  std::vector<double> w;
  for (int power = kFirstPower; power <= kLastPower; ++power) {
    const double cost = std::ldexp(1, 2 * power);
    w = solve(design, kept, solver, cost, std::move(w));
    double sum = 0;
    for (const Index i : held_out)
      sum += loss_at(solver, design.label[static_cast<std::size_t>(i)] * design.product(i, w));
    if (sum >= best) break;
    best = sum;
    chosen = cost;
  }
  return chosen;
}

void check(const LabelledCounts& counts, const std::optional<double>& cost) {
  if (cost && !(std::isfinite(*cost) && *cost > 0))
    throw Error(concat("[linear classifier] the cost is ", *cost, ", wanted a positive number"));
  const Index wanted = cost ? 1 : kHeldOutEvery;
  for (const int label : {0, 1})
    if (const Index found = counts.texts[static_cast<std::size_t>(label)]; found < wanted)
      throw Error(concat("[linear classifier] found ", found, " texts of label ", label, ", wanted ", wanted,
                         " or more", cost ? "" : " to choose the cost"));
}

}  // namespace

LinearClassifier fit_linear_classifier(LinearLoss loss, const PackedBatch& texts, const CountedTokens& tokens,
                                       const LinearClassifierOptions& options) {
  const int solver = loss == LinearLoss::logistic ? L2R_LR : L2R_L2LOSS_SVC;
  const LabelledCounts counts = count_labelled_texts(texts, tokens);
  check(counts, options.cost);
  Design design = make_design(texts, counts, options.feature);
  const double cost = options.cost ? *options.cost : choose_cost(design, solver);
  Rows all(static_cast<std::size_t>(texts.texts()));
  std::iota(all.begin(), all.end(), Index{0});
  const std::vector<double> w = solve(design, all, solver, cost, {});

  LinearClassifier fitted{.bag = {.tokens = tokens,
                                  .feature = options.feature,
                                  .intercept = w.back(),
                                  .weight = std::vector<double>(counts.occurrences.size())},
                          .cost = cost};
  for (std::size_t j = 0; j < design.token.size(); ++j)
    fitted.bag.weight[static_cast<std::size_t>(design.token[j])] = w[j];
  return fitted;
}

}  // namespace slalom
