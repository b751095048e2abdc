// Why F hardly rises from one "perfect" to 30: runs in which nonlinear steps of one run stand in another.
// Four kinds of steps tell the runs apart: the attention weights, LayerNorm's division by the standard
// deviation, the feed-forward network's activation and the head's. With all four frozen as they are in the
// run of one word, F is a linear function of how often the word is there; what each takes away from that is
// its Shapley value over the 16 sets of frozen kinds.
#include <bit>
#include <cmath>

#include "slalom/inspect/inspect.hpp"
#include "who_can_add.hpp"

namespace slalom::who_can_add {

namespace {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

constexpr const char* kKinds[] = {"attention", "layer_norm", "feed_forward", "head"};
enum Kind : unsigned { kAttention = 1, kNorm = 2, kFeedForward = 4, kHead = 8, kEvery = 15 };

// The nonlinear steps of a run, in order: weights (S) of a query, 1 / σ of a row, what an activation reads.
struct Run {
  double log_odds = 0;
  std::vector<Rows> steps;
};

// Which steps come from another run, and of attention, from which layer and head (−1: all).
struct Frozen {
  const Run* from = nullptr;
  unsigned kinds = 0;
  Index layer = -1, head = -1;
};

class Pass {
 public:
  Pass(const Model& model, const Text& word_repeated, const Frozen& frozen = {})
      : model_(*model.exact), frozen_(frozen) {
    const Text ids = wrap(word_repeated, model.special);
    S_ = std::ssize(ids);
    const std::vector<double> embedded = activations(model_, ids, {}, {"embed"}).front().data;
    for (Index s = 0; s < S_; ++s)
      x_.emplace_back(embedded.begin() + s * config().width, embedded.begin() + (s + 1) * config().width);
  }

  Run run() {
    for (Index l = 0; l < config().layers; ++l) block(l, model_.blocks()[static_cast<std::size_t>(l)]);
    const Row read_out =
        activation(affine(model_.head().hidden, {x_.front()}), Activation::relu, kHead).front();
    const Row logits = affine(model_.head().out, {read_out}).front();
    run_.log_odds = logits[1] - logits[0];
    return std::move(run_);
  }

 private:
  const ClassifierConfig& config() const { return model_.config(); }

  // Begins a step; the rows that it is frozen to, or null.
  const Rows* next(unsigned kind) {
    run_.steps.emplace_back();
    return (frozen_.kinds & kind) != 0 ? &frozen_.from->steps[run_.steps.size() - 1] : nullptr;
  }
  Rows& step() { return run_.steps.back(); }
  // [CLS] a … a [SEP]: the row or key of a run of other length that is in the same place.
  std::size_t counterpart(Index place, Index length) const {
    return static_cast<std::size_t>(place == 0 ? 0 : place == S_ - 1 ? length - 1 : 1);
  }

  Rows affine(const LinearIds& ids, const Rows& x) const {
    const Tensor<double> W = model_.parameters().value(ids.weight), b = model_.parameters().value(ids.bias);
    Rows y;
    for (const Row& row : x) {
      y.emplace_back(b.data, b.data + W.rows());
      for (Index o = 0; o < W.rows(); ++o)
        for (Index i = 0; i < W.columns(); ++i)
          y.back()[static_cast<std::size_t>(o)] += W.row(o)[i] * row[static_cast<std::size_t>(i)];
    }
    return y;
  }

  // Row by row weight · (x − mean) / σ + bias.
  void add_and_normalise(const LayerNormIds& ids, const Rows& change) {
    const double *weight = model_.parameters().value(ids.weight).data,
                 *bias = model_.parameters().value(ids.bias).data, D = static_cast<double>(config().width);
    const Rows* fixed = next(kNorm);
    for (Index s = 0; s < S_; ++s) {
      Row& row = x_[static_cast<std::size_t>(s)];
      double mean = 0, square = 0;
      for (std::size_t j = 0; j < row.size(); ++j)
        mean += (row[j] += change[static_cast<std::size_t>(s)][j]) / D;
      for (const double v : row) square += (v - mean) * (v - mean) / D;
      step().push_back({1 / std::sqrt(square + config().layer_norm_eps)});
      const double scale =
          fixed ? (*fixed)[counterpart(s, std::ssize(*fixed))].front() : step().back().front();
      for (std::size_t j = 0; j < row.size(); ++j) row[j] = (row[j] - mean) * scale * weight[j] + bias[j];
    }
  }

  // Frozen, it is the tangent at what it reads in the other run.
  Rows activation(Rows x, Activation f, unsigned kind) {
    const auto value = [f](double u) {
      return f == Activation::relu ? activate<Activation::relu>(u) : activate<Activation::gelu_erf>(u);
    };
    const auto slope = [f](double u) {
      return f == Activation::relu ? activate_slope<Activation::relu>(u)
                                   : activate_slope<Activation::gelu_erf>(u);
    };
    const Rows* fixed = next(kind);
    step() = x;
    for (std::size_t s = 0; s < x.size(); ++s)
      for (std::size_t j = 0; j < x[s].size(); ++j) {
        const double u =
            fixed ? (*fixed)[counterpart(static_cast<Index>(s), std::ssize(*fixed))][j] : x[s][j];
        x[s][j] = value(u) + slope(u) * (x[s][j] - u);
      }
    return x;
  }

