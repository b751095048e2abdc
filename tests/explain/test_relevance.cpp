#include "slalom/explain/relevance.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "../support/compare.hpp"
#include "../support/relevance_oracle.hpp"
#include "../support/small_models.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/predictor.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Numbers = std::vector<double>;

double sum(const Numbers& x) {
  return std::accumulate(x.begin(), x.end(), 0.0);
}

const ConservationLine& line(const Relevance& r, const std::string& name) {
  const auto at = std::ranges::find(r.conservation, name, &ConservationLine::name);
  REQUIRE(at != r.conservation.end());
  return *at;
}

double absorbed(const Relevance& r, double ConservationLine::*share) {
  double total = 0;
  for (const ConservationLine& l : r.conservation) total += l.*share;
  return total;
}

// Every line balances, begins where the one before it ended, and the last one leaves what the tokens have.
void check_conservation(const Relevance& r, double tolerance) {
  double came = r.log_odds, kept = 0;
  for (const ConservationLine& l : r.conservation) {
    CAPTURE(l.name);
    CHECK(std::abs(l.in - came) <= tolerance);
    CHECK(std::abs(l.in - l.out - l.absorbed()) <= tolerance);
    came = l.out;
    kept += l.absorbed();
  }
  CHECK(std::abs(sum(r.token) - came) <= tolerance);
  CHECK(std::abs(sum(r.token) + kept - r.log_odds) <= tolerance);
}

// Relevances, shares of the other embeddings, and what leaves each place.
void check_against_oracle(const Classifier<double>& model, const PackedTexts& text, Index target,
                          double epsilon, const Relevance& got) {
  const OracleRelevance want = oracle_relevance(model, text.ids, text.types, target, epsilon);
  CHECK(relative_error(got.token, want.token) <= 1e-9);
  CHECK(std::abs(line(got, "log_odds").out - sum(want.linear_parts)) <= 1e-9);
  Numbers totals;
  for (const ConservationLine& l : got.conservation)
    if (l.name == "head" || l.name == "embed" || l.name == "embed.map" || l.name.starts_with("blocks"))
      totals.push_back(l.out);
  CHECK(relative_error(totals, want.totals) <= 1e-9);
  const ClassifierConfig& c = model.config();
  if (c.positions == Positions::learned)
    CHECK(std::abs(line(got, "embed.position").own - want.position) <= 1e-9);
  if (c.traits().has_types) CHECK(std::abs(line(got, "embed.type").own - want.type) <= 1e-9);
}

void check_model(const ClassifierConfig& config, std::uint64_t seed, Index target,
                 double epsilon = kRelevanceEpsilon) {
  Classifier<double> model(config);
  randomise(model, seed);
  const PackedTexts text = random_texts(config, {6}, seed);
  const Relevance r = attn_lrp(model, text.ids, text.types, target, epsilon);
  CHECK(std::abs(r.log_odds - log_odds<double>(logits_of(model, text), target)) <= 1e-12);
  check_conservation(r, 1e-9);
  check_against_oracle(model, text, target, epsilon, r);
}

// Attention alone, width 2: h = x + W_o (Σ_j p_j (W_v x_j + b_v)) + b_o, F = (2, −1) · h + difference of the
// head's biases. GPT-2 with all else switched off; parameters are zero.
Classifier<double> attention_only(bool residual, bool layer_norm = false) {
  ClassifierConfig c = default_config(Architecture::gpt2, 1, 2, 1, 3);
  c.positions = Positions::none;
  c.norm = layer_norm ? Norm::layer : Norm::none;
  c.feed_forward_on = false;
  c.residual = residual;
  return Classifier<double>(c);
}

void set(Classifier<double>& model, const std::string& name, const Numbers& values) {
  const std::span<double> to = model.parameters().value(model.parameters().find(name)).span();
  REQUIRE(to.size() == values.size());
  std::ranges::copy(values, to.begin());
}

}  // namespace

TEST_CASE("relevances agree with the published equations computed element by element") {
  for (const Architecture a : kArchitectures)
    for (const Index layers : {1, 2, 3})
      for (const Index labels : {2, 3}) {
        CAPTURE(std::string(name(a)));
        CAPTURE(layers);
        CAPTURE(labels);
        ClassifierConfig c = small_config(a, layers);
        c.labels = labels;
        check_model(c, static_cast<std::uint64_t>(10 * layers + labels), labels - 1);
      }
}

