#include "slalom/inspect/enclosure.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/nn/predictor.hpp"

namespace slalom {

namespace {

constexpr double kGrid = 0x1p40;

// Pieces of (0, 1] that 1 / n is in; finer towards 0, where the weight of a faint token changes fast.
constexpr Index kPieces = 256;

}  // namespace

Interval outward(const Ball& ball) {
  const double low = std::floor(std::nextafter(ball.middle - ball.radius, -INFINITY) * kGrid) / kGrid,
               high = std::ceil(std::nextafter(ball.middle + ball.radius, INFINITY) * kGrid) / kGrid;
  if (!std::isfinite(low) || !std::isfinite(high)) return {-INFINITY, INFINITY};
  return {low, high};
}

Interval hull(const Interval& a, const Interval& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

Encloser::Encloser(const TextClassifier<double>& model, Index target)
    : model_(model),
      transformer_(dynamic_cast<const Classifier<double>*>(&model)),
      network_(dynamic_cast<const FullyConnected<double>*>(&model)),
      target_(target) {
  if (transformer_ == nullptr && network_ == nullptr) throw Error("[enclosure] a model of an unknown kind");
  if (target < 0 || target >= model.labels())
    throw Error(concat("[enclosure] class ", target, ", the model has ", model.labels()));
}

const LinearMap& Encloser::map(const LinearIds& ids) {
  return map(ids, 0, model_.parameters().value(ids.weight).rows());
}

const LinearMap& Encloser::map(const LinearIds& ids, Index first, Index outputs) {
  const Tensor<double> weight = model_.parameters().value(ids.weight);
  const double* bias = ids.bias.valid() ? model_.parameters().value(ids.bias).data + first : nullptr;
  const auto known = maps_.find(weight.row(first));
  if (known != maps_.end()) return known->second;
  return maps_[weight.row(first)] = linear_map(weight.row(first), bias, outputs, weight.columns());
}

Balls Encloser::normalise(const LayerNormIds& ids, Balls x) const {
  if (!ids.weight.valid()) return x;
  const ParameterStore<double>& store = model_.parameters();
  return layer_norm(std::move(x), store.value(ids.weight).data,
                    ids.bias.valid() ? store.value(ids.bias).data : nullptr, config().layer_norm_eps);
}

Balls Encloser::embed(std::span<const TokenId> text) {
  const EmbeddingIds& ids = transformer_->embedding();
  const ParameterStore<double>& store = model_.parameters();
  std::vector<TokenId> positions(text.size());
  position_ids(config(), packed(text), positions);
  Balls x(std::ssize(text), config().table_width());
  for (Index i = 0; i < x.rows(); ++i) {
    double sizes = 0;
    const auto add = [&](ParameterId table, Index row) {
      if (!table.valid()) return;
      const double* from = store.value(table).row(row);
      for (Index j = 0; j < x.columns; ++j) x.row(i)[j] += from[j];
      sizes += norm_bound(from, x.columns);
    };
    add(ids.token, text[static_cast<std::size_t>(i)]);
    add(ids.position, positions[static_cast<std::size_t>(i)]);
    add(ids.type, 0);
    x.radius_of(i) = up(2 * kUnitRoundoff * sizes);
  }
  x = normalise(ids.norm, std::move(x));
  return ids.map.weight.valid() ? apply(map(ids.map), x) : x;
}

// Softmax plus one has one more key, of score 0 and value 0.
Encloser::Reading Encloser::reading(const BlockIds& ids, const Balls& x, bool read_out_only) {
  const ClassifierConfig& c = config();
  const Index D = c.width, d = D / c.heads, place = read_out_only ? read_out(x.rows()) : 0;
  const auto turned = [&](Balls y, Index first_place) {
    return c.positions == Positions::rope ? rotate(std::move(y), d, first_place) : y;
  };
  const Balls source = c.traits().pre_norm ? normalise(ids.norm1, x) : x;
  Balls q = turned(apply(map(ids.query), read_out_only ? source.only(place) : source), place);
  Balls k = turned(apply(map(ids.keys_values, 0, D), source), 0),
        v = apply(map(ids.keys_values, D, D), source);
  if (c.attention != AttentionKind::softmax_plus_one) return {std::move(q), std::move(k), std::move(v)};
  return {std::move(q), above(Balls(1, D), k), above(Balls(1, D), v), 1};
}

Balls Encloser::attention(const Reading& r, std::span<const Index> visible,
                          std::span<const double> counts) const {
  const bool averages = r.first == 1 || config().attention == AttentionKind::softmax;
  return attend(averages ? AttentionKind::softmax : config().attention, r.q, r.k, r.v, config().heads,
                visible, counts);
}

Balls Encloser::block(const BlockIds& ids, const Balls& x, bool read_out_only) {
  const Index N = x.rows(), last = read_out(N);
  const Reading r = reading(ids, x, read_out_only);
  std::vector<Index> visible;
  for (Index i = 0; i < N; ++i) visible.push_back(r.first + (config().traits().causal ? i + 1 : N));
  if (read_out_only) visible = {visible[static_cast<std::size_t>(last)]};
  return after_attention(ids, attention(r, visible, {}), read_out_only ? x.only(last) : x);
}

Balls Encloser::after_attention(const BlockIds& ids, const Balls& z, const Balls& stream) {
  const bool pre_norm = config().traits().pre_norm;
  const auto with_residual = [&](Balls change, const Balls& x, const LayerNormIds& norm) {
    Balls y = config().residual ? sum(change, x) : std::move(change);
    return pre_norm ? y : normalise(norm, std::move(y));
  };
  const Balls m = with_residual(apply(map(ids.attention_out), z), stream, ids.norm1);
  if (!config().feed_forward_on) return m;
  const Balls hidden = apply(map(ids.feed_forward_in), pre_norm ? normalise(ids.norm2, m) : m);
  return with_residual(apply(map(ids.feed_forward_out), activate(config().activation, hidden)), m, ids.norm2);
}

Balls Encloser::head(Balls x) {
  const HeadIds& ids = transformer_->head();
  x = normalise(ids.norm, std::move(x));
  if (ids.hidden.weight.valid()) x = activate(config().traits().head_activation, apply(map(ids.hidden), x));
  return apply(map(ids.out), x);
}

Balls Encloser::network_logits(std::span<const TokenId> text) {
  const FullyConnectedConfig& c = network_->config();
  Balls x(1, c.context * c.width);
  for (Index s = 0; s < c.context; ++s) {
    const TokenId id = s < std::ssize(text) ? text[static_cast<std::size_t>(s)] : c.padding;
    std::copy_n(network_->embedding(id), c.width, x.row(0) + s * c.width);
  }
  const auto named = [&](const std::string& name) -> const LinearMap& {
    const ParameterStore<double>& store = model_.parameters();
    return map({store.find(name + ".weight"), store.find(name + ".bias")});
  };
  return apply(named("out"), activate(Activation::relu, apply(named("hidden"), x)));
}

// F is a logit, or of slope (1, −softmax of the others), which is √2 long at most.
Ball Encloser::log_odds_of(const Balls& logits, Index row) const {
  const std::span<const double> values(logits.row(row), static_cast<std::size_t>(logits.columns));
  const double middle = slalom::log_odds(values, target_, model_.problem());
  if (model_.problem() != ProblemType::single_label) return {middle, logits.radius_of(row)};
  const double rounding = 64 * kUnitRoundoff *
                          (static_cast<double>(logits.columns) + norm_bound(logits.row(row), logits.columns));
  return {middle, up(std::sqrt(2.0) * logits.radius_of(row) + rounding)};
}

Ball Encloser::log_odds(std::span<const TokenId> text) {
  model_.check({{text.begin(), text.end()}, {0, std::ssize(text)}});
  if (network_ != nullptr) return log_odds_of(network_logits(text), 0);
  Balls x = embed(text);
  const std::vector<BlockIds>& blocks = transformer_->blocks();
  for (const BlockIds& ids : blocks) x = block(ids, x, &ids == &blocks.back());
  return log_odds_of(head(std::move(x)), 0);
}

bool Encloser::encloses_repetitions() const {
  if (transformer_ == nullptr) return false;
  const ClassifierConfig& c = config();
  return c.layers == 1 && c.positions == Positions::none && !c.traits().causal &&
         c.read_out == ReadOut::first &&
         (c.attention == AttentionKind::softmax || c.attention == AttentionKind::softmax_plus_one);
}

// What the first token's heads read is a mean of the values of the token and of the others, in which the
// others weigh 1 / n of what they weigh at n = 1: between two values of n each head is between its two means.
Interval Encloser::repetitions(std::span<const TokenId> prefix, TokenId token,
                               std::span<const TokenId> suffix) {
  std::vector<TokenId> text(prefix.begin(), prefix.end());
  text.push_back(token);
  text.insert(text.end(), suffix.begin(), suffix.end());
  if (!encloses_repetitions() || prefix.empty())
    throw Error("[enclosure] all repetitions at once: wanted one block, no positions, a first token to read");
  model_.check({{text.begin(), text.end()}, {0, std::ssize(text)}});
  const BlockIds& ids = transformer_->blocks().front();
  const Index D = config().width;
  const Balls x = embed(text);
  const Reading r = reading(ids, x, true);
  Balls z(kPieces + 1, D), stream(kPieces, D);
  for (Index piece = 0; piece <= kPieces; ++piece) {
    const double share = static_cast<double>(piece) / kPieces;
    std::vector<double> counts(static_cast<std::size_t>(r.k.rows()), share * share);
    counts[static_cast<std::size_t>(r.first) + prefix.size()] = 1;
    const Balls one = attention(r, std::vector{r.k.rows()}, counts);
    std::ranges::copy(one.middle, z.row(piece));
    z.radius_of(piece) = one.radius_of(0);
  }
  for (Index piece = 0; piece < kPieces; ++piece) {
    std::copy_n(x.row(0), D, stream.row(piece));
    stream.radius_of(piece) = x.radius_of(0);
  }
  const Balls logits = head(after_attention(ids, between_rows(z), stream));
  Interval all = outward(log_odds_of(logits, 0));
  for (Index piece = 1; piece < kPieces; ++piece) all = hull(all, outward(log_odds_of(logits, piece)));
  return all;
}

}  // namespace slalom
