#include "slalom/autograd/gradient_check.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/random.hpp"

namespace slalom {

namespace {

using Matrix = std::vector<std::vector<double>>;  // [output element][input element]

std::vector<Var> leaves_on(Tape<double>& tape, std::span<const Leaf> leaves) {
  std::vector<Var> vars;
  for (const Leaf& leaf : leaves) {
    const Tensor<double> value = tape.allocate(leaf.shape);
    std::ranges::copy(leaf.values, value.data);
    vars.push_back(tape.variable(value));
  }
  return vars;
}

std::vector<double> evaluate(const TapeFunction& f, std::span<const Leaf> leaves) {
  Tape<double> tape;
  const Var y = f(tape, leaves_on(tape, leaves));
  const std::span<double> values = tape.value(y).span();
  return {values.begin(), values.end()};
}

Matrix jacobian_by_differences(const TapeFunction& f, std::vector<Leaf> leaves, std::size_t input, double h) {
  const std::size_t columns = leaves[input].values.size();
  Matrix jacobian;
  for (std::size_t i = 0; i < columns; ++i) {
    double& x = leaves[input].values[i];
    const double at = x;
    const auto shifted = [&](double by) {
      x = at + by;
      return evaluate(f, leaves);
    };
    const auto p1 = shifted(h), m1 = shifted(-h), p2 = shifted(2 * h), m2 = shifted(-2 * h);
    x = at;
    jacobian.resize(p1.size(), std::vector<double>(columns));
    for (std::size_t o = 0; o < p1.size(); ++o)
      jacobian[o][i] = (8 * (p1[o] - m1[o]) - (p2[o] - m2[o])) / (12 * h);
  }
  return jacobian;
}

// Gradient of every leaf for Σ seed ∘ f(x), or Σ seed ∘ f(x) + Σ again ∘ f(x).
Matrix gradients(const TapeFunction& f, std::span<const Leaf> leaves, const std::vector<double>& seed,
                 const std::vector<double>* again) {
  Tape<double> tape;
  const std::vector<Var> x = leaves_on(tape, leaves);
  const Var y = f(tape, x);
  const Shape shape = tape.value(y).shape;
  Var start = y;
  if (again != nullptr) {
    const Var second = f(tape, x);
    const Tensor<double> both = tape.allocate({2, shape.size()});
    start = tape.record("both", both, {y, second},
                        [y, second, n = shape.size()](Tape<double>& t, Tensor<const double> d) {
                          for (int part = 0; part < 2; ++part) {
                            const GradientSlot<double> slot = t.gradient_slot(part == 0 ? y : second);
                            for (Index i = 0; i < n; ++i)
                              slot.data[i] = (slot.beta == 0 ? 0 : slot.data[i]) + d.row(part)[i];
                          }
                        });
  }
  std::vector<double> start_gradient = seed;
  if (again != nullptr) start_gradient.insert(start_gradient.end(), again->begin(), again->end());
  tape.backward(start, {start_gradient.data(), tape.value(start).shape});
  Matrix result;
  for (std::size_t l = 0; l < x.size(); ++l) {
    const Tensor<const double> g = tape.gradient(x[l]);
    if (g.data == nullptr)
      result.emplace_back(leaves[l].values.size(), 0.0);
    else
      result.emplace_back(g.data, g.data + g.size());
  }
  return result;
}

double largest(const Matrix& m) {
  double top = 0;
  for (const auto& row : m)
    for (double x : row) top = std::max(top, std::abs(x));
  return top;
}

// NaN counts as an infinite error.
double distance(double a, double b, double scale) {
  const double e = std::abs(a - b) / scale;
  return std::isfinite(e) ? e : INFINITY;
}

}  // namespace

GradientReport check_gradient(const TapeFunction& f, std::span<const Leaf> leaves, double h) {
  GradientReport report;
  std::vector<Matrix> expected;
  for (std::size_t l = 0; l < leaves.size(); ++l)
    expected.push_back(jacobian_by_differences(f, {leaves.begin(), leaves.end()}, l, h));
  const std::size_t outputs = evaluate(f, leaves).size();
  // An input that hardly matters (a bias that a softmax ignores) is measured against the others.
  double floor = 1e-30;
  for (const Matrix& m : expected) floor = std::max(floor, 1e-3 * largest(m));
  if (outputs == 0 || leaves.empty()) throw Error("[check_gradient] nothing to compare");

  for (std::size_t o = 0; o < outputs; ++o) {
    std::vector<double> one_hot(outputs, 0.0);
    one_hot[o] = 1;
    const Matrix got = gradients(f, leaves, one_hot, nullptr);
    for (std::size_t l = 0; l < leaves.size(); ++l)
      for (std::size_t i = 0; i < got[l].size(); ++i) {
        const double want = expected[l][o][i],
                     e = distance(got[l][i], want, std::max(floor, largest(expected[l])));
        if (e <= report.jacobian_error) continue;
        report.jacobian_error = e;
        report.worst = concat("input ", l, ", output ", o, ", element ", i, ": tape ", got[l][i],
                              ", differences ", want);
      }
  }

  Rng rng(0, Purpose::test);
  std::vector<double> w(outputs), w2(outputs);
  for (std::size_t o = 0; o < outputs; ++o) w[o] = rng.normal(), w2[o] = rng.normal();
  const Matrix got = gradients(f, leaves, w, &w2);
  for (std::size_t l = 0; l < leaves.size(); ++l) {
    std::vector<double> want(got[l].size(), 0.0);
    for (std::size_t o = 0; o < outputs; ++o)
      for (std::size_t i = 0; i < want.size(); ++i) want[i] += (w[o] + w2[o]) * expected[l][o][i];
    for (std::size_t i = 0; i < want.size(); ++i)
      report.reused_error =
          std::max(report.reused_error, distance(got[l][i], want[i], std::max(floor, largest({want}))));
  }
  return report;
}

}  // namespace slalom
