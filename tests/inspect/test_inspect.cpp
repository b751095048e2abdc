#include "slalom/inspect/inspect.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <sstream>

#include "../support/compare.hpp"
#include "../support/random_values.hpp"
#include "../support/small_models.hpp"

using namespace slalom;
using test::relative_error;

namespace {

using Values = std::vector<double>;
using Named = std::map<std::string, NamedValues<double>>;

const std::vector<TokenId> kText = {1, 7, 7, 30, 2, 39};

Classifier<double> random_model(Architecture architecture) {
  Classifier<double> model(test::small_config(architecture, 2));
  test::randomise(model, 4);
  return model;
}

Named by_name(std::vector<NamedValues<double>> list) {
  Named named;
  for (NamedValues<double>& values : list) {
    const std::string name = values.name;
    CHECK(named.emplace(name, std::move(values)).second);
  }
  return named;
}

/// "(H, S, S)" as numbers.
std::vector<Index> extents(std::string shape, const ClassifierConfig& c, Index S) {
  const std::map<char, Index> letters = {{'S', S},       {'D', c.width},        {'E', c.table_width()},
                                         {'H', c.heads}, {'F', c.feed_forward}, {'C', c.labels}};
  std::vector<Index> list;
  for (const char letter : shape)
    if (letters.contains(letter)) list.push_back(letters.at(letter));
  return list;
}

Index size_of(const std::vector<Index>& shape) {
  Index n = 1;
  for (const Index extent : shape) n *= extent;
  return n;
}

/// rows [first, first + count) of W x + b for each of the rows of x (S, in).
Values product(const Values& x, Tensor<double> W, Tensor<double> b, Index first, Index count) {
  const Index in = W.columns(), S = std::ssize(x) / in;
  Values y;
  for (Index s = 0; s < S; ++s)
    for (Index j = first; j < first + count; ++j) {
      double sum = b.data[j];
      for (Index i = 0; i < in; ++i) sum += x[static_cast<std::size_t>(s * in + i)] * W.row(j)[i];
      y.push_back(sum);
    }
  return y;
}

/// z = pattern · v, heads side by side.
Values attend(const Values& pattern, const Values& v, Index heads, Index S) {
  const Index D = std::ssize(v) / S, d = D / heads;
  Values z(v.size());
  for (Index i = 0; i < S; ++i)
    for (Index c = 0; c < D; ++c)
      for (Index j = 0; j < S; ++j)
        z[static_cast<std::size_t>(i * D + c)] += pattern[static_cast<std::size_t>((c / d * S + i) * S + j)] *
                                                  v[static_cast<std::size_t>(j * D + c)];
  return z;
}

PackedBatch labelled(const PackedTexts& texts, const std::vector<int>& labels) {
  PackedBatch batch;
  for (std::size_t b = 0; b < labels.size(); ++b) {
    const auto from = texts.begin[b], to = texts.begin[b + 1];
    batch.add(
        std::span(texts.ids).subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)),
        labels[b]);
  }
  return batch;
}

}  // namespace

TEST_CASE("activations: names and shapes are those of the list, values those of the tape") {
  for (const Architecture architecture : test::kArchitectures) {
    CAPTURE(name(architecture));
    Classifier<double> model = random_model(architecture);
    const auto found = activations<double>(model, kText);
    const auto known = activation_names(model.config());
    REQUIRE(found.size() == known.size());
    const Index S = std::ssize(kText);
    const Named named = by_name(found);
    for (const ActivationInfo& info : known) {
      CAPTURE(info.name);
      REQUIRE(named.contains(info.name));
      const auto& [its_name, shape, data] = named.at(info.name);
      CHECK(shape == extents(info.shape, model.config(), S));
      CHECK(std::ssize(data) == size_of(shape));
    }
    PackedTexts text;
    text.add(kText);
    CHECK(relative_error(named.at("logits").data, test::logits_of(model, text)) < 1e-12);
  }
}