TEST_CASE("a large epsilon and none at all agree with the equations, too") {
  for (const Architecture a : kArchitectures)
    for (const double epsilon : {0.0, 0.25}) {
      CAPTURE(std::string(name(a)));
      CAPTURE(epsilon);
      check_model(small_config(a, 2), 5, 0, epsilon);
    }
}

TEST_CASE("models with parts switched off are explained by the same rules") {
  for (const Architecture a : kArchitectures)
    for (int off = 0; off < 6; ++off) {
      CAPTURE(std::string(name(a)));
      CAPTURE(off);
      ClassifierConfig c = small_config(a, 2);
      const bool all = off == 5;
      if (off == 0 || all) c.norm = Norm::none;
      if (off == 1 || all) c.feed_forward_on = false;
      if (off == 2 || all) c.residual = false;
      if (off == 3 || all) c.positions = Positions::none;
      if (off == 4) c.read_out = c.read_out == ReadOut::first ? ReadOut::last : ReadOut::first;
      check_model(c, 7, 1, 0.01);
    }
}

TEST_CASE("a pad token inside a RoBERTa text keeps its own position") {
  Classifier<double> model(small_config(Architecture::roberta, 1));
  randomise(model, 3);
  const PackedTexts text{{5, model.config().pad_id, 7, 9}, {0, 4}};
  const Relevance r = attn_lrp(model, text.ids, {}, 0);
  check_conservation(r, 1e-9);
  check_against_oracle(model, text, 0, kRelevanceEpsilon, r);
}

TEST_CASE("the relevance of Hugging Face models adds up to the log-odds") {
  for (const Architecture a : kGoldenArchitectures) {
    CAPTURE(std::string(name(a)));
    const LoadedModel<double> loaded = load_model<double>(concat("tests/golden/", name(a)));
    const PackedTexts text = random_texts(loaded.model->config(), {9}, 4);
    for (const double epsilon : {kRelevanceEpsilon, 0.1}) {
      const Relevance r = attn_lrp(*loaded.model, text.ids, text.types, 1, epsilon);
      check_conservation(r, 1e-9);
      check_against_oracle(*loaded.model, text, 1, epsilon, r);
    }
  }
}

TEST_CASE("the conservation record names the places from the log-odds to the embeddings") {
  const auto names = [](const ClassifierConfig& c) {
    Classifier<double> model(c);
    const Relevance r = attn_lrp(model, random_texts(c, {3}, 1).ids, {}, 0);
    std::vector<std::string> list;
    for (const ConservationLine& l : r.conservation) list.push_back(l.name);
    return list;
  };
  CHECK(names(small_config(Architecture::bert, 2)) ==
        std::vector<std::string>{"log_odds", "head", "blocks.1.mlp", "blocks.1.attn", "blocks.0.mlp",
                                 "blocks.0.attn", "embed", "embed.position", "embed.type"});
  ClassifierConfig c = small_config(Architecture::gpt2, 1);
  c.feed_forward_on = false;
  c.positions = Positions::none;
  CHECK(names(c) == std::vector<std::string>{"log_odds", "head", "blocks.0.attn", "embed"});
}

TEST_CASE("one token through attention has the relevance worked out by hand") {
  // x = (3, 1), v = (2·3 + 1, 1) = (7, 1), out = (7 + 1, 2·1 + 2) = (8, 4), h = (11, 5), logits (h_1, 2 h_0),
  // F = 22 − 5 = 17, of which the residual has 2·3 − 1 = 5 and the branch 2·8 − 4 = 12. b_o has −1·2 = −2,
  // z = v the other 14. Pattern and value get 7 each; the softmax of one score is 1 whatever the score, and
  // absorbs its 7. The value's coefficients are (1, 0): 1 · b_v = 1, and 1 · 2 · 3 = 6 for x, 11 in all.
  Classifier<double> model = attention_only(true);
  set(model, "embed.token.weight", {0, 0, 3, 1, 0, 0});
  set(model, "blocks.0.attn.kv.weight", {1, 2, -1, 1, 2, 0, 0, 1});
  set(model, "blocks.0.attn.kv.bias", {0.5, 0, 1, 0});
  set(model, "blocks.0.attn.q.weight", {1, 0, 0, 1});
  set(model, "blocks.0.attn.out.weight", {1, 1, 0, 2});
  set(model, "blocks.0.attn.out.bias", {0, 2});
  set(model, "head.out.weight", {0, 1, 2, 0});
  const Relevance r = attn_lrp(model, std::vector<TokenId>{1}, {}, 1, 0);
  CHECK(std::abs(r.log_odds - 17) <= 1e-13);
  CHECK(std::abs(r.token[0] - 11) <= 1e-13);
  CHECK(std::abs(line(r, "blocks.0.attn").bias - (-2 + 1)) <= 1e-13);
  CHECK(std::abs(line(r, "blocks.0.attn").softmax - 7) <= 1e-13);
  check_conservation(r, 1e-12);
}

