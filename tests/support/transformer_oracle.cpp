#include "transformer_oracle.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "attention_oracle.hpp"
#include "dropout_oracle.hpp"
#include "real.hpp"

namespace slalom::test {

namespace {

double pi_of(double) {
  return std::numbers::pi;
}
Real pi_of(const Real&) {
  return Real::pi();
}

}  // namespace

template <class R>
R activated(Activation f, const R& x) {
  using std::erf, std::sqrt, std::tanh;
  switch (f) {
    case Activation::gelu_erf:
      return R(0.5) * x * (R(1) + erf(x / sqrt(R(2))));
    case Activation::gelu_tanh:
      return R(0.5) * x * (R(1) + tanh(sqrt(R(2) / pi_of(x)) * (x + R(44715) / R(1000000) * x * x * x)));
    case Activation::relu:
      return x > R(0) ? x : R(0);
    case Activation::tanh:
      return tanh(x);
    default:
      return x;
  }
}

template double activated(Activation, const double&);
template Real activated(Activation, const Real&);

namespace {

using std::cos, std::exp, std::log, std::sin, std::sqrt;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// One text, padded.
struct Padded {
  std::vector<TokenId> ids, types;
  std::vector<bool> mask;  // false at padding
  Index length = 0;
  std::uint32_t number = 0;
};

template <class R>
class Oracle {
 public:
  using Row = std::vector<R>;
  using Matrix = std::vector<Row>;

  Oracle(const Classifier<double>& model, const std::uint64_t* key)
      : store_(model.parameters()), c_(model.config()), key_(key) {
    gpt2_ = c_.architecture == Architecture::gpt2;
    distilbert_ = c_.architecture == Architecture::distilbert;
    roberta_ = c_.architecture == Architecture::roberta;
    electra_ = c_.architecture == Architecture::electra;
  }

  Row logits(const Padded& text) const {
    Matrix x = embed(text);
    for (Index l = 0; l < c_.layers; ++l) x = block(x, l, text);
    const Index position = c_.read_out == ReadOut::first ? 0 : text.length - 1;
    return head(x[at(position)], position, text);
  }

 private:
  static Matrix plus(Matrix a, const Matrix& b) {
    for (std::size_t r = 0; r < a.size(); ++r)
      for (std::size_t j = 0; j < a[r].size(); ++j) a[r][j] += b[r][j];
    return a;
  }

  // A weight (rows, columns) and its bias, both by name; without either, data is null.
  struct Affine {
    Tensor<double> weight{}, bias{};
    bool exists() const { return weight.data != nullptr; }
    double shift(Index i) const { return bias.data == nullptr ? 0 : bias.data[i]; }
  };
  Affine find(const std::string& name) const {
    Affine found;
    if (const ParameterId id = store_.find(name + ".weight"); id.valid()) found.weight = store_.value(id);
    if (const ParameterId id = store_.find(name + ".bias"); id.valid()) found.bias = store_.value(id);
    return found;
  }

  // Rows [first, first + out) of a weight (·, in) applied to every row of x.
  Matrix linear(const Matrix& x, const std::string& name, Index first, Index out) const {
    const Affine map = find(name);
    Matrix y;
    for (const Row& row : x) {
      y.emplace_back();
      for (Index o = first; o < first + out; ++o) {
        R sum = map.shift(o);
        for (Index i = 0; i < std::ssize(row); ++i) sum += map.weight.row(o)[i] * row[at(i)];
        y.back().push_back(sum);
      }
    }
    return y;
  }

  Matrix layer_norm(Matrix x, const std::string& name) const {
    const Affine map = find(name);
    if (!map.exists()) return x;
    for (Row& row : x) {
      const R width(static_cast<double>(row.size()));
      R mean = 0, variance = 0;
      for (const R& v : row) mean += c_.norm == Norm::rms ? R(0) : v / width;
      for (const R& v : row) variance += (v - mean) * (v - mean) / width;
      for (Index j = 0; j < std::ssize(row); ++j)
        row[at(j)] =
            (row[at(j)] - mean) / sqrt(variance + c_.layer_norm_eps) * map.weight.data[j] + map.shift(j);
    }
    return x;
  }

