#include "slalom/surrogate/slalom_problem.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/base/first_equal.hpp"
#include "slalom/kernels/gemm.hpp"

namespace slalom::detail {

namespace {

/// The earlier row of the same tokens and counts as the last one, or the last one itself.
Index first_equal_to_last(const SlalomProblem& problem, std::span<Index> table) {
  const Index last = std::ssize(problem.begin) - 2;
  std::uint64_t hash = 0;
  for (Index j = problem.begin[last]; j < problem.begin[last + 1]; ++j)
    hash = hash_with(hash, static_cast<std::uint64_t>(problem.token[j]) << 32 ^
                               std::bit_cast<std::uint64_t>(problem.count[j]));
  return first_equal(table, hash, last, [&](Index other) {
    const auto same = [&](const auto& list) {
      return std::equal(list.begin() + problem.begin[other], list.begin() + problem.begin[other + 1],
                        list.begin() + problem.begin[last], list.begin() + problem.begin[last + 1]);
    };
    return same(problem.token) && same(problem.count);
  });
}

/// Numbers the tokens that occur in texts of positive weight.
std::vector<std::int32_t> number_tokens(const Sample& sample, const TokenCounts& counts,
                                        std::vector<Sample::Token>& seen) {
  std::vector<std::int32_t> number(sample.tokens, -1);
  for (Index i = 0; i < sample.texts(); ++i)
    if (sample.weight_of(i) > 0)
      for (Index j = counts.begin[i]; j < counts.begin[i + 1]; ++j) number[counts.token[j]] = 0;
  for (Index k = 0; k < sample.tokens; ++k) {
    if (number[k] < 0) continue;
    number[k] = static_cast<std::int32_t>(seen.size());
    seen.push_back(static_cast<Sample::Token>(k));
  }
  return number;
}

}  // namespace

SlalomProblem::SlalomProblem(const Sample& sample, const SlalomOptions& options, bool drop_empty)
    : background(options.background), fixed_importance(options.fixed_importance), ridge(options.ridge) {
  const TokenCounts counts = count_tokens(sample);
  const std::vector<std::int32_t> number = number_tokens(sample, counts, seen);
  std::vector<Index> table(first_equal_entries(sample.texts()), -1);
  double lowest = INFINITY, highest = -INFINITY;
  std::vector<double> row_weight;
  for (Index i = 0; i < sample.texts(); ++i) {
    if (sample.text(i).empty() && !background) {
      if (drop_empty) continue;
      throw Error(text("[slalom] text ", i, " is empty, wanted at least one token: there is no background"));
    }
    const double weight = sample.weight_of(i), y = sample.target[i];
    if (weight == 0) continue;
    for (Index j = counts.begin[i]; j < counts.begin[i + 1]; ++j) {
      token.push_back(number[counts.token[j]]);
      count.push_back(counts.count[j]);
    }
    if (background) {
      token.push_back(static_cast<std::int32_t>(words()));
      count.push_back(1);
    }
    begin.push_back(static_cast<Index>(token.size()));
    const auto row = static_cast<std::size_t>(first_equal_to_last(*this, table));
    if (row < target.size()) {
      token.resize(begin[begin.size() - 2]);
      count.resize(token.size());
      begin.pop_back();
    } else {
      target.push_back(0);
      row_weight.push_back(0);
    }
    row_weight[row] += weight;
    const double step = y - target[row];
    target[row] += weight * step / row_weight[row];
    unexplained += weight * step * (y - target[row]);
    total_weight += weight;
    squared_weights += weight * weight;
    mean += weight * (y - mean) / total_weight;
    squares += weight * y * y;
    lowest = std::min(lowest, y);
    highest = std::max(highest, y);
  }
  for (const double weight : row_weight) root_weight.push_back(std::sqrt(weight));
  if (!target.empty()) largest_deviation = kValueBounds[0].ranges * (highest - lowest);
}

void bound(const SlalomProblem& problem, SlalomPoint& point) {
  if (problem.words() == 0) return;
  const Index words = problem.words();
  SlalomModel model{{}, {point.importance.begin(), point.importance.begin() + words}, {}};
  if (problem.background) model.background = Background{0, point.importance[words]};
  model.bound_importances();
  point.importance = std::move(model.importance);
  if (problem.background) point.importance.push_back(model.background->importance);
}

namespace {

/// e^s, divided by its largest: bounded importances span e^80 at most, so that nothing under- or overflows.
std::vector<double> relative_weights(const SlalomPoint& point) {
  const double highest = *std::max_element(point.importance.begin(), point.importance.end());
  std::vector<double> weights(point.importance.size());
  std::transform(point.importance.begin(), point.importance.end(), weights.begin(),
                 [&](double s) { return std::exp(s - highest); });
  return weights;
}

/// Rows that are worth a thread: 16,384 tokens.
Index rows_of_work(const SlalomProblem& problem) {
  return ceil_div(Index{1} << 14, ceil_div(static_cast<Index>(problem.token.size()), problem.rows()));
}

struct Row {
  double prediction, normaliser;
};
Row predict_row(const SlalomProblem& problem, const SlalomPoint& point, const std::vector<double>& weights,
                Index i) {
  double sum = 0, normaliser = 0;
  for (Index j = problem.begin[i]; j < problem.begin[i + 1]; ++j) {
    const double e = problem.count[j] * weights[problem.token[j]];
    normaliser += e;
    sum += e * point.value[problem.token[j]];
  }
  return {sum / normaliser, normaliser};
}

/// The entries of one row of √W J, columns ascending, and its residual.
class JacobianRow {
 public:
  JacobianRow(const SlalomProblem& problem, const SlalomPoint& point, const std::vector<double>& weights,
              bool importances)
      : problem_(problem), point_(point), weights_(weights), importances_(importances) {}