TEST_CASE("activations: q, k, v, pattern and z of a block, recomputed from what the block reads") {
  for (const Architecture architecture : test::kArchitectures) {
    CAPTURE(name(architecture));
    Classifier<double> model = random_model(architecture);
    const Index D = model.config().width, H = model.config().heads, S = std::ssize(kText);
    const Named a = by_name(activations<double>(model, kText));
    const ParameterStore<double>& store = model.parameters();
    for (const Index l : {0, 1}) {
      const std::string block = concat("blocks.", l, ".");
      const std::string before = l == 0 ? "embed" : "blocks.0.resid_post";
      const Values& read = a.at(architecture == Architecture::gpt2 ? block + "norm1" : before).data;
      const BlockIds& ids = model.blocks()[static_cast<std::size_t>(l)];
      const auto value = [&](ParameterId id) { return store.value(id); };
      const auto at = [&](const char* stem) -> const Values& { return a.at(block + stem).data; };
      CHECK(relative_error(at("attn.q"),
                           product(read, value(ids.query.weight), value(ids.query.bias), 0, D)) < 1e-12);
      const Tensor<double> w = value(ids.keys_values.weight), b = value(ids.keys_values.bias);
      CHECK(relative_error(at("attn.k"), product(read, w, b, 0, D)) < 1e-12);
      CHECK(relative_error(at("attn.v"), product(read, w, b, D, D)) < 1e-12);
      CHECK(relative_error(at("attn.z"), attend(at("attn.pattern"), at("attn.v"), H, S)) < 1e-12);
    }
  }
}

TEST_CASE("activations: only those that are wanted, and no others exist") {
  Classifier<double> model = random_model(Architecture::gpt2);
  const auto found = activations<double>(model, kText, {}, {"logits", "blocks.1.attn.k"});
  REQUIRE(found.size() == 2);
  CHECK(found[0].name == "blocks.1.attn.k");
  CHECK(found[1].name == "logits");
  for (const char* unknown : {"blocks.2.attn.k", "attn.k", "head.hidden", ""})
    CHECK_THROWS_AS(activations<double>(model, kText, {}, {"logits", unknown}), UsageError);
}

TEST_CASE("attention_patterns: rows sum to 1, and GPT-2 looks back only") {
  for (const Architecture architecture : test::kArchitectures) {
    CAPTURE(name(architecture));
    Classifier<double> model = random_model(architecture);
    const Index H = model.config().heads, S = std::ssize(kText);
    const Named all = by_name(activations<double>(model, kText));
    const auto patterns = attention_patterns<double>(model, kText);
    REQUIRE(std::ssize(patterns) == 2 * H);
    for (Index k = 0; k < 2 * H; ++k) {
      const auto& [layer, head, pattern] = patterns[static_cast<std::size_t>(k)];
      CHECK(layer == k / H);
      CHECK(head == k % H);
      CHECK(pattern.shape == std::vector<Index>{S, S});
      const Values& whole = all.at(concat("blocks.", layer, ".attn.pattern")).data;
      CHECK(relative_error(pattern.data, std::span(whole).subspan(static_cast<std::size_t>(head * S * S),
                                                                  static_cast<std::size_t>(S * S))) == 0);
      for (Index i = 0; i < S; ++i) {
        double sum = 0;
        for (Index j = 0; j < S; ++j) {
          const double weight = pattern.data[static_cast<std::size_t>(i * S + j)];
          sum += weight;
          CHECK((weight > 0) == (architecture != Architecture::gpt2 || j <= i));
        }
        CHECK(relative_error(sum, 1) < 1e-14);
      }
    }
  }
}

TEST_CASE("loss_gradients: the mean over the rows of each row's gradient") {
  for (const Architecture architecture : test::kArchitectures) {
    CAPTURE(name(architecture));
    Classifier<double> model = random_model(architecture);
    const PackedTexts texts = test::random_texts(model.config(), {4, 1, 7}, 3);
    const std::vector<int> labels = {2, 0, 1};
    double loss = 0, sum_of_losses = 0;
    const auto together = loss_gradients(model, labelled(texts, labels), &loss);
    std::vector<Values> sums(together.size());
    for (Index b = 0; b < 3; ++b) {
      double alone = 0;
      const auto one = loss_gradients(
          model, labelled(test::only(texts, b), {labels[static_cast<std::size_t>(b)]}), &alone);
      sum_of_losses += alone;
      for (std::size_t k = 0; k < one.size(); ++k) {
        sums[k].resize(one[k].data.size());
        for (std::size_t i = 0; i < sums[k].size(); ++i) sums[k][i] += one[k].data[i] / 3;
      }
    }
    CHECK(relative_error(loss, sum_of_losses / 3) < 1e-14);
    for (std::size_t k = 0; k < together.size(); ++k) {
      CAPTURE(together[k].name);
      // Keys' biases shift all scores of a row alike: their gradients are zero, but for rounding.
      double worst = 0;
      for (std::size_t i = 0; i < sums[k].size(); ++i)
        worst = std::max(worst, std::abs(sums[k][i] - together[k].data[i]));
      CHECK(worst <= 1e-12 * (norm(sums[k]) + 1e-3));
    }
  }
}

