// The way back through a transformer: which rule applies where, and the record of what it absorbs. The rules
// and their mathematics are in relevance_rules.hpp.
#include "slalom/explain/relevance_rules.hpp"

#include <algorithm>
#include <cstring>

#include "slalom/kernels/rowwise.hpp"
#include "slalom/nn/predictor.hpp"

namespace slalom {

namespace {

using namespace relevance;

template <class T>
class Propagation {
 public:
  Propagation(Classifier<T>& model, std::span<const TokenId> ids, std::span<const TokenId> types,
              const Stabiliser& stabiliser)
      : model_(model), stabiliser_(stabiliser), text_(packed(ids, types)), S_(text_.rows()) {
    text_.types.resize(text_.ids.size());
    model.forward(tape_, text_, {.last_block = ForwardOptions::LastBlock::all_rows, .patterns = true});
  }

  Relevance run(const Objective& objective) {
    View<T> g = scratch(1, model_.labels());
    log_odds(objective, g);
    g = head(g);
    for (int l = static_cast<int>(config().layers) - 1; l >= 0; --l) {
      const BlockIds& ids = model_.blocks()[static_cast<std::size_t>(l)];
      if (config().feed_forward_on) feed_forward(ids, l, g);
      attention(ids, l, g);
    }
    embedding(g);
    return std::move(result_);
  }

 private:
  const ClassifierConfig& config() const { return model_.config(); }
  ConservationLine& line() { return result_.conservation.back(); }
  Tensor<T> value(ParameterId id) const { return model_.parameters().value(id); }

  View<T> scratch(Index rows, Index columns) {
    return {tape_.arena().template allocate<T>(rows * columns), rows, columns, columns};
  }

  View<T> activation(const char* stem, int layer = -1) const {
    for (const NamedTensor<T>& n : tape_.names())
      if (n.name.layer == layer && std::strcmp(n.name.stem, stem) == 0)
        return {n.tensor.data, n.tensor.rows(), n.tensor.columns(), n.stride};
    throw Error(concat("[attn_lrp] no activation ", to_string({stem, layer})));
  }

  // A line of the conservation record, from the relevance of z to that of x.
  void enter(const std::string& name, View<T> z, View<T> g) {
    result_.conservation.push_back({.name = name, .in = total_relevance(z, g)});
  }
  void leave(View<T> x, View<T> g) { line().out = total_relevance(x, g); }

  // --- rules: from the coefficients g of an output to those of its inputs --------------------------------

  void epsilon_rule(Denominator kind, View<T> z, View<T> g) {
    line().epsilon += relevance::epsilon_rule(stabiliser_, kind, z, g);
  }

  double bias_share(ParameterId bias, View<T> g) const {
    return bias.valid() ? relevance::bias_share<T>(value(bias).data, g) : 0;
  }

  void linear_rule(const LinearIds& ids, View<T> g, T beta, View<T> gx) {
    line().bias += bias_share(ids.bias, g);
    relevance::linear_rule(value(ids.weight), g, beta, gx);
  }

  void layer_norm_rule(const LayerNormIds& ids, View<T> x, View<T> y, View<T> g) {
    epsilon_rule(Denominator::layer_norm, y, g);
    line().layer_norm += bias_share(ids.bias, g);
    relevance::layer_norm_rule<T>(value(ids.weight).data, config().layer_norm_eps, x, g);
  }

  // --- places ---------------------------------------------------------------------------------------------

  // g (1, C) ← the coefficients of the logits.
  void log_odds(const Objective& objective, View<T> g) {
    const View<T> z = activation("logits");
    if (!std::all_of(z.data, z.data + z.columns, [](T x) { return std::isfinite(x); }))
      throw Error(concat("[attn_lrp] the logits are not finite; ", tape_.first_non_finite_value(),
                         " is the first such activation"));
    const std::vector<double> logits(z.data, z.data + z.columns);
    std::vector<double> slopes(logits.size());
    result_.log_odds = objective(logits, slopes);
    std::ranges::transform(slopes, g.data, [](double slope) { return static_cast<T>(slope); });
    const double linear = total_relevance(z, g);
    result_.conservation.push_back(
        {.name = "log_odds", .in = result_.log_odds, .out = linear, .own = result_.log_odds - linear});
  }

