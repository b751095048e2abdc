#include "slalom/inspect/compiled_slalom.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "../support/compare.hpp"
#include "../support/small_models.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/json.hpp"
#include "slalom/inspect/inspect.hpp"
#include "slalom/model_io/model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

constexpr TokenId kFirstWord = 5;  // after [PAD] [CLS] [SEP] [UNK] [MASK]

using Text = std::vector<TokenId>;

/// Values uniform on ±10, importances uniform on ±5, shifted.
std::vector<SlalomWord> random_table(std::uint64_t seed, int words, double shift = 0) {
  Rng rng(seed, Purpose::test);
  std::vector<SlalomWord> table;
  for (int k = 0; k < words; ++k) {
    const double importance = 10 * rng.uniform() - 5, value = 20 * rng.uniform() - 10;
    table.push_back({concat("w", k), 1, importance + shift, value});
  }
  return table;
}

/// The largest values and importances that are allowed, in all combinations.
std::vector<SlalomWord> extreme_table() {
  return {{"a", 1, 5, 10}, {"b", 1, 5, -10}, {"c", 1, -5, 10}, {"d", 1, -5, -10}, {"e", 1, 0, 0}};
}

double slalom_of(const std::vector<SlalomWord>& table, const Text& words) {
  double top = 0, bottom = 0;
  for (const TokenId id : words) {
    const SlalomWord& w = table.at(static_cast<std::size_t>(id - kFirstWord));
    top += std::exp(w.importance) * w.value;
    bottom += std::exp(w.importance);
  }
  return top / bottom;
}

template <class T>
std::vector<double> log_odds_of(Classifier<T>& model, const PackedTexts& texts) {
  const std::vector<T> logits = logits_of(model, texts);
  std::vector<double> odds;
  for (std::size_t i = 0; i < logits.size(); i += 2)
    odds.push_back(static_cast<double>(logits[i + 1]) - static_cast<double>(logits[i]));
  return odds;
}

Text random_text(Rng& rng, std::size_t words, std::size_t kinds, std::size_t length) {
  Text chosen(kinds), text(length);
  for (TokenId& id : chosen)
    id = kFirstWord + static_cast<TokenId>(rng.below(static_cast<std::uint32_t>(words)));
  for (TokenId& id : text) id = chosen[rng.below(static_cast<std::uint32_t>(kinds))];
  return text;
}

/// Texts of 1 to 64 words, of 510, and of one word 510 times.
std::vector<Text> test_texts(std::size_t words) {
  std::vector<Text> texts;
  Rng rng(7, Purpose::test);
  for (std::size_t n = 1; n <= 64; ++n) texts.push_back(random_text(rng, words, 1 + n % 6, n));
  for (const std::size_t kinds : {1u, 1u, 1u, 2u, 3u, 50u})
    texts.push_back(random_text(rng, words, kinds, 510));
  return texts;
}

double worst(const std::vector<double>& got, const std::vector<double>& want) {
  double error = 0;
  for (std::size_t i = 0; i < want.size(); ++i) error = std::max(error, std::abs(got.at(i) - want[i]));
  return error;
}

}  // namespace

TEST_CASE("compile_slalom: every architecture is the SLALOM, loaded from its folder, up to 510 words") {
  for (const Architecture architecture : kGoldenArchitectures) {
    CAPTURE(name(architecture));
    for (const auto& table :
         {random_table(1, 3), random_table(2, 20, -3e4), random_table(3, 200), extreme_table()}) {
      const CompiledSlalom compiled = compile_slalom(table, architecture, 512);
      CHECK(compiled.worst_error_f64 <= 1e-10);
      CHECK(compiled.worst_error_f32 <= 5e-5);
      PackedTexts texts;
      std::vector<double> want;
      for (const Text& text : test_texts(table.size())) {
        texts.add(wrap(text, compiled.special));
        want.push_back(slalom_of(table, text));
      }
      const TemporaryFolder wide("f64"), narrow("f32");
      save_model(*compiled.model, wide.path, DType::f64);
      save_model(*compiled.model, narrow.path, DType::f32);
      CHECK(worst(log_odds_of(*load_model<double>(wide.path).model, texts), want) <= 1e-10);
      CHECK(worst(log_odds_of(*load_model<float>(narrow.path).model, texts), want) <= 1e-4);
    }
  }
}

// best alone is 1.1; best the: (e^.6 · 1.1 + e^-1 · .7) / (e^.6 + e^-1) = (2.00433 + .25752) / 2.19000.
TEST_CASE("compile_slalom: the published toy table") {
  for (const Architecture architecture : kGoldenArchitectures) {
    const CompiledSlalom compiled = compile_slalom(toy_slalom_words(), architecture);
    CHECK(compiled.vocabulary.token(kFirstWord) == "best");
    CHECK(compiled.vocabulary.size() == 9);  // 5 special, 3 words, [unused0]
    PackedTexts texts;
    texts.add(wrap(Text{5}, compiled.special));
    texts.add(wrap(Text{5, 6}, compiled.special));
    texts.add(wrap(Text{6, 5}, compiled.special));
    const std::vector<double> odds = log_odds_of(*compiled.model, texts);
    CHECK(std::abs(odds[0] - 1.1) <= 1e-10);
    CHECK(std::abs(odds[1] - 1.0328081) <= 2e-6);
    CHECK(std::abs(odds[1] - odds[2]) <= 1e-12);
  }
}

