#include "slalom/nn/predictor.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

#include "../support/compare.hpp"
#include "../support/small_models.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

struct Subject {
  ClassifierConfig config;
  Classifier<double> model;
  explicit Subject(Architecture a, Index layers = 2) : config(small_config(a, layers)), model(config) {
    randomise(model, 1);
  }
  void set(const char* parameter, Index i, double value) {
    model.parameters().value(model.parameters().find(parameter)).data[i] = value;
  }
};

PackedTexts with_repeats() {
  PackedTexts texts;
  for (const std::vector<TokenId>& text :
       {std::vector<TokenId>{4, 5, 6}, {7}, {4, 5, 6}, {4, 5}, {7}, {6, 5, 4}, {4, 5, 6}})
    texts.add(text);
  return texts;
}

}  // namespace

TEST_CASE("predictor: equal texts are asked once, with the logits of asking each") {
  for (const Architecture a : kArchitectures) {
    Subject subject(a);
    const PackedTexts texts = with_repeats();
    for (const Index batch_rows : {1, 4, 4096}) {
      Predictor<double> predictor(subject.model, batch_rows);
      std::vector<double> logits;
      predictor.logits(texts, logits);
      for (std::size_t b = 0; b < 7; ++b)
        CHECK(relative_error(std::span(logits).subspan(3 * b, 3),
                             logits_of(subject.model, only(texts, static_cast<Index>(b)))) <= 1e-12);
      CHECK(predictor.cost().queries == 7);
      CHECK(predictor.cost().unique_queries == 4);
      CHECK(predictor.cost().token_forwards == 3 + 1 + 2 + 3);
      predictor.logits(texts, logits);  // costs add up; answers are not kept between calls
      CHECK(predictor.cost().queries == 14);
      CHECK(predictor.cost().token_forwards == 18);
    }
  }
}

TEST_CASE("predictor: texts that differ in segment numbers alone are two") {
  Subject subject(Architecture::bert);
  PackedTexts texts{{4, 5, 4, 5, 4, 5}, {0, 2, 4, 6}};
  texts.types = {0, 0, 0, 1, 0, 0};
  Predictor<double> predictor(subject.model);
  std::vector<double> logits;
  predictor.logits(texts, logits);
  CHECK(predictor.cost().unique_queries == 2);
  CHECK(std::equal(logits.begin(), logits.begin() + 3, logits.begin() + 6));
  CHECK(relative_error(std::span(logits).first(3), std::span(logits).subspan(3, 3)) > 1e-6);
}

TEST_CASE("predictor: no texts, no logits, no cost") {
  Subject subject(Architecture::bert);
  const std::vector<Index> begin = {0};
  Predictor<double> predictor(subject.model);
  std::vector<double> logits(3);
  predictor.logits({{}, begin, {}}, logits);
  CHECK(logits.empty());
  CHECK(predictor.cost().queries == 0);
}

