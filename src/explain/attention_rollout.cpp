#include <cstring>

#include "slalom/explain/methods.hpp"

namespace slalom {

namespace {

// A row r (S) of weights on the block's outputs, in the place of it r (½ mean_h A_h + ½ I) on its inputs,
// normalised as the rows of A are: `patterns` (H, S, S).
template <class T>
void follow(const T* patterns, Index H, Index S, std::vector<double>& row) {
  std::vector<double> before(row.size());
  double sum = 0;
  for (Index i = 0; i < S; ++i) {
    if (row[i] == 0) continue;  // causal patterns: most rows of the last block
    before[i] += row[i] / 2;
    const double share = row[i] / 2 / static_cast<double>(H);
    for (Index h = 0; h < H; ++h)
      for (Index j = 0; j < S; ++j) before[j] += share * static_cast<double>(patterns[(h * S + i) * S + j]);
  }
  for (const double x : before) sum += x;
  for (double& x : before) x /= sum;
  row = std::move(before);
}

template <class T>
std::vector<double> rollout(Classifier<T>& model, const ExplainedText& text) {
  if (model.config().attention != AttentionKind::softmax)
    throw Error(concat("[attention-rollout] the model has attention ",
                       word_of(kAttentionWords, model.config().attention),
                       ", wanted softmax, whose weights are shares"));
  PackedBatch one;
  text.add_whole(one);
  Tape<T> tape;
  model.forward(tape, one.packed(),
                {.last_block = ForwardOptions::LastBlock::all_rows, .patterns = true, .frozen = true});
  const Index S = one.rows();
  std::vector<double> row(static_cast<std::size_t>(S));
  row[model.config().read_out == ReadOut::first ? 0 : S - 1] = 1;
  for (auto named = tape.names().rbegin(); named != tape.names().rend(); ++named)
    if (std::strcmp(named->name.stem, "attn.pattern") == 0)
      follow(named->tensor.data, model.config().heads, S, row);
  return row;
}

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  const std::vector<double> share =
      with_gradient_access(f, "attention-rollout", [&](auto& model, Index) { return rollout(model, text); });
  f.add_cost({1, 1, std::ssize(share)});
  set_token_scores(share, text, result);
  result.warnings.emplace_back(
      "shares of attention have no sign and are no parts of the log-odds: r2 and mse are not meant for them, "
      "correlation is");
}

}  // namespace

Method attention_rollout() {
  return {"attention-rollout", "attention followed through all layers", 0, {}, explain, Asks::passes};
}

}  // namespace slalom