  // Sites of dropout: 4 (layer + 1) + place, layer −1 for embeddings (place 0) and head (places 1 and 3).
  Dropout dropout(double rate, Index layer, Index place) const {
    return key_ == nullptr ? Dropout{}
                           : Dropout{rate, *key_, static_cast<std::uint32_t>(4 * (layer + 1) + place)};
  }
  Matrix dropped(Matrix x, const Dropout& d, const Padded& text, Index first_position = 0) const {
    for (Index r = 0; r < std::ssize(x); ++r)
      for (Index j = 0; j < std::ssize(x[at(r)]); ++j)
        x[at(r)][at(j)] *= matrix_mask_element(d, text.number, static_cast<std::uint32_t>(first_position + r),
                                               std::ssize(x[at(r)]), j);
    return x;
  }

  Matrix embed(const Padded& text) const {
    const Affine token = find("embed.token"), positions = find("embed.position"), type = find("embed.type");
    Matrix x;
    Index position = roberta_ ? c_.pad_id + 1 : 0;
    for (std::size_t s = 0; s < text.ids.size(); ++s) {
      const bool pad = roberta_ && text.ids[s] == c_.pad_id;
      const Index p = pad ? c_.pad_id : position++;
      x.emplace_back();
      for (Index j = 0; j < token.weight.columns(); ++j) {
        R sum = token.weight.row(text.ids[s])[j];
        if (positions.exists()) sum += positions.weight.row(p)[j];
        if (type.exists()) sum += type.weight.row(text.types[s])[j];
        x.back().push_back(sum);
      }
    }
    x = dropped(layer_norm(std::move(x), "embed.norm"), dropout(c_.embedding_dropout, -1, 0), text);
    return find("embed.map").exists() ? linear(x, "embed.map", 0, c_.width) : x;
  }

  // ALBERT's layers are all the first.
  std::string block_name(Index layer) const {
    return "blocks." + std::to_string(c_.architecture == Architecture::albert ? 0 : layer);
  }

  // Element (row, channel j of head h) of queries or keys; rotary positions turn it with its partner.
  R turned(const Matrix& x, Index row, Index h, Index j) const {
    const Index d = c_.width / c_.heads, half = d / 2;
    const R& value = x[at(row)][at(h * d + j)];
    if (c_.positions != Positions::rope) return value;
    const R share = R(2 * static_cast<double>(j % half)) / R(static_cast<double>(d));
    const R angle = R(static_cast<double>(row)) / exp(share * log(R(10000)));
    const R& partner = x[at(row)][at(h * d + (j + half) % d)];
    return cos(angle) * value + R(j < half ? -1 : 1) * sin(angle) * partner;
  }

  // Weights that query i of head h gives to all keys, padding and (causal) later keys masked.
  Row pattern(const Matrix& q, const Matrix& k, Index h, Index i, const Padded& text) const {
    const Index d = c_.width / c_.heads;
    Row scores;
    for (Index j = 0; j < std::ssize(k) && text.mask[at(j)] && (!gpt2_ || j <= i); ++j) {
      scores.push_back(0);
      for (Index c = 0; c < d; ++c)
        scores.back() += turned(q, i, h, c) * turned(k, j, h, c) / sqrt(R(static_cast<double>(d)));
    }
    Row p = attention_weights(c_.attention, scores);
    p.resize(k.size());
    return p;
  }

  Matrix attention(const Matrix& x, Index layer, const Padded& text) const {
    const Index D = c_.width, d = D / c_.heads;
    const std::string name = block_name(layer) + ".attn.";
    const Matrix q = linear(x, name + "q", 0, D), k = linear(x, name + "kv", 0, D),
                 v = linear(x, name + "kv", D, D);
    const Dropout on_pattern = dropout(c_.attention_dropout, layer, 0);
    Matrix z(x.size(), Row(at(D)));
    for (Index h = 0; h < c_.heads; ++h)
      for (Index i = 0; i < std::ssize(x); ++i) {
        const Row p = pattern(q, k, h, i, text);
        const auto row = static_cast<std::uint32_t>(i * c_.heads + h);
        for (Index j = 0; j < std::ssize(x); ++j)
          for (Index c = h * d; c < (h + 1) * d; ++c)
            z[at(i)][at(c)] += p[at(j)] * mask_element(on_pattern, text.number, row, j) * v[at(j)][at(c)];
      }
    const Matrix out = linear(z, name + "out", 0, D);
    return distilbert_ ? out : dropped(out, dropout(c_.hidden_dropout, layer, 1), text);
  }