namespace {

// Bytes of address space of this process.
double address_space() {
  double pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double growth(Subject& subject, const PackedTexts& texts, Index batch_rows) {
  Predictor<double> predictor(subject.model, batch_rows);
  std::vector<double> logits;
  const double before = address_space();
  for (int i = 0; i < 2; ++i) predictor.logits(texts, logits);
  return address_space() - before;
}

}  // namespace

TEST_CASE("predictor: batch_rows bounds the memory") {
  Subject subject(Architecture::bert);
  const PackedTexts texts = random_texts(subject.config, std::vector<Index>(500, 40), 3);
  growth(subject, texts, 64);  // threads and the allocator's own memory
  CHECK(growth(subject, texts, 64) < 4e6);
  CHECK(growth(subject, texts, 20'000) > 12e6);
}

TEST_CASE("predictor: logits that are not finite name the text and the activation") {
  Subject subject(Architecture::bert, 1);
  subject.set("head.out.bias", 1, INFINITY);
  Predictor<double> predictor(subject.model);
  std::vector<double> logits;
  const PackedTexts texts = with_repeats();
  CHECK_THROWS_WITH_AS(
      predictor.logits(texts, logits),
      "[predict] text 0: the logits are not finite; head.out.bias (parameter) is the first such "
      "activation",
      Error);
  subject.set("head.out.bias", 1, 0);
  subject.set("embed.token.weight", 6 * 24, NAN);  // the word 6 comes in texts 0, 2, 5, 6
  const PackedTexts later{{7, 7, 6, 7}, {0, 1, 2, 4}};
  CHECK_THROWS_WITH_AS(
      predictor.logits(later, logits),
      "[predict] text 2: the logits are not finite; embed (embedding) is the first such activation", Error);
}

TEST_CASE("predictor: an earlier block that is at fault is named, not the embedding") {
  Subject subject(Architecture::gpt2, 3);
  subject.set("blocks.1.mlp.out.bias", 0, INFINITY);
  Predictor<double> predictor(subject.model);
  std::vector<double> logits;
  std::string message;
  try {
    predictor.logits(with_repeats(), logits);
  } catch (const Error& error) {
    message = error.what();
  }
  CAPTURE(message);
  CHECK(message.find("[predict] text 0: the logits are not finite") == 0);
  CHECK(message.find("blocks.1.") != std::string::npos);
}

TEST_CASE("predictor: errors of the model name the caller's text, whatever batch it fell into") {
  Subject subject(Architecture::bert);
  Predictor<double> predictor(subject.model, 4);
  std::vector<double> logits;
  const PackedTexts texts{{4, 5, 6, 4, 5, 6, 7, 8, 9}, {0, 3, 6, 9, 9}};
  CHECK_THROWS_WITH_AS(predictor.logits(texts, logits), "[forward] text 3 is empty", Error);
}

TEST_CASE("log_odds: against the other class, or all the others together") {
  CHECK(log_odds<double>(std::vector<double>{1, 3}, 1) == 2);
  CHECK(log_odds<double>(std::vector<double>{1, 3}, 0) == -2);
  const std::vector<double> three = {0.5, -1, 2};
  CHECK(relative_error(log_odds<double>(three, 0), 0.5 - std::log(std::exp(-1) + std::exp(2))) < 1e-14);
  const std::vector<double> large = {1000, 1000, 1000};
  CHECK(relative_error(log_odds<double>(large, 2), -std::log(2)) < 1e-14);
  for (const ProblemType own : {ProblemType::multi_label, ProblemType::regression}) {
    CHECK(log_odds<double>(three, 1, own) == three[1]);
    CHECK(log_odds_gradient(three, 1, own) == std::vector<double>{0, 1, 0});
  }
  CHECK_THROWS_WITH_AS(log_odds<double>(three, 3), "[log_odds] target 3, wanted 0 to 2", Error);
  CHECK_THROWS_WITH_AS(log_odds<double>(three, -1), "[log_odds] target -1, wanted 0 to 2", Error);
}

TEST_CASE(
    "predictor: maps in bf16 are near float32's, and every tenth text has float32's logits beside them") {
  for (const Architecture a : kArchitectures) {
    const ClassifierConfig config = small_config(a, 2);
    Classifier<float> model(config);
    randomise(model, 1);
    const PackedTexts texts = random_texts(config, std::vector<Index>(13, 6), 2);
    const std::vector<float> full = logits_of(model, texts);
    Predictor<float> predictor(model, 20, BlockMaps::bf16);
    std::vector<float> bf16;
    predictor.logits(texts, bf16);
    const double error = relative_error(bf16, full);
    CHECK(error > 1e-5);
    CHECK(error <= 0.03);
    const auto check = [&](std::size_t i, Index text) {
      const auto& [found, logits] = predictor.checked().at(i);
      CHECK(found == text);
      CHECK(relative_error(logits, std::span(full).subspan(static_cast<std::size_t>(3 * text), 3)) <= 1e-5);
    };
    REQUIRE(predictor.checked().size() == 2);
    check(0, 0);
    check(1, 10);
    CHECK(predictor.cost().queries == 13);
    predictor.logits(texts, bf16);  // texts 13 to 25
    REQUIRE(predictor.checked().size() == 1);
    check(0, 7);
    predictor.restart();
    predictor.logits(texts, bf16);
    CHECK(predictor.checked().size() == 2);
  }
}

TEST_CASE("predictor: only a transformer in float has maps in bf16") {
  Subject subject(Architecture::bert);
  CHECK_THROWS_AS(Predictor<double>(subject.model, 10, BlockMaps::bf16), Error);
}

TEST_CASE("predictor: differences are summed up as their median and the largest") {
  const Bf16Differences odd = summarise_differences({3, 1, 7}), even = summarise_differences({4, 1, 9, 2});
  CHECK(odd.n == 3);
  CHECK(odd.median == 3);
  CHECK(odd.largest == 7);
  CHECK(even.median == 3);
  CHECK(summarise_differences({}).n == 0);
}
