#include "relevance_oracle.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "transformer_oracle.hpp"

namespace slalom::test {

namespace {

using Row = std::vector<double>;
using Matrix = std::vector<Row>;

double total(const Matrix& relevance) {
  double sum = 0;
  for (const Row& row : relevance)
    for (const double r : row) sum += r;
  return sum;
}

void add_to(Matrix& a, const Matrix& b) {
  for (std::size_t r = 0; r < a.size(); ++r)
    for (std::size_t j = 0; j < a[r].size(); ++j) a[r][j] += b[r][j];
}

Matrix zeros(const Matrix& like) {
  return Matrix(like.size(), Row(like[0].size()));
}

// z = W x + b, W (out, in).
struct Affine {
  Matrix weight;
  Row bias;

  Row operator()(const Row& x) const {
    Row z = bias;
    for (std::size_t o = 0; o < z.size(); ++o)
      for (std::size_t i = 0; i < x.size(); ++i) z[o] += weight[o][i] * x[i];
    return z;
  }
  Matrix operator()(const Matrix& x) const {
    Matrix z;
    for (const Row& row : x) z.push_back((*this)(row));
    return z;
  }
};

// R / (z + ε sign z) with ε = epsilon · root mean square of the first n elements of z.
Row divided(const Row& relevance, const Row& z, double epsilon, std::size_t n) {
  double squares = 0;
  for (std::size_t j = 0; j < n; ++j) squares += z[j] * z[j];
  const double e = epsilon * std::sqrt(squares / static_cast<double>(n));
  Row ratio(z.size());
  for (std::size_t j = 0; j < n; ++j) {
    const double denominator = z[j] + (z[j] >= 0 ? e : -e);
    ratio[j] = denominator == 0 ? 0 : relevance[j] / denominator;
  }
  return ratio;
}

// The activations of one text that the rules need, and the rules.
class Oracle {
 public:
  Oracle(const Classifier<double>& model, double epsilon)
      : store_(model.parameters()), c_(model.config()), epsilon_(epsilon) {}

  OracleRelevance explain(std::span<const TokenId> ids, std::span<const TokenId> types, Index target) {
    tables_ = looked_up(ids, types);
    Matrix x = zeros(tables_[0]);
    for (const Matrix& table : tables_) add_to(x, table);
    const Matrix sum = x;
    x = normalised(x, "embed.norm");
    const Matrix narrow = x;
    if (has("embed.map.weight")) x = linear("embed.map")(x);
    std::vector<Matrix> inputs, middles;
    for (Index l = 0; l < c_.layers; ++l) {
      inputs.push_back(x);
      middles.push_back(x = attention_half(x, l, nullptr));
      if (c_.feed_forward_on) x = feed_forward_half(x, l, nullptr);
    }
    OracleRelevance out;
    Matrix relevance = zeros(x);
    const std::size_t read = c_.read_out == ReadOut::first ? 0 : x.size() - 1;
    relevance[read] = head(x[read], target, out.linear_parts);
    out.totals.push_back(total(relevance));
    for (Index l = c_.layers - 1; l >= 0; --l) {
      const auto at = static_cast<std::size_t>(l);
      if (c_.feed_forward_on) {
        feed_forward_half(middles[at], l, &relevance);
        out.totals.push_back(total(relevance));
      }
      attention_half(inputs[at], l, &relevance);
      out.totals.push_back(total(relevance));
    }
    if (has("embed.map.weight")) {
      relevance = linear_rule(narrow, linear("embed.map"), relevance);
      out.totals.push_back(total(relevance));
    }
    if (has("embed.norm.weight")) relevance = layer_norm_rule(sum, "embed.norm", relevance);
    share_out(sum, relevance, out);
    return out;
  }

 private:
  bool has(const std::string& name) const { return store_.find(name).valid(); }