  Row weights(const Row& query, const Rows& keys, std::size_t first, std::size_t d) const {
    Row p;
    double sum = 0;
    for (Index s = 0; s < S_; ++s) {
      double score = 0;
      for (std::size_t j = first; j < first + d; ++j)
        score += query[j] * keys[static_cast<std::size_t>(s)][j];
      p.push_back(std::exp(score / std::sqrt(static_cast<double>(d))));
      sum += p.back();
    }
    for (double& weight : p) weight /= sum;
    return p;
  }

  Rows attend(Index layer, const BlockIds& ids) {
    const std::size_t D = static_cast<std::size_t>(config().width),
                      d = D / static_cast<std::size_t>(config().heads);
    const Rows queries = affine(ids.query, x_), keys_values = affine(ids.keys_values, x_);
    Rows z(x_.size(), Row(D));
    for (Index h = 0; h < config().heads; ++h) {
      const Rows* fixed = next(kAttention);
      if ((frozen_.layer >= 0 && frozen_.layer != layer) || (frozen_.head >= 0 && frozen_.head != h))
        fixed = nullptr;
      const std::size_t first = static_cast<std::size_t>(h) * d;
      for (Index i = 0; i < S_; ++i) {
        step().push_back(weights(queries[static_cast<std::size_t>(i)], keys_values, first, d));
        const Row& own = step().back();
        for (Index s = 0; s < S_; ++s) {
          const Row* other = fixed ? &(*fixed)[counterpart(i, std::ssize(*fixed))] : nullptr;
          const double weight =
              other ? (*other)[counterpart(s, std::ssize(*other))] : own[static_cast<std::size_t>(s)];
          for (std::size_t j = first; j < first + d; ++j)
            z[static_cast<std::size_t>(i)][j] += weight * keys_values[static_cast<std::size_t>(s)][D + j];
        }
      }
    }
    return affine(ids.attention_out, z);
  }

  void block(Index layer, const BlockIds& ids) {
    add_and_normalise(ids.norm1, attend(layer, ids));
    const Rows hidden = activation(affine(ids.feed_forward_in, x_), Activation::gelu_erf, kFeedForward);
    add_and_normalise(ids.norm2, affine(ids.feed_forward_out, hidden));
  }

  Classifier<double>& model_;
  Frozen frozen_;
  Index S_ = 0;
  Rows x_;
  Run run_;
};

double log_odds(const Model& model, const Text& text, const Frozen& frozen) {
  return Pass(model, text, frozen).run().log_odds;
}

// Shapley values of the kinds, as shares of what freezing all of them changes.
Json shares(const std::vector<double>& f) {
  static constexpr double kWeight[] = {1. / 4, 1. / 12, 1. / 12, 1. / 4};  // by the number frozen before
  Json share;
  for (unsigned k = 0; k < std::size(kKinds); ++k) {
    double value = 0;
    for (unsigned set = 0; set < f.size(); ++set)
      if ((set >> k & 1) == 0) value += kWeight[std::popcount(set)] * (f[set | 1u << k] - f[set]);
    share[kKinds[k]] = value / (f.back() - f.front());
  }
  return share;
}

Json record_of(const Model& model) {
  const TokenId perfect = BagOfWordsSource(0).vocabulary().find("perfect").value();
  const Text one = repeated(perfect, 1), many = repeated(perfect, kMostRepeats);
  const Run run_one = Pass(model, one).run(), run_many = Pass(model, many).run();
  const std::vector<double> own = model.log_odds()({one, many});
  Json record = {
      {"one", run_one.log_odds},
      {"many", run_many.log_odds},
      {"error", std::max(std::abs(own[0] - run_one.log_odds), std::abs(own[1] - run_many.log_odds))}};
  std::vector<double> f;
  for (unsigned kinds = 0; kinds <= kEvery; ++kinds) f.push_back(log_odds(model, many, {&run_one, kinds}));
  record["frozen"] = f;  // F of many by the set of frozen kinds
  record["one_weights_of_many"] = log_odds(model, one, {&run_many, kAttention});
  record["share"] = shares(f);
  for (Index l = 0; l < model.exact->config().layers; ++l)
    for (Index h = 0; h < model.exact->config().heads; ++h)
      record["heads"].push_back({{"layer", l},
                                 {"head", h},
                                 {"many", log_odds(model, many, {&run_one, kAttention, l, h})},
                                 {"one", log_odds(model, one, {&run_many, kAttention, l, h})}});
  return record;
}

}  // namespace

std::vector<Json> take_apart(const Options& options) {
  std::vector<Json> records;
  for (const auto& [layers, runs] : options.depths)
    for (const Positions positions : {Positions::learned, Positions::none})
      for (Index run = 0; run < runs; ++run) {
        ClassifierConfig config =
            config_of({AttentionKind::softmax, Norm::layer, true, true, positions, layers}, options.sizes);
        config.head_hidden = true;
        const Index seed = static_cast<Index>(options.seed) + run;
        const std::string name = concat(word_of(kPositionWords, positions), "_", layers);
        Json settings = {{"model", name}, {"run", seed}, {"size", settings_of(options)}};
        records.push_back(finished(options, concat("apart_", name), settings, [&](const Part&) {
          Json record = record_of(train(config, true, seed, options));
          record["model"] = name;
          record["title"] = concat(title_of(Architecture::distilbert, layers), ", positions ",
                                   word_of(kPositionWords, positions));
          record["layers"] = layers;
          record["seed"] = seed;
          return record;
        }));
      }
  return records;
}

}  // namespace slalom::who_can_add