  // From the logits (1, C) to all rows of the last block's output (S, D).
  View<T> head(View<T> g_logits) {
    const HeadIds& ids = model_.head();
    const Index D = config().width;
    const View<T> logits = activation("logits"), read_out = activation("read_out");
    const View<T> all = scratch(S_, D);
    std::fill_n(all.data, S_ * D, T{0});
    const View<T> g{all.row(config().read_out == ReadOut::first ? 0 : S_ - 1), 1, D, D};
    enter("head", logits, g_logits);
    epsilon_rule(Denominator::plain, logits, g_logits);
    linear_rule(ids.out, g_logits, T{0}, g);
    if (ids.hidden.weight.valid()) {
      const View<T> pre = head_before_activation(), hidden_g = scratch(1, D);
      activation_rule(pre, activation("head.hidden"), g);
      epsilon_rule(Denominator::plain, pre, g);
      std::copy_n(g.data, D, hidden_g.data);
      linear_rule(ids.hidden, hidden_g, T{0}, g);
    }
    if (ids.norm.weight.valid()) layer_norm_rule(ids.norm, read_out, activation("head.norm"), g);
    leave(read_out, g);
    return all;
  }

  View<T> head_before_activation() {
    const HeadIds& ids = model_.head();
    const Index D = config().width;
    const View<T> x = activation(ids.norm.weight.valid() ? "head.norm" : "read_out"), pre = scratch(1, D);
    const Tensor<T> W = value(ids.hidden.weight);
    gemm<T>(1, D, D, {x.data, x.stride}, {W.data, D, Layout::transposed}, T{0}, pre.data, D);
    accumulate(D, value(ids.hidden.bias).data, T{1}, pre.data);
    return pre;
  }

  // One of a block's two sums: y = x + branch(LN(x)) or y = LN(x + branch(x)), and without the residual or
  // LayerNorm what is left of these.
  struct Sublayer {
    const LayerNormIds& norm;
    View<T> x, branch, y;  // (S, D)
    const char* normed;    // name of LN(x), if LayerNorm comes first
  };

  // g (S, D): from the coefficients of y to those of x. back(f) takes f from the coefficients of the branch's
  // output to those of its input.
  template <class Back>
  void residual_rule(const Sublayer& sub, int layer, View<T> g, const Back& back) {
    const bool norm = sub.norm.weight.valid(), pre_norm = config().traits().pre_norm;
    const View<T> f = scratch(S_, config().width);
    if (norm && !pre_norm) {
      const View<T> sum = scratch(S_, config().width);
      std::copy_n(sub.branch.data, S_ * config().width, sum.data);
      if (config().residual) accumulate(S_ * config().width, sub.x.data, T{1}, sum.data);
      layer_norm_rule(sub.norm, sum, sub.y, g);
      if (config().residual) epsilon_rule(Denominator::plain, sum, g);
    } else if (config().residual) {
      epsilon_rule(Denominator::plain, sub.y, g);
    }
    std::copy_n(g.data, S_ * config().width, f.data);
    epsilon_rule(Denominator::plain, sub.branch, f);
    back(f);
    if (norm && pre_norm) layer_norm_rule(sub.norm, sub.x, activation(sub.normed, layer), f);
    accumulate(S_ * config().width, f.data, config().residual ? T{1} : T{0}, g.data);
    leave(sub.x, g);
  }

  void feed_forward(const BlockIds& ids, int l, View<T> g) {
    const ArenaScope scope(tape_.arena());
    const Sublayer sub{ids.norm2, activation("resid_mid", l), activation("mlp.out", l),
                       activation("resid_post", l), "norm2"};
    enter(concat("blocks.", l, ".mlp"), sub.y, g);
    residual_rule(sub, l, g, [&](View<T> f) {
      const View<T> pre = activation("mlp.pre", l), hidden = scratch(S_, config().feed_forward);
      linear_rule(ids.feed_forward_out, f, T{0}, hidden);
      activation_rule(pre, activation("mlp.post", l), hidden);
      epsilon_rule(Denominator::plain, pre, hidden);
      linear_rule(ids.feed_forward_in, hidden, T{0}, f);
    });
  }

