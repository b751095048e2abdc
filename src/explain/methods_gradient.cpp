// Methods that look inside a transformer: one pass forward, and one back or along its attention.
#include <cmath>
#include <cstring>
#include <numeric>

#include "slalom/explain/embedding_gradient.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/explain/relevance.hpp"

namespace slalom {

void gradient(BlackBox& f, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  const GradientAtText at = gradient_at_text(f, text, "gradient", result);
  std::vector<double> norm = row_products(at.gradient, at.gradient, at.width);  // (S), squared as yet
  result.special = text.of_special(norm);
  norm = text.summed(norm);
  for (std::vector<double>* squares : {&norm, &result.special})
    for (double& x : *squares) x = std::sqrt(x);
  set_linear_scores(std::move(norm), result);
  result.warnings.emplace_back(
      "norms of gradients have no sign and are no parts of the log-odds: r2 and mse are not meant for them, "
      "correlation is");
}

void input_x_gradient(BlackBox& f, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  const GradientAtText at = gradient_at_text(f, text, "input-x-gradient", result);
  set_token_scores(row_products(at.embedding, at.gradient, at.width), text, result);
}

namespace {

// What the lines absorb, by name; shares of 0 are of rules that the line has no use for.
void add_conservation(const Relevance& relevance, Explanation& result) {
  double sum = std::accumulate(relevance.token.begin(), relevance.token.end(), 0.0);
  for (const ConservationLine& line : relevance.conservation) {
    sum += line.absorbed();
    const auto add = [&](const char* share, double absorbed) {
      if (absorbed != 0) result.checks.emplace_back(line.name + share, absorbed);
    };
    add(".bias", line.bias);
    add(".epsilon", line.epsilon);
    add(".softmax", line.softmax);
    add(".layer_norm", line.layer_norm);
    add(line.name == "log_odds" ? ".log_sum_exp" : "", line.own);
  }
  result.checks.emplace_back("conservation_gap", sum - relevance.log_odds);
}

}  // namespace

void attn_lrp_relevance(BlackBox& f, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  const Relevance relevance = with_gradient_access(f, "attn-lrp", [&](auto& model, Index target) {
    return attn_lrp(model, text.ids(), text.encoding().types, target);
  });
  count_passes(f, 1, std::ssize(text.ids()), result);
  set_token_scores(relevance.token, text, result);
  add_conservation(relevance, result);
}

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
  Tape<T> tape;
  model.forward(tape, text.whole(),
                {.last_block = ForwardOptions::LastBlock::all_rows, .patterns = true, .frozen = true});
  const Index S = std::ssize(text.ids());
  std::vector<double> row(static_cast<std::size_t>(S));
  row[model.config().read_out == ReadOut::first ? 0 : S - 1] = 1;
  for (auto named = tape.names().rbegin(); named != tape.names().rend(); ++named)
    if (std::strcmp(named->name.stem, "attn.pattern") == 0)
      follow(named->tensor.data, model.config().heads, S, row);
  return row;
}

}  // namespace

void attention_rollout(BlackBox& f, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  const std::vector<double> share =
      with_gradient_access(f, "attention-rollout", [&](auto& model, Index) { return rollout(model, text); });
  f.add_cost({1, 1, std::ssize(share)});
  set_token_scores(share, text, result);
  result.warnings.emplace_back(
      "shares of attention have no sign and are no parts of the log-odds: r2 and mse are not meant for them, "
      "correlation is");
}

}  // namespace slalom