  void compute(Index i) {
    const Row row = predict_row(problem_, point_, weights_, i);
    const Index first = problem_.begin[i], size = problem_.begin[i + 1] - first;
    const double root_weight = problem_.root_weight[i];
    column.resize(importances_ ? 2 * size : size);
    entry.resize(column.size());
    for (Index j = 0; j < size; ++j) {
      const std::int32_t k = problem_.token[first + j];
      const double alpha = problem_.count[first + j] * weights_[k] / row.normaliser * root_weight;
      column[j] = k;
      entry[j] = alpha;
      if (!importances_) continue;
      column[size + j] = problem_.tokens() + k;
      entry[size + j] = alpha * (point_.value[k] - row.prediction);
    }
    residual = root_weight * (problem_.target[i] - row.prediction);
  }

  std::vector<Index> column;
  std::vector<double> entry;
  double residual = 0;

 private:
  const SlalomProblem& problem_;
  const SlalomPoint& point_;
  const std::vector<double>& weights_;
  bool importances_;
};

constexpr Index kFewParameters = 64;

/// Short rows: adds the products of their entries.
void add_sparse(JacobianRow& row, Index first, Index last, NormalEquations& sum) {
  const Index size = sum.size();
  for (Index i = first; i < last; ++i) {
    row.compute(i);
    for (std::size_t a = 0; a < row.column.size(); ++a) {
      double* to = sum.matrix.data() + row.column[a] * size;
      sum.gradient[row.column[a]] += row.entry[a] * row.residual;
      for (std::size_t b = 0; b <= a; ++b) to[row.column[b]] += row.entry[a] * row.entry[b];
    }
  }
}

/// Few parameters: rows are made dense, one at a time, which the vector units like better than short lists.
void add_small(JacobianRow& row, Index first, Index last, NormalEquations& sum) {
  const Index size = sum.size();
  double dense[kFewParameters] = {};
  for (Index i = first; i < last; ++i) {
    row.compute(i);
    for (std::size_t a = 0; a < row.column.size(); ++a) dense[row.column[a]] = row.entry[a];
    for (std::size_t a = 0; a < row.column.size(); ++a) {
      double* to = sum.matrix.data() + row.column[a] * size;
      const double entry = row.entry[a];
      sum.gradient[row.column[a]] += entry * row.residual;
#pragma omp simd
      for (Index j = 0; j <= row.column[a]; ++j) to[j] += entry * dense[j];
    }
    for (const Index column : row.column) dense[column] = 0;
  }
}

/// Long rows: adds the products of panels of √W J, made dense. The upper right quarter, values by
/// importances, is not needed.
void add_dense(JacobianRow& row, Index first, Index last, Index values, NormalEquations& sum) {
  const Index size = sum.size(), height = std::clamp<Index>((Index{1} << 17) / size, 64, 1024);
  std::vector<double> panel(height * size);
  for (Index start = first; start < last; start += height) {
    const Index rows = std::min(height, last - start);
    std::fill(panel.begin(), panel.begin() + rows * size, 0.0);
    for (Index i = 0; i < rows; ++i) {
      row.compute(start + i);
      for (std::size_t a = 0; a < row.column.size(); ++a) {
        panel[i * size + row.column[a]] = row.entry[a];
        sum.gradient[row.column[a]] += row.entry[a] * row.residual;
      }
    }
    const auto multiply = [&](Index from, Index to) {
      gemm(to - from, to, rows, Factor<double>{panel.data() + from, size, Layout::transposed},
           Factor<double>{panel.data(), size}, 1.0, sum.matrix.data() + from * size, size);
    };
    multiply(0, values);
    if (size > values) multiply(values, size);
  }
}

}  // namespace

double squared_error(const SlalomProblem& problem, const SlalomPoint& point) {
  const std::vector<double> weights = relative_weights(point);
  const Index grain = rows_of_work(problem);
  std::vector<double> sums(ceil_div(problem.rows(), grain));
  parallel_ranges(problem.rows(), grain, [&](Index first, Index last) {
    double sum = 0;
    for (Index i = first; i < last; ++i) {
      const double error = predict_row(problem, point, weights, i).prediction - problem.target[i];
      sum += problem.root_weight[i] * problem.root_weight[i] * error * error;
    }
    sums[first / grain] = sum;
  });
  return std::accumulate(sums.begin(), sums.end(), problem.unexplained);
}

namespace {

double mean_importance(const SlalomProblem& problem, const SlalomPoint& point) {
  const auto first = point.importance.begin();
  return std::accumulate(first, first + problem.words(), 0.0) / static_cast<double>(problem.words());
}

void add_ridge(const SlalomProblem& problem, const SlalomPoint& point, NormalEquations& normal) {
  if (problem.ridge.values == 0 && problem.ridge.importances == 0) return;
  const double mean = mean_importance(problem, point);
  const auto add = [&](Index p, double ridge, double deviation) {
    normal.matrix[p * normal.size() + p] += ridge;
    normal.gradient[p] -= ridge * deviation;
  };
  for (Index k = 0; k < problem.tokens(); ++k) add(k, problem.ridge.values, point.value[k] - problem.mean);
  if (normal.size() == problem.tokens()) return;
  for (Index k = 0; k < problem.words(); ++k) {
    const Index row = problem.tokens() + k;
    add(row, problem.ridge.importances, point.importance[k] - mean);
    for (Index j = problem.tokens(); j <= row; ++j)  // of their mean
      normal.matrix[row * normal.size() + j] -=
          problem.ridge.importances / static_cast<double>(problem.words());
  }
}

}  // namespace

double objective(const SlalomProblem& problem, const SlalomPoint& point) {
  const double mean = mean_importance(problem, point);
  double values = 0, importances = 0;
  for (const double v : point.value) values += (v - problem.mean) * (v - problem.mean);
  for (Index k = 0; k < problem.words(); ++k)
    importances += (point.importance[k] - mean) * (point.importance[k] - mean);
  return squared_error(problem, point) + problem.ridge.values * values +
         problem.ridge.importances * importances;
}

NormalEquations normal_equations(const SlalomProblem& problem, const SlalomPoint& point, bool importances) {
  const std::vector<double> weights = relative_weights(point);
  const Index rows = problem.rows(), size = problem.tokens() * (importances ? 2 : 1);
  const Index entries = static_cast<Index>(problem.token.size()) * (importances ? 2 : 1);
  // A product of two entries costs more than ten times as much alone as in a dense product.
  const bool dense = size > kFewParameters && 4 * entries > size * rows;
  // As many partial sums as 128 MB hold; where that is one, its products are shared out instead.
  const Index blocks = std::clamp<Index>((Index{1} << 24) / (size * size), 1, 16),
              grain = std::max(ceil_div(rows, blocks), rows_of_work(problem) / 4);
  std::vector<NormalEquations> parts(ceil_div(rows, grain));
  parallel_ranges(rows, grain, [&](Index first, Index last) {
    NormalEquations& part = parts[first / grain];
    part = {std::vector<double>(size * size), std::vector<double>(size)};
    JacobianRow row(problem, point, weights, importances);
    if (size <= kFewParameters)
      add_small(row, first, last, part);
    else if (dense)
      add_dense(row, first, last, problem.tokens(), part);
    else
      add_sparse(row, first, last, part);
  });
  const auto add = [](std::vector<double>& to, const std::vector<double>& from) {
    for (std::size_t j = 0; j < to.size(); ++j) to[j] += from[j];
  };
  for (std::size_t part = 1; part < parts.size(); ++part) {
    add(parts[0].matrix, parts[part].matrix);
    add(parts[0].gradient, parts[part].gradient);
  }
  add_ridge(problem, point, parts[0]);
  return std::move(parts[0]);
}

bool at_bound(const SlalomProblem& problem, Index k, double importance, bool upper) {
  const double lowest = k == problem.words() ? -2 * kImportanceBound : -kImportanceBound;
  return upper ? importance >= kImportanceBound - 1e-9 : importance <= lowest + 1e-9;
}

std::vector<Index> free_parameters(const SlalomProblem& problem, const SlalomPoint& point,
                                   const NormalEquations& normal) {
  const Index tokens = problem.tokens();
  std::vector<Index> free;
  for (Index p = 0; p < 2 * tokens; ++p) {
    if (!(normal.matrix[p * 2 * tokens + p] > 1e-290)) continue;
    const Index k = p - tokens;
    if (k >= 0 && problem.fixed_importance && k < problem.words()) continue;
    if (k >= 0 && at_bound(problem, k, point.importance[k], normal.gradient[p] > 0)) continue;
    free.push_back(p);
  }
  return free;
}

ScaledSystem scaled_system(const SlalomProblem& problem, const NormalEquations& normal,
                           const std::vector<Index>& free, double damping) {
  const Index size = static_cast<Index>(free.size()), values = problem.tokens(), stride = normal.size();
  ScaledSystem system{std::vector<double>(size * size), std::vector<double>(size)};
  double squares = 0, total = 0;
  Index free_importances = 0;
  for (Index i = 0; i < size; ++i) {
    const double d = normal.matrix[free[i] * stride + free[i]];
    system.root_diagonal[i] = std::sqrt(d);
    if (free[i] < values) continue;
    total += d;
    ++free_importances;
    if (!problem.fixed_importance) squares += d;
  }
  const double level = system.level =
      free_importances > 0 ? total / static_cast<double>(free_importances) : 1;
  for (Index i = 0; i < size; ++i) {
    const double di = system.root_diagonal[i], gauge = free[i] >= values && squares > 0 ? di / squares : 0;
    for (Index j = 0; j <= i; ++j) {
      const double dj = system.root_diagonal[j];
      system.matrix[i * size + j] =
          normal.matrix[free[i] * stride + free[j]] / (di * dj) + (free[j] >= values ? gauge * dj : 0);
    }
    system.matrix[i * size + i] += free[i] < values ? kRidge : damping * level / (di * di) + kRidge;
  }
  return system;
}

}  // namespace slalom::detail