  Matrix feed_forward(const Matrix& x, Index layer, const Padded& text) const {
    const std::string name = block_name(layer) + ".mlp.";
    Matrix hidden = linear(x, name + "in", 0, c_.feed_forward);
    for (Row& row : hidden)
      for (R& v : row) v = activated(c_.activation, v);
    return dropped(linear(hidden, name + "out", 0, c_.width), dropout(c_.hidden_dropout, layer, 2), text);
  }

  Matrix block(const Matrix& x, Index layer, const Padded& text) const {
    const std::string name = block_name(layer);
    const auto add_residual = [&](const Matrix& change, const Matrix& stream) {
      return c_.residual ? plus(change, stream) : change;
    };
    if (gpt2_) {
      const Matrix m = add_residual(attention(layer_norm(x, name + ".norm1"), layer, text), x);
      if (!c_.feed_forward_on) return m;
      return add_residual(feed_forward(layer_norm(m, name + ".norm2"), layer, text), m);
    }
    const Matrix m = layer_norm(add_residual(attention(x, layer, text), x), name + ".norm1");
    if (!c_.feed_forward_on) return m;
    return layer_norm(add_residual(feed_forward(m, layer, text), m), name + ".norm2");
  }

  Row head(const Row& read_out, Index position, const Padded& text) const {
    Matrix x = layer_norm({read_out}, "head.norm");
    if (find("head.hidden").exists()) {
      if (roberta_ || electra_) x = dropped(std::move(x), dropout(c_.head_dropout, -1, 1), text, position);
      x = linear(x, "head.hidden", 0, c_.width);
      const Activation f = distilbert_ ? Activation::relu
                           : electra_  ? Activation::gelu_erf
                                       : Activation::tanh;
      for (R& v : x[0]) v = activated(f, v);
    }
    x = dropped(std::move(x), dropout(c_.head_dropout, -1, 3), text, position);
    return linear(x, "head.out", 0, c_.labels)[0];
  }

  const ParameterStore<double>& store_;
  const ClassifierConfig& c_;
  const std::uint64_t* key_;
  bool gpt2_, distilbert_, roberta_, electra_;
};

Padded pad(const PackedTexts& texts, Index b, Index longest, TokenId pad_id) {
  Padded text{{}, {}, {}, texts.length(b), static_cast<std::uint32_t>(b)};
  for (Index s = 0; s < longest; ++s) {
    const bool real = s < text.length;
    const auto row = at(texts.begin[at(b)] + s);
    text.ids.push_back(real ? texts.ids[row] : pad_id);
    text.types.push_back(real && !texts.types.empty() ? texts.types[row] : 0);
    text.mask.push_back(real);
  }
  return text;
}

}  // namespace

template <class R>
std::vector<R> oracle_logits(const Classifier<double>& model, const PackedTexts& texts,
                             const std::uint64_t* dropout_key) {
  const Oracle<R> oracle(model, dropout_key);
  Index longest = 0;
  for (Index b = 0; b < texts.texts(); ++b) longest = std::max(longest, texts.length(b));
  std::vector<R> logits;
  for (Index b = 0; b < texts.texts(); ++b) {
    const std::vector<R> row = oracle.logits(pad(texts, b, longest, model.config().pad_id));
    logits.insert(logits.end(), row.begin(), row.end());
  }
  return logits;
}

template std::vector<double> oracle_logits(const Classifier<double>&, const PackedTexts&,
                                           const std::uint64_t*);
template std::vector<Real> oracle_logits(const Classifier<double>&, const PackedTexts&, const std::uint64_t*);

}  // namespace slalom::test