  // Rows [first, first + out) of a linear layer by its name.
  Affine linear(const std::string& name, Index first, Index out) const {
    const Tensor<double> w = store_.value(store_.find(name + ".weight"));
    Affine map;
    for (Index o = first; o < first + out; ++o) {
      map.weight.emplace_back(w.row(o), w.row(o) + w.columns());
      map.bias.push_back(has(name + ".bias") ? store_.value(store_.find(name + ".bias")).data[o] : 0);
    }
    return map;
  }
  Affine linear(const std::string& name) const {
    return linear(name, 0, store_.shape(store_.find(name + ".weight"))[0]);
  }

  // LayerNorm with its standard deviation at x held constant is affine: w_j (δ_ji − 1 / D) / σ.
  Affine layer_norm_at(const Row& x, const std::string& name) const {
    const double D = static_cast<double>(x.size());
    double mean = 0, variance = 0;
    for (const double v : x) mean += v / D;
    for (const double v : x) variance += (v - mean) * (v - mean) / D;
    const Tensor<double> w = store_.value(store_.find(name + ".weight")),
                         b = store_.value(store_.find(name + ".bias"));
    Affine map{{}, {b.data, b.data + b.size()}};
    for (std::size_t j = 0; j < x.size(); ++j) {
      map.weight.emplace_back();
      for (std::size_t i = 0; i < x.size(); ++i)
        map.weight[j].push_back(w.data[j] * ((i == j ? 1 : 0) - 1 / D) /
                                std::sqrt(variance + c_.layer_norm_eps));
    }
    return map;
  }
  Matrix normalised(const Matrix& x, const std::string& name) const {
    if (!has(name + ".weight")) return x;
    Matrix y;
    for (const Row& row : x) y.push_back(layer_norm_at(row, name)(row));
    return y;
  }

  // --- rules ---------------------------------------------------------------------------------------------

  Row linear_rule(const Row& x, const Affine& map, const Row& relevance) const {
    const Row ratio = divided(relevance, map(x), epsilon_, relevance.size());
    Row back(x.size());
    for (std::size_t j = 0; j < ratio.size(); ++j)
      for (std::size_t i = 0; i < x.size(); ++i) back[i] += map.weight[j][i] * x[i] * ratio[j];
    return back;
  }
  Matrix linear_rule(const Matrix& x, const Affine& map, const Matrix& relevance) const {
    Matrix back;
    for (std::size_t r = 0; r < x.size(); ++r) back.push_back(linear_rule(x[r], map, relevance[r]));
    return back;
  }
  Matrix layer_norm_rule(const Matrix& x, const std::string& name, const Matrix& relevance) const {
    Matrix back;
    for (std::size_t r = 0; r < x.size(); ++r)
      back.push_back(linear_rule(x[r], layer_norm_at(x[r], name), relevance[r]));
    return back;
  }

  // Relevance of the term `part` of the sum z.
  Matrix sum_rule(const Matrix& part, const Matrix& z, const Matrix& relevance) const {
    Matrix back = part;
    for (std::size_t r = 0; r < z.size(); ++r) {
      const Row ratio = divided(relevance[r], z[r], epsilon_, z[r].size());
      for (std::size_t j = 0; j < ratio.size(); ++j) back[r][j] *= ratio[j];
    }
    return back;
  }

  // --- places: forward, and with a relevance (of the result) also backward (to the input) ----------------

  // The sum of branch and x, and LayerNorm around or before it; `branch(n, R)` adds the relevance of n.
  template <class Branch>
  Matrix half(const Matrix& x, const std::string& norm, Matrix* relevance, const Branch& branch) const {
    const bool pre = c_.architecture == Architecture::gpt2 && has(norm + ".weight");
    const bool post = c_.architecture != Architecture::gpt2 && has(norm + ".weight");
    const Matrix n = pre ? normalised(x, norm) : x, change = branch(n, nullptr);
    Matrix sum = change;
    if (c_.residual) add_to(sum, x);
    if (relevance != nullptr) {
      if (post) *relevance = layer_norm_rule(sum, norm, *relevance);
      const Matrix direct = sum_rule(x, sum, *relevance);
      Matrix through = c_.residual ? sum_rule(change, sum, *relevance) : *relevance;
      branch(n, &through);
      if (pre) through = layer_norm_rule(x, norm, through);
      if (c_.residual) add_to(through, direct);
      *relevance = through;
    }
    return post ? normalised(sum, norm) : sum;
  }

