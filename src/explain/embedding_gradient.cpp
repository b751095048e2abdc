#include "slalom/explain/embedding_gradient.hpp"

#include <cmath>
#include <numeric>

#include "slalom/base/interrupt.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/kernels/rowwise.hpp"

namespace slalom {

namespace {

// Enough for full speed of the products; a recorded pass keeps all layers and their gradients.
constexpr Index kBatchRows = 1024;

// Derivatives (B, C) of the objective by the logits of each text; its values go to `values` (B).
template <class T>
Tensor<const T> slopes(Tape<T>& tape, Var logits, const Objective& objective, std::vector<double>& values) {
  const Tensor<T> z = tape.value(logits);
  const Tensor<T> slope = tape.allocate(z.shape);
  std::vector<double> row_slope(static_cast<std::size_t>(z.columns()));
  for (std::size_t b = 0; b < values.size(); ++b) {
    const T* row = z.row(static_cast<Index>(b));
    if (!std::all_of(row, row + z.columns(), [](T x) { return std::isfinite(x); }))
      throw Error(concat("[embedding_gradient] the logits are not finite; ", tape.first_non_finite_value(),
                         " is the first such activation"));
    const std::vector<double> row_logits(row, row + z.columns());
    values[b] = objective(row_logits, row_slope);
    std::ranges::transform(row_slope, slope.row(static_cast<Index>(b)),
                           [](double s) { return static_cast<T>(s); });
  }
  return slope;
}

// `copies` times the same text, packed.
PackedTexts repeated(std::span<const TokenId> ids, std::span<const TokenId> types, Index copies) {
  PackedTexts batch;
  for (Index b = 0; b < copies; ++b) batch.add(ids, types);
  return batch;
}

}  // namespace

Objective log_odds_objective(Index target, ProblemType type) {
  return [=](std::span<const double> logits, std::span<double> slope) {
    const double value = log_odds<double>(logits, target, type);  // knows whether there is such a class
    std::ranges::copy(log_odds_gradient(logits, target, type), slope.begin());
    return value;
  };
}

template <class T>
std::vector<double> word_embeddings(const Classifier<T>& model, std::span<const TokenId> ids) {
  const Tensor<T> table = model.parameters().value(model.embedding().token);
  std::vector<double> rows;
  rows.reserve(static_cast<std::size_t>(std::ssize(ids) * table.columns()));
  for (const TokenId id : ids) rows.insert(rows.end(), table.row(id), table.row(id) + table.columns());
  return rows;
}

template <class T>
void embedding_gradients(Classifier<T>& model, std::span<const TokenId> ids, std::span<const TokenId> types,
                         Index points, const Objective& objective,
                         const std::function<void(Index p, std::span<double> x)>& write,
                         const std::function<void(Index p, double value, std::span<const double> dx)>& read) {
  const Index size = std::ssize(ids) * model.config().table_width(),
              together = std::max<Index>(1, kBatchRows / std::ssize(ids));
  Tape<T> tape;
  std::vector<double> row(static_cast<std::size_t>(size));
  for (Index first = 0; first < points; first += together) {
    check_interrupt();
    const Index count = std::min(together, points - first);
    const PackedTexts batch = repeated(ids, types, count);
    tape.reset();
    const Var words = tape.variable(tape.allocate({batch.rows(), model.config().table_width()}));
    for (Index b = 0; b < count; ++b) {
      write(first + b, row);
      std::ranges::transform(row, tape.value(words).data + b * size,
                             [](double x) { return static_cast<T>(x); });
    }
    const Var logits = model.forward(tape, batch, {.word_rows = words, .frozen = true});
    std::vector<double> values(static_cast<std::size_t>(count));
    tape.backward(logits, slopes(tape, logits, objective, values));
    const T* dx = tape.gradient(words).data;
    for (Index b = 0; b < count; ++b) {
      std::copy_n(dx + b * size, size, row.begin());
      read(first + b, values[b], row);
    }
  }
}

std::vector<double> row_products(std::span<const double> a, std::span<const double> b, Index width) {
  std::vector<double> products;
  for (auto x = a.begin(), y = b.begin(); x != a.end(); x += width, y += width)
    products.push_back(std::inner_product(x, x + width, y, 0.0));
  return products;
}

void count_passes(BlackBox& f, Index passes, Index S, Explanation& result) {
  f.add_cost({passes, passes, passes * S});
  result.checks.emplace_back("backward_passes", static_cast<double>(passes));
}

GradientAtText gradient_at_text(BlackBox& f, const ExplainedText& text, const char* method,
                                Explanation& result) {
  return with_gradient_access(f, method, [&](auto& model, Index target) {
    GradientAtText found{model.config().table_width(), word_embeddings(model, text.ids()), {}};
    embedding_gradients(
        model, text.ids(), text.encoding().types, 1, log_odds_objective(target, model.problem()),
        [&](Index, std::span<double> x) { std::ranges::copy(found.embedding, x.begin()); },
        [&](Index, double, std::span<const double> dx) { found.gradient.assign(dx.begin(), dx.end()); });
    count_passes(f, 1, std::ssize(text.ids()), result);
    return found;
  });
}

#define SLALOM_INSTANTIATE(T)                                                                           \
  template std::vector<double> word_embeddings(const Classifier<T>&, std::span<const TokenId>);         \
  template void embedding_gradients(Classifier<T>&, std::span<const TokenId>, std::span<const TokenId>, \
                                    Index, const Objective&,                                            \
                                    const std::function<void(Index, std::span<double>)>&,               \
                                    const std::function<void(Index, double, std::span<const double>)>&);
SLALOM_INSTANTIATE(float)
SLALOM_INSTANTIATE(double)
#undef SLALOM_INSTANTIATE

}  // namespace slalom