TEST_CASE("in a mean of words each word has half of its share and the softmax the other half") {
  // No query, no residual, values and output are the identity: F = (2, −1) · mean x = (5 − 3 + 4) / 3 = 2.
  // Scores of 0 have no relevance to hand on, so the pattern's half stays with the softmax.
  Classifier<double> model = attention_only(false);
  set(model, "embed.token.weight", {3, 1, 1, 5, 2, 0});
  set(model, "blocks.0.attn.kv.weight", {0, 0, 0, 0, 1, 0, 0, 1});
  set(model, "blocks.0.attn.out.weight", {1, 0, 0, 1});
  set(model, "head.out.weight", {0, 1, 2, 0});
  const Relevance r = attn_lrp(model, std::vector<TokenId>{0, 1, 2}, {}, 1);
  CHECK(std::abs(r.log_odds - 2) <= 1e-13);
  CHECK(relative_error(r.token, Numbers{5.0 / 6, -3.0 / 6, 4.0 / 6}) <= 1e-8);
  CHECK(std::abs(line(r, "blocks.0.attn").softmax - 1) <= 1e-8);
  check_conservation(r, 1e-12);
}

TEST_CASE("LayerNorm keeps its bias and gives the mean's share back to the row") {
  // (3, 1) − 2 = (1, −1) of standard deviation 1; y = (2·1 + .5, −1), F = 2·2.5 + 1 = 6, of which .5·2 = 1 is
  // the bias. h = (2·2, −1), h − mean h = (2.5, −2.5), times (3, 1): 7.5 − 2.5 = 5.
  Classifier<double> model = attention_only(true, true);
  set(model, "embed.token.weight", {0, 0, 3, 1, 0, 0});
  set(model, "head.norm.weight", {2, 1});
  set(model, "head.norm.bias", {0.5, 0});
  set(model, "head.out.weight", {0, 1, 2, 0});
  const Relevance r = attn_lrp(model, std::vector<TokenId>{1}, {}, 1, 0);
  // layer_norm_eps is 1e-5, half of which is missing in 1 / √(1 + 1e-5).
  CHECK(std::abs(r.log_odds - 6) <= 4e-5);
  CHECK(std::abs(r.token[0] - 5) <= 4e-5);
  CHECK(std::abs(line(r, "head").layer_norm - 1) <= 1e-13);
  check_conservation(r, 1e-12);
}

TEST_CASE("what the tangent of log-sum-exp leaves is minus the entropy of the other classes") {
  // Logits (0, 0, 1): F = 1 − log 2, tangent l_2 − (l_0 + l_1) / 2 = 1.
  ClassifierConfig c = small_config(Architecture::bert, 1);
  Classifier<double> model(c);
  randomise(model, 2);
  set(model, "head.out.weight", Numbers(static_cast<std::size_t>(3 * c.width)));
  set(model, "head.out.bias", {0, 0, 1});
  const Relevance r = attn_lrp(model, std::vector<TokenId>{3, 4}, {}, 2, 0);
  CHECK(std::abs(line(r, "log_odds").own + std::log(2.0)) <= 1e-15);
  CHECK(std::abs(line(r, "head").bias - 1) <= 1e-15);
  CHECK(r.token == Numbers{0, 0});
}

TEST_CASE("two classes leave no remainder, and the other target has the opposite relevances") {
  ClassifierConfig c = small_config(Architecture::distilbert, 2);
  c.labels = 2;
  Classifier<double> model(c);
  randomise(model, 8);
  const PackedTexts text = random_texts(c, {5}, 8);
  const Relevance one = attn_lrp(model, text.ids, {}, 1), zero = attn_lrp(model, text.ids, {}, 0);
  CHECK(line(one, "log_odds").own == 0);
  Numbers negated = zero.token;
  for (double& x : negated) x = -x;
  CHECK(relative_error(one.token, negated) <= 1e-12);
}

TEST_CASE("words that do not matter have no relevance") {
  for (const Architecture a : kArchitectures) {
    Classifier<double> model(small_config(a, 2));
    randomise(model, 6);
    std::ranges::fill(model.parameters().value(model.embedding().token).span(), 0.0);
    const Relevance r = attn_lrp(model, std::vector<TokenId>{3, 9, 4}, {}, 1);
    CHECK(std::abs(r.log_odds) > 1e-3);
    CHECK(r.token == Numbers{0, 0, 0});
    check_conservation(r, 1e-9);
  }
}