TEST_CASE("loss_gradients: of the classifier's bias, mean of softmax less one-hot") {
  Classifier<double> model = random_model(Architecture::distilbert);
  const PackedTexts texts = test::random_texts(model.config(), {4, 9}, 3);
  const Values z = test::logits_of(model, texts);
  Values wanted(3);
  const int labels[] = {2, 1};
  for (std::size_t b = 0; b < 2; ++b) {
    const double sum = std::exp(z[3 * b]) + std::exp(z[3 * b + 1]) + std::exp(z[3 * b + 2]);
    for (std::size_t c = 0; c < 3; ++c)
      wanted[c] += (std::exp(z[3 * b + c]) / sum - (labels[b] == static_cast<int>(c) ? 1 : 0)) / 2;
  }
  const Named gradients = by_name(loss_gradients(model, labelled(texts, {2, 1})));
  CHECK(relative_error(gradients.at("classifier.bias").data, wanted) < 1e-12);
  // Words that no text has: rows of zeros in the table's gradient.
  const auto& table = gradients.at("distilbert.embeddings.word_embeddings.weight");
  CHECK(table.shape == std::vector<Index>{40, 24});
  for (TokenId id = 0; id < 40; ++id) {
    const bool read = std::ranges::find(texts.ids, id) != texts.ids.end();
    const Values row(table.data.begin() + 24 * id, table.data.begin() + 24 * (id + 1));
    CHECK((norm(row) > 0) == read);
  }
}

TEST_CASE("parameter_values: what the store holds, under Hugging Face's names and in its layouts") {
  const Classifier<double> bert = random_model(Architecture::bert), gpt2 = random_model(Architecture::gpt2);
  const Named of_bert = by_name(parameter_values(bert)), of_gpt2 = by_name(parameter_values(gpt2));
  const auto value = [](const Classifier<double>& model, const char* parameter) {
    const ParameterStore<double>& store = model.parameters();
    return store.value(store.find(parameter));
  };
  const std::string self = "bert.encoder.layer.1.attention.self.";
  CHECK(relative_error(of_bert.at(self + "query.weight").data,
                       value(bert, "blocks.1.attn.q.weight").span()) == 0);
  const std::span<double> kv = value(bert, "blocks.1.attn.kv.weight").span();
  CHECK(relative_error(of_bert.at(self + "key.weight").data, kv.first(24 * 24)) == 0);
  CHECK(relative_error(of_bert.at(self + "value.weight").data, kv.last(24 * 24)) == 0);

  const auto& stored = of_gpt2.at("transformer.h.0.mlp.c_fc.weight");  // (in, out)
  const Tensor<double> w = value(gpt2, "blocks.0.mlp.in.weight");      // (out, in)
  CHECK(stored.shape == std::vector<Index>{24, 36});
  for (Index i = 0; i < 24; ++i)
    for (Index o = 0; o < 36; ++o) CHECK(stored.data[static_cast<std::size_t>(i * 36 + o)] == w.row(o)[i]);

  Index scalars = 0;
  for (const auto& [name, values] : of_bert) {
    CHECK(std::ssize(values.data) == size_of(values.shape));
    scalars += std::ssize(values.data);
  }
  CHECK(scalars == bert.parameters().scalars());
}

TEST_CASE("norm: Euclidean, summed in double") {
  CHECK(norm(std::vector<float>{3, 4}) == 5);
  CHECK(norm(std::vector<double>{}) == 0);
  CHECK(relative_error(norm(std::vector<float>{3e30f, 4e30f}), 5e30) < 1e-7);
}
