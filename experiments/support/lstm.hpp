// A recurrent classifier of the library's public operations: what another architecture takes.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>

#include "slalom/base/random.hpp"
#include "slalom/nn/text_classifier.hpp"
#include "slalom/ops/elementwise.hpp"
#include "slalom/ops/embedding.hpp"
#include "slalom/ops/gather_rows.hpp"
#include "slalom/ops/linear.hpp"

namespace slalom::experiment {

/// LSTM (Hochreiter, Schmidhuber 1997; forget gates: Gers et al. 2000) on word vectors x, all of width D. Of
/// each token, with h = c = 0 before the first one:
///   u_g = W_g x + b_g + U_g h for g = input, forget, output, candidate,
///   c ← σ(u_forget) ∘ c + σ(u_input) ∘ tanh(u_candidate),  h ← σ(u_output) ∘ tanh(c).
/// The head reads the mean of a text's h and gives the logits of two classes.
template <class T>
class Lstm final : public TextClassifier<T> {
 public:
  Lstm(Index vocabulary, Index width, std::uint64_t seed) {
    words_ = parameters_.add("words", {vocabulary, width}, GradientKind::row_sparse);
    for (const std::string name : {"input", "forget", "output", "candidate"})
      gates_.push_back({parameters_.add(name + ".w", {width, width}), parameters_.add(name + ".b", {width}),
                        parameters_.add(name + ".u", {width, width})});
    head_w_ = parameters_.add("head.w", {2, width});
    head_b_ = parameters_.add("head.b", {2});
    parameters_.allocate();
    // As torch.nn.LSTM, but forget gates begin open (Jozefowicz et al. 2015).
    Rng rng(seed, Purpose::initialisation);
    for (int i = 0; i < parameters_.count(); ++i)
      for (T& x : parameters_.value({i}).span())
        x = static_cast<T>((2 * rng.uniform() - 1) / std::sqrt(static_cast<double>(width)));
    std::ranges::fill(parameters_.value(gates_[forget][1]).span(), T{1});
  }

  ParameterStore<T>& parameters() override { return parameters_; }
  const ParameterStore<T>& parameters() const override { return parameters_; }
  Index labels() const override { return 2; }
  void rows_read(const PackedTexts& texts, ParameterId table, std::vector<Index>& rows) const override {
    rows.clear();
    if (table == words_) rows.assign(texts.ids.begin(), texts.ids.end());
  }
  void check(const PackedTexts& texts) const override {
    for (Index b = 0, all = parameters_.shape(words_)[0]; b < texts.texts(); ++b)
      for (const TokenId id : texts.text(b))
        if (id < 0 || id >= all)
          throw Error(concat("[lstm] text ", b, " has id ", id, ", the vocabulary has ", all));
  }

  /// Nothing is padded: all texts end in the same last step, and a text enters when as many steps are left as
  /// it has tokens. Row r of the states is the r-th longest text's.
  Var forward(Tape<T>& tape, const PackedTexts& texts, const ForwardOptions&) override {
    check(texts);
    const auto of = [&](ParameterId id) { return tape.parameter(parameters_, id); };
    const std::span<Index> order = tape.arena().template array<Index>(texts.texts());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, std::greater{}, [&](Index b) { return texts.length(b); });
    const Var words = embedding<T>(tape, {{of(words_), texts.ids}});
    Var c = scale(tape, words, T{0}), h = c, sum = c;
    Index active = 0;
    for (Index left = texts.length(order[0]); left > 0; --left) {
      const Index before = active;
      while (active < texts.texts() && texts.length(order[active]) >= left) ++active;
      const auto entering = [&](Index r) { return std::pair{r < before ? r : 0, T(r < before)}; };
      for (Var* state : {&c, &h, &sum})
        if (active > before) *state = weighted_rows(tape, *state, active, entering);
      const auto next = [&](Index r) { return std::pair{texts.begin[order[r] + 1] - left, T{1}}; };
      const Var x = weighted_rows(tape, words, active, next);
      const auto u = [&](Gate gate) {
        const auto [w, b, recurrent] = gates_[gate];
        return add(tape, linear(tape, x, of(w), of(b)), linear(tape, h, of(recurrent), Var{}));
      };
      const auto open = [&](Gate gate, Var v) { return mul(tape, sigmoid(tape, u(gate)), v); };
      c = add(tape, open(forget, c), open(input, tanh(tape, u(candidate))));
      h = open(output, tanh(tape, c));
      sum = add(tape, sum, h);
    }
    const Var mean = weighted_rows(tape, sum, active, [&](Index b) {
      return std::pair{std::ranges::find(order, b) - order.begin(), 1 / static_cast<T>(texts.length(b))};
    });
    return linear(tape, mean, of(head_w_), of(head_b_));
  }

 private:
  enum Gate { input, forget, output, candidate };

  /// y[r] = weight · x[row] for r < count, where {row, weight} = of(r).
  static Var weighted_rows(Tape<T>& tape, Var x, Index count, const auto& of) {
    const std::span<Index> rows = tape.arena().template array<Index>(count);
    const Tensor<T> weights = tape.allocate({count, tape.value(x).columns()});
    for (Index r = 0; r < count; ++r) {
      rows[r] = of(r).first;
      std::fill_n(weights.row(r), weights.columns(), of(r).second);
    }
    return mul(tape, gather_rows<T>(tape, x, rows), tape.constant(weights));
  }

  ParameterStore<T> parameters_;
  ParameterId words_, head_w_, head_b_;
  std::vector<std::array<ParameterId, 3>> gates_;  // W, b, U
};

}  // namespace slalom::experiment