TEST_CASE("denominators of zero pass nothing on") {
  for (const Architecture a : kArchitectures)
    for (const double epsilon : {0.0, 0.1}) {
      Classifier<double> model(small_config(a, 1));
      const Relevance r = attn_lrp(model, std::vector<TokenId>{3, 9, 4}, {}, 1, epsilon);
      CHECK(r.token == Numbers{0, 0, 0});
      check_conservation(r, 1e-12);
    }
}

TEST_CASE("epsilon absorbs more the larger it is, and next to nothing by default") {
  Classifier<double> model(small_config(Architecture::bert, 3));
  randomise(model, 12);
  const PackedTexts text = random_texts(model.config(), {8}, 12);
  const auto explained = [&](double epsilon) { return attn_lrp(model, text.ids, text.types, 0, epsilon); };
  const Relevance none = explained(0), standard = explained(kRelevanceEpsilon), large = explained(0.1);
  CHECK(absorbed(none, &ConservationLine::epsilon) == 0);
  CHECK(relative_error(standard.token, none.token) <= 1e-6);
  CHECK(std::abs(absorbed(large, &ConservationLine::epsilon)) > 1e-3);
}

TEST_CASE("the number of threads does not change a bit") {
  const ClassifierConfig c = default_config(Architecture::gpt2, 2, 96, 4, 50);
  Classifier<float> model(c);
  randomise(model, 9);
  const PackedTexts text = random_texts(c, {70}, 9);
  const auto explained = [&](int count) {
    set_threads(count);
    const Relevance r = attn_lrp(model, text.ids, {}, 1);
    Numbers all = r.token;
    for (const ConservationLine& l : r.conservation)
      all.insert(all.end(), {l.in, l.out, l.bias, l.epsilon, l.softmax, l.layer_norm, l.own});
    return all;
  };
  const Numbers one = explained(1), three = explained(3);
  set_threads(0);
  CHECK(std::ranges::equal(one, three, {}, std::bit_cast<std::uint64_t, double>,
                           std::bit_cast<std::uint64_t, double>));
}

TEST_CASE("float relevances are near those in double") {
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    const ClassifierConfig c = small_config(a, 3);
    Classifier<float> single(c);
    Classifier<double> model(c);
    randomise(single, 14);
    for (int i = 0; i < model.parameters().count(); ++i)
      std::ranges::copy(single.parameters().value({i}).span(), model.parameters().value({i}).data);
    const PackedTexts text = random_texts(c, {7}, 14);
    const Relevance got = attn_lrp(single, text.ids, text.types, 1),
                    want = attn_lrp(model, text.ids, text.types, 1);
    CHECK(relative_error(got.token, want.token) <= 1e-3);
    check_conservation(got, 1e-3);
  }
}

TEST_CASE("what cannot be explained is refused with what was found and wanted") {
  Classifier<double> model(small_config(Architecture::bert, 1));
  randomise(model, 1);
  const std::vector<TokenId> ids = {3, 4}, one_type = {0};
  CHECK_THROWS_WITH_AS(attn_lrp(model, ids, one_type, 0), doctest::Contains("1 types for 2 tokens"), Error);
  CHECK_THROWS_WITH_AS(attn_lrp(model, ids, {}, 3), doctest::Contains("wanted 0 to 2"), Error);
  CHECK_THROWS_WITH_AS(attn_lrp(model, ids, {}, 0, -1), doctest::Contains("epsilon is -1"), Error);
  CHECK_THROWS_AS(attn_lrp(model, ids, {}, 0, NAN), Error);
  CHECK_THROWS_AS(attn_lrp(model, {}, {}, 0), Error);
  for (const auto& change : std::initializer_list<void (*)(ClassifierConfig&)>{
           [](ClassifierConfig& c) { c.attention = AttentionKind::softmax_plus_one; },
           [](ClassifierConfig& c) { c.norm = Norm::rms; },
           [](ClassifierConfig& c) { c.positions = Positions::rope; }}) {
    ClassifierConfig c = small_config(Architecture::bert, 1);
    change(c);
    Classifier<double> other(c);
    CHECK_THROWS_WITH_AS(attn_lrp(other, ids, {}, 0), doctest::Contains(c.unlike_hugging_face()[0].c_str()),
                         Error);
  }
  set(model, "head.out.bias", {NAN, 0, 0});
  CHECK_THROWS_WITH_AS(attn_lrp(model, ids, {}, 0), doctest::Contains("not finite"), Error);
}