  // ALBERT's layers are all the first.
  std::string block_name(Index l) const {
    return "blocks." + std::to_string(c_.architecture == Architecture::albert ? 0 : l);
  }

  Matrix feed_forward_half(const Matrix& x, Index l, Matrix* relevance) const {
    const std::string block = block_name(l);
    const Affine in = linear(block + ".mlp.in"), out = linear(block + ".mlp.out");
    return half(x, block + ".norm2", relevance, [&](const Matrix& n, Matrix* R) {
      Matrix hidden = in(n);
      for (Row& row : hidden)
        for (double& v : row) v = activated(c_.activation, v);
      if (R != nullptr) *R = linear_rule(n, in, linear_rule(hidden, out, *R));
      return out(hidden);
    });
  }

  Matrix attention_half(const Matrix& x, Index l, Matrix* relevance) const {
    const std::string block = block_name(l);
    const Index D = c_.width;
    const Affine query = linear(block + ".attn.q"), key = linear(block + ".attn.kv", 0, D),
                 value = linear(block + ".attn.kv", D, D), out = linear(block + ".attn.out");
    return half(x, block + ".norm1", relevance, [&](const Matrix& n, Matrix* R) {
      const Matrix q = query(n), k = key(n), v = value(n);
      Matrix z = zeros(q), Rq = z, Rk = z, Rv = z;
      for (std::size_t i = 0; i < z.size(); ++i) attend(i, q, k, v, z);
      if (R != nullptr) {
        const Matrix Rz = linear_rule(z, out, *R);
        for (std::size_t i = 0; i < z.size(); ++i) attend_back(i, q, k, v, z, Rz, Rq, Rk, Rv);
        *R = linear_rule(n, query, Rq);
        add_to(*R, linear_rule(n, key, Rk));
        add_to(*R, linear_rule(n, value, Rv));
      }
      return out(z);
    });
  }

  std::size_t head_width() const { return static_cast<std::size_t>(c_.width / c_.heads); }
  std::size_t visible(std::size_t i, std::size_t S) const {
    return c_.architecture == Architecture::gpt2 ? i + 1 : S;
  }

  // Scores and pattern of query i in the head of columns [from, from + d).
  std::pair<Row, Row> pattern(std::size_t i, std::size_t from, const Matrix& q, const Matrix& k) const {
    const std::size_t n = visible(i, k.size());
    Row scores(n), p(n);
    double sum = 0;
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t c = from; c < from + head_width(); ++c)
        scores[j] += q[i][c] * k[j][c] / std::sqrt(static_cast<double>(head_width()));
      sum += p[j] = std::exp(scores[j]);
    }
    for (double& v : p) v /= sum;
    return {scores, p};
  }

  void attend(std::size_t i, const Matrix& q, const Matrix& k, const Matrix& v, Matrix& z) const {
    for (std::size_t from = 0; from < q[i].size(); from += head_width()) {
      const Row p = pattern(i, from, q, k).second;
      for (std::size_t j = 0; j < p.size(); ++j)
        for (std::size_t c = from; c < from + head_width(); ++c) z[i][c] += p[j] * v[j][c];
    }
  }

  void attend_back(std::size_t i, const Matrix& q, const Matrix& k, const Matrix& v, const Matrix& z,
                   const Matrix& Rz, Matrix& Rq, Matrix& Rk, Matrix& Rv) const {
    Row twice = z[i];
    for (double& x : twice) x *= 2;
    const Row ratio = divided(Rz[i], twice, epsilon_, twice.size());
    for (std::size_t from = 0; from < twice.size(); from += head_width()) {
      const auto [scores, p] = pattern(i, from, q, k);
      Row Rp(p.size());
      double sum = 0;
      for (std::size_t j = 0; j < p.size(); ++j)
        for (std::size_t c = from; c < from + head_width(); ++c) {
          Rp[j] += p[j] * v[j][c] * ratio[c];
          Rv[j][c] += p[j] * v[j][c] * ratio[c];
        }
      for (const double r : Rp) sum += r;
      Row Rs(p.size()), twice_scores(p.size());
      for (std::size_t j = 0; j < p.size(); ++j) {
        Rs[j] = scores[j] * (Rp[j] - p[j] * sum);
        twice_scores[j] = 2 * scores[j];
      }
      const Row score_ratio = divided(Rs, twice_scores, epsilon_, Rs.size());
      for (std::size_t j = 0; j < p.size(); ++j)
        for (std::size_t c = from; c < from + head_width(); ++c) {
          const double term = q[i][c] * k[j][c] / std::sqrt(static_cast<double>(head_width()));
          Rq[i][c] += term * score_ratio[j];
          Rk[j][c] += term * score_ratio[j];
        }
    }
  }