  void attention(const BlockIds& ids, int l, View<T> g) {
    const ArenaScope scope(tape_.arena());
    const View<T> x = l == 0 ? activation("embed") : activation("resid_post", l - 1);
    const Sublayer sub{ids.norm1, x, activation("attn.out", l), activation("resid_mid", l), "norm1"};
    enter(concat("blocks.", l, ".attn"), sub.y, g);
    residual_rule(sub, l, g, [&](View<T> f) {
      const Index D = config().width;
      const View<T> z = scratch(S_, D), q = scratch(S_, D), kv = scratch(S_, 2 * D);
      linear_rule(ids.attention_out, f, T{0}, z);
      epsilon_rule(Denominator::twice, activation("attn.z", l), z);
      heads(l, z, q, kv);
      epsilon_rule(Denominator::plain, activation("attn.q", l), q);
      epsilon_rule(Denominator::plain, activation("attn.k", l), kv.columns_from(0, D));
      epsilon_rule(Denominator::plain, activation("attn.v", l), kv.columns_from(D, D));
      linear_rule(ids.query, q, T{0}, f);
      linear_rule(ids.keys_values, kv, T{1}, f);
    });
  }

  // From z (S, D) to the coefficients of queries (S, D), keys and values (S, 2D). Both factors of a product
  // get half, first of pattern times values, then of queries times keys.
  void heads(int l, View<T> gz, View<T> gq, View<T> gkv) {
    const Index S = S_, D = config().width, H = config().heads, d = D / H;
    const View<T> q = activation("attn.q", l), k = activation("attn.k", l), v = activation("attn.v", l);
    const T* patterns = activation("attn.pattern", l).data;
    const T half_scale = T(0.5) / std::sqrt(static_cast<T>(d));
    for (Index i = 0; i < S * D; ++i) gz.data[i] *= T(0.5);
    T* memory = tape_.arena().template allocate<T>(2 * S * S * threads());
    std::vector<double> softmax(static_cast<std::size_t>(H)), epsilon(softmax.size());
    parallel_for(H, [&](Index h) {
      T *scores = memory + 2 * S * S * thread_number(), *c = scores + S * S;
      const T* pattern = patterns + h * S * S;
      const auto of_head = [&](View<T> m) { return Factor<T>{m.data + h * d, m.stride}; };
      const auto transposed = [](Factor<T> m) { return Factor<T>{m.data, m.stride, Layout::transposed}; };
      const Factor<T> z_h = of_head(gz), k_h = of_head(k), q_h = of_head(q);
      const Index key = h * d, val = D + h * d;
      gemm<T>(S, S, d, z_h, transposed(of_head(v)), T{0}, c, S);
      gemm<T>(S, d, S, {pattern, S, Layout::transposed}, z_h, T{0}, gkv.data + val, gkv.stride);
      gemm<T>(S, S, d, q_h, transposed(k_h), T{0}, scores, S);
      for (Index i = 0; i < S; ++i) {
        const Index visible = config().traits().causal ? i + 1 : S;
        softmax_rule_row(stabiliser_, d, visible, pattern + i * S, scores + i * S, c + i * S,
                         softmax[static_cast<std::size_t>(h)], epsilon[static_cast<std::size_t>(h)]);
        for (Index j = 0; j < S; ++j) c[i * S + j] = j < visible ? c[i * S + j] * half_scale : T{0};
      }
      gemm<T>(S, d, S, {c, S}, k_h, T{0}, gq.data + key, gq.stride);
      gemm<T>(S, d, S, {c, S, Layout::transposed}, q_h, T{0}, gkv.data + key, gkv.stride);
    });
    for (std::size_t h = 0; h < softmax.size(); ++h) {
      line().softmax += softmax[h];
      line().epsilon += epsilon[h];
    }
  }

  // The relevance of the rows of a table that the tokens took, one number a token.
  std::vector<double> shares(ParameterId table, std::span<const TokenId> rows, View<T> g) const {
    std::vector<double> share(rows.size());
    for (std::size_t s = 0; s < rows.size(); ++s)
      share[s] = dot(g.columns, value(table).row(rows[s]), g.row(static_cast<Index>(s)));
    return share;
  }