TEST_CASE("compile_slalom: a checkpoint without a switch of ours") {
  for (const Architecture architecture : kGoldenArchitectures) {
    const CompiledSlalom compiled = compile_slalom(extreme_table(), architecture);
    const ClassifierConfig& c = compiled.model->config();
    CHECK(c.layers == 1);
    CHECK(c.max_positions == (architecture == Architecture::gpt2 ? 1024 : 512));
    Json json = parse_json(config_json(c), "config");
    json.erase("slalom");
    const ClassifierConfig theirs = parse_config(json.dump(), "config");
    CHECK(theirs.positions == Positions::learned);
    CHECK(theirs.read_out == c.read_out);
    CHECK(theirs.layer_norm_eps == c.layer_norm_eps);
    CHECK((theirs.norm == Norm::layer && theirs.feed_forward_on && theirs.residual));
    for (const double x : compiled.model->parameters().value(compiled.model->embedding().position).span())
      CHECK(x == 0);
  }
}

TEST_CASE("compile_slalom: special tokens have no weight, wherever they stand") {
  // The least important words, whose values are 10, −10, 10; 10 is [unused0].
  const Text words = {7, 8, 7}, sprinkled = {1, 7, 4, 8, 0, 3, 10, 7, 2};
  for (const Architecture architecture : kGoldenArchitectures) {
    CAPTURE(name(architecture));
    const CompiledSlalom compiled = compile_slalom(extreme_table(), architecture);
    PackedTexts texts;
    for (const Text& text : {words, sprinkled}) texts.add(text);
    CHECK(worst(log_odds_of(*compiled.model, texts), {10.0 / 3, 10.0 / 3}) <= 1e-10);
    const std::vector<AttentionPattern<double>> patterns = attention_patterns(*compiled.model, sprinkled);
    REQUIRE(patterns.size() == 1);
    const std::size_t S = sprinkled.size(), row = architecture == Architecture::gpt2 ? S - 1 : 0;
    for (std::size_t j = 0; j < S; ++j) {
      const bool word = sprinkled[j] == 7 || sprinkled[j] == 8;
      CHECK(std::abs(patterns[0].pattern.data[row * S + j] - (word ? 1.0 / 3 : 0)) <= 1e-18 + 1e-12 * word);
    }
  }
}

TEST_CASE("compile_slalom: a constant added to all importances changes nothing") {
  std::vector<SlalomWord> table = extreme_table();
  const CompiledSlalom a = compile_slalom(table, Architecture::bert);
  for (SlalomWord& w : table) w.importance += 1024;
  const CompiledSlalom b = compile_slalom(table, Architecture::bert);
  const ParameterId embedding = a.model->embedding().token;
  CHECK(relative_error(b.model->parameters().value(embedding).span(),
                       a.model->parameters().value(embedding).span()) == 0);
}

TEST_CASE("compile_slalom: what it refuses") {
  const auto refused = [](const std::vector<SlalomWord>& table, const char* message, Index positions = 0) {
    CHECK_THROWS_WITH_AS(compile_slalom(table, Architecture::bert, positions), message, Error);
  };
  refused({{"a", 1, 0, 1}, {"b", 1, 0, -10.5}},
          "[compile_slalom] value of 'b' is -10.5, wanted at most 10 in size");
  refused({{"a", 1, 3, NAN}}, "[compile_slalom] value of 'a' is nan, wanted at most 10 in size");
  refused({{"a", 1, INFINITY, 1}}, "[compile_slalom] importance of 'a' is inf, wanted a number");
  refused({{"a", 1, 108, 1}, {"b", 1, 100, 1}, {"c", 1, 97, 2}},
          "[compile_slalom] importances of 'c' and 'a' are 97 and 108, wanted at most 10 apart");
  refused({{"a", 1, 1e308, 1}, {"b", 1, -1e308, 1}},
          "[compile_slalom] importances of 'b' and 'a' are -1e+308 and 1e+308, wanted at most 10 apart");
  refused({}, "[synthetic] the table of words is empty");
  refused(toy_slalom_words(),
          "[compile_slalom] found 2 positions, wanted more than the 2 of the special tokens", 2);
  CHECK(compile_slalom(toy_slalom_words(), Architecture::bert, 3).worst_error_f64 <= 1e-10);
  CHECK(compile_slalom(toy_slalom_words(), Architecture::gpt2, 1).worst_error_f64 <= 1e-10);
}