  // Relevance of the row that the head reads; `parts` receives slope · logit of each class.
  Row head(const Row& x, Index target, Row& parts) const {
    const Row n = normalised({x}, "head.norm")[0];
    const Affine out = linear("head.out");
    Row hidden = n;
    if (has("head.hidden.weight")) {
      hidden = linear("head.hidden")(n);
      for (double& v : hidden)
        v = activated(c_.architecture == Architecture::distilbert ? Activation::relu
                      : c_.architecture == Architecture::electra  ? Activation::gelu_erf
                                                                  : Activation::tanh,
                      v);
    }
    const Row logits = out(hidden);
    double others = 0;
    for (std::size_t c = 0; c < logits.size(); ++c)
      if (static_cast<Index>(c) != target) others += std::exp(logits[c]);
    for (std::size_t c = 0; c < logits.size(); ++c)
      parts.push_back(logits[c] * (static_cast<Index>(c) == target ? 1 : -std::exp(logits[c]) / others));
    Row relevance = linear_rule(hidden, out, parts);
    if (has("head.hidden.weight")) relevance = linear_rule(n, linear("head.hidden"), relevance);
    if (has("head.norm.weight")) relevance = layer_norm_rule({x}, "head.norm", {relevance})[0];
    return relevance;
  }

  // Rows of the token, position and type tables, in this order; a table that does not exist is absent.
  std::vector<Matrix> looked_up(std::span<const TokenId> ids, std::span<const TokenId> types) {
    Matrix token, position, type;
    const bool roberta = c_.architecture == Architecture::roberta;
    const auto row_of = [&](const std::string& table, Index r) {
      const Tensor<double> rows = store_.value(store_.find(table));
      return Row(rows.row(r), rows.row(r) + rows.columns());
    };
    Index next = roberta ? c_.pad_id + 1 : 0;
    for (std::size_t s = 0; s < ids.size(); ++s) {
      token.push_back(row_of("embed.token.weight", ids[s]));
      const Index p = roberta && ids[s] == c_.pad_id ? c_.pad_id : next++;
      if (has("embed.position.weight")) position.push_back(row_of("embed.position.weight", p));
      if (has("embed.type.weight")) type.push_back(row_of("embed.type.weight", types.empty() ? 0 : types[s]));
    }
    std::vector<Matrix> tables = {token};
    if ((has_position_ = !position.empty())) tables.push_back(position);
    if (!type.empty()) tables.push_back(type);
    return tables;
  }

  void share_out(const Matrix& sum, const Matrix& relevance, OracleRelevance& out) const {
    double shared = 0;
    for (std::size_t t = 0; t < tables_.size(); ++t) {
      const Matrix part = tables_.size() == 1 ? relevance : sum_rule(tables_[t], sum, relevance);
      shared += total(part);
      for (const Row& row : part)
        if (t == 0) out.token.push_back(total({row}));
      if (t > 0) (t == 1 && has_position_ ? out.position : out.type) = total(part);
    }
    out.totals.push_back(shared);
  }

  const ParameterStore<double>& store_;
  const ClassifierConfig& c_;
  double epsilon_;
  std::vector<Matrix> tables_;
  bool has_position_ = false;
};

}  // namespace

OracleRelevance oracle_relevance(const Classifier<double>& model, std::span<const TokenId> ids,
                                 std::span<const TokenId> types, Index target, double epsilon) {
  return Oracle(model, epsilon).explain(ids, types, target);
}

}  // namespace slalom::test