  void embedding(View<T> g) {
    const EmbeddingIds& ids = model_.embedding();
    const Index E = config().table_width();
    const bool mapped = ids.map.weight.valid();
    const View<T> embedded = activation(mapped ? "embed.narrow" : "embed"), sum = scratch(S_, E);
    if (mapped) {
      const View<T> narrow = scratch(S_, E), y = activation("embed");
      enter("embed.map", y, g);
      epsilon_rule(Denominator::plain, y, g);
      linear_rule(ids.map, g, T{0}, narrow);
      g = narrow;
      leave(embedded, g);
    }
    std::fill_n(sum.data, S_ * E, T{0});
    std::vector<TokenId> positions(text_.ids.size());
    position_ids(config(), text_, positions);
    const auto add = [&](ParameterId table, std::span<const TokenId> rows) {
      for (Index s = 0; table.valid() && s < S_; ++s)
        accumulate(E, value(table).row(rows[static_cast<std::size_t>(s)]), T{1}, sum.row(s));
    };
    add(ids.token, text_.ids);
    add(ids.position, positions);
    add(ids.type, text_.types);
    enter("embed", embedded, g);
    if (ids.norm.weight.valid()) layer_norm_rule(ids.norm, sum, embedded, g);
    if (ids.position.valid() || ids.type.valid()) epsilon_rule(Denominator::plain, sum, g);
    leave(sum, g);
    table_line("embed.position", ids.position, positions, g);
    table_line("embed.type", ids.type, text_.types, g);
    result_.token = shares(ids.token, text_.ids, g);
  }

  void table_line(const char* name, ParameterId table, std::span<const TokenId> rows, View<T> g) {
    if (!table.valid()) return;
    ConservationLine entry{.name = name, .in = line().out};
    for (const double share : shares(table, rows, g)) entry.own += share;
    entry.out = entry.in - entry.own;
    result_.conservation.push_back(std::move(entry));
  }

  Classifier<T>& model_;
  Stabiliser stabiliser_;
  PackedTexts text_;
  Index S_;
  Tape<T> tape_;
  Relevance result_;
};

}  // namespace

template <class T>
Relevance attn_lrp(Classifier<T>& model, std::span<const TokenId> ids, std::span<const TokenId> types,
                   const Objective& objective, const Stabiliser& stabiliser) {
  if (!types.empty() && types.size() != ids.size())
    throw Error(
        concat("[attn_lrp] ", types.size(), " types for ", ids.size(), " tokens, wanted as many or none"));
  const ClassifierConfig& c = model.config();
  if (c.attention != AttentionKind::softmax || c.norm == Norm::rms || c.positions == Positions::rope)
    throw Error(concat("[attn_lrp] the model has ", listed(c.unlike_hugging_face()),
                       "; there are rules for softmax attention, LayerNorm and learned positions only"));
  if (!(stabiliser.relative >= 0) || !std::isfinite(stabiliser.relative))
    throw Error(
        concat("[attn_lrp] epsilon is ", stabiliser.relative, ", wanted a finite number of at least 0"));
  return Propagation<T>(model, ids, types, stabiliser).run(objective);
}

template <class T>
Relevance attn_lrp(Classifier<T>& model, std::span<const TokenId> ids, std::span<const TokenId> types,
                   Index target, double epsilon) {
  return attn_lrp(model, ids, types, log_odds_objective(target, model.problem()), {.relative = epsilon});
}

#define SLALOM_INSTANTIATE(T)                                                                            \
  template Relevance attn_lrp(Classifier<T>&, std::span<const TokenId>, std::span<const TokenId>,        \
                              const Objective&, const Stabiliser&);                                      \
  template Relevance attn_lrp(Classifier<T>&, std::span<const TokenId>, std::span<const TokenId>, Index, \
                              double);
SLALOM_INSTANTIATE(float)
SLALOM_INSTANTIATE(double)
#undef SLALOM_INSTANTIATE

}  // namespace slalom
