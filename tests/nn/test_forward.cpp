// The packed pass against the padded oracle, and everything that must not change a text's logits.
#include <doctest/doctest.h>

#include "../support/compare.hpp"
#include "../support/small_models.hpp"
#include "../support/transformer_oracle.hpp"
#include "slalom/autograd/gradient_check.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

constexpr std::uint64_t kKey = 0x0123456789abcdef;
const std::vector<Index> kLengths = {5, 1, 17, 2, 33};

// Training and inference, recorded or not, all rows or read-out rows: one oracle for all of them.
void check_against_oracle(const ClassifierConfig& config) {
  Classifier<double> model(config);
  randomise(model, 1);
  const PackedTexts texts = random_texts(config, kLengths, 2);
  for (const std::uint64_t* key : {static_cast<const std::uint64_t*>(nullptr), &kKey}) {
    const std::vector<double> want = oracle_logits(model, texts, key);
    for (const auto rows : {ForwardOptions::LastBlock::read_out_rows, ForwardOptions::LastBlock::all_rows})
      for (const Recording recording : {Recording::on, Recording::off})
        CHECK(relative_error(logits_of(model, texts, {key, rows}, recording), want) <= 1e-12);
  }
}

}  // namespace

TEST_CASE("packed equals padded: four architectures, one to three layers, dropout on and off") {
  for (const Architecture a : kArchitectures)
    for (const Index layers : {1, 2, 3}) {
      CAPTURE(std::string(name(a)));
      CAPTURE(layers);
      check_against_oracle(small_config(a, layers));
    }
}

TEST_CASE("packed equals padded: every switch, alone and all together") {
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    const ClassifierConfig usual = small_config(a, 2);
    ClassifierConfig together = usual;
    const auto with = [&](const auto& change) {
      ClassifierConfig c = usual;
      change(c);
      change(together);
      check_against_oracle(c);
    };
    for (const Positions positions : {Positions::rope, Positions::none})
      with([=](ClassifierConfig& c) { c.positions = positions; });
    for (const Norm norm : {Norm::rms, Norm::none}) with([=](ClassifierConfig& c) { c.norm = norm; });
    for (const AttentionKind kind :
         {AttentionKind::softmax_plus_one, AttentionKind::sigmoid, AttentionKind::linear, AttentionKind::sum})
      with([=](ClassifierConfig& c) { c.attention = kind; });
    with([](ClassifierConfig& c) { c.head_hidden = !c.head_hidden; });
    with([](ClassifierConfig& c) { c.feed_forward_on = false; });
    with([](ClassifierConfig& c) { c.residual = false; });
    with([](ClassifierConfig& c) {
      c.read_out = c.read_out == ReadOut::first ? ReadOut::last : ReadOut::first;
    });
    with([](ClassifierConfig& c) { c.activation = Activation::relu; });
    check_against_oracle(together);
  }
}

TEST_CASE("packed equals padded: widths above a dropout piece, one head and many") {
  for (const Index heads : {1, 52}) {
    ClassifierConfig c = small_config(Architecture::bert, 1);
    c.width = 520;
    c.heads = heads;
    check_against_oracle(c);
  }
}

TEST_CASE("dropout draws change with the key and with nothing else") {
  for (const Architecture a : kArchitectures) {
    const ClassifierConfig config = small_config(a, 2);
    Classifier<double> model(config);
    randomise(model, 1);
    const PackedTexts texts = random_texts(config, kLengths, 2);
    const std::uint64_t other = kKey + 1;
    const auto first = logits_of(model, texts, {&kKey});
    CHECK(first == logits_of(model, texts, {&kKey}));
    CHECK(relative_error(logits_of(model, texts, {&other}), first) > 1e-3);
    CHECK(relative_error(logits_of(model, texts), first) > 1e-3);
  }
}

TEST_CASE("rates of 0 draw nothing") {
  ClassifierConfig config = small_config(Architecture::roberta, 2);
  config.set_dropout(0);
  Classifier<double> model(config);
  randomise(model, 1);
  const PackedTexts texts = random_texts(config, kLengths, 2);
  CHECK(logits_of(model, texts, {&kKey}) == logits_of(model, texts));
}

namespace {

template <class T>
void check_batch_composition(double tolerance) {
  for (const Architecture a : kArchitectures) {
    const ClassifierConfig config = small_config(a, 2);
    Classifier<T> model(config);
    randomise(model, 1);
    const PackedTexts texts = random_texts(config, kLengths, 2);
    const std::vector<T> together = logits_of(model, texts);
    for (std::size_t b = 0; b < kLengths.size(); ++b) {
      const std::vector<T> alone = logits_of(model, only(texts, static_cast<Index>(b)));
      CHECK(relative_error(std::span(together).subspan(3 * b, 3), alone) <= tolerance);
    }
  }
}

}  // namespace

TEST_CASE("a text's logits do not depend on its batch") {
  check_batch_composition<double>(1e-12);
  check_batch_composition<float>(1e-5);
}

TEST_CASE("without segment numbers all of them are 0") {
  const ClassifierConfig config = small_config(Architecture::bert, 1);
  Classifier<double> model(config);
  randomise(model, 1);
  PackedTexts texts = random_texts(config, kLengths, 2);
  std::ranges::fill(texts.types, 0);
  const auto zeros = logits_of(model, texts);
  texts.types.clear();
  CHECK(logits_of(model, texts) == zeros);
}

TEST_CASE("float follows double") {
  for (const Architecture a : kArchitectures) {
    const ClassifierConfig config = small_config(a, 3);
    Classifier<float> narrow(config);
    Classifier<double> wide(config);
    randomise(narrow, 1);
    randomise(wide, 1);
    const PackedTexts texts = random_texts(config, kLengths, 2);
    CHECK(relative_error(logits_of(narrow, texts, {&kKey}), logits_of(wide, texts, {&kKey})) < 1e-5);
  }
}

namespace {

struct Refusals {
  ClassifierConfig config = small_config(Architecture::bert, 1);
  Classifier<double> model{config};
  void check(const PackedTexts& texts, const char* message) {
    Tape<double> tape;
    CHECK_THROWS_WITH_AS(model.forward(tape, texts, {}), message, Error);
  }
};

}  // namespace

TEST_CASE("forward refuses what makes no sense, naming the text or row") {
  Refusals bert;
  const std::vector<TokenId> ids = {1, 2, 40}, negative = {1, -1, 2}, good = {1, 2, 3};
  const std::vector<Index> begin = {0, 1, 3}, hole = {0, 2, 2, 3}, none = {0};
  bert.check({ids, begin, {}}, "[forward] row 2 has id 40, the vocabulary has 40");
  bert.check({negative, begin, {}}, "[forward] row 1 has id -1, the vocabulary has 40");
  bert.check({good, hole, {}}, "[forward] text 1 is empty");
  bert.check({{}, none, {}}, "[forward] a batch without texts");
  bert.check({}, "[forward] a batch without texts");
  const std::vector<TokenId> types = {0, 0, 2};
  bert.check({good, begin, types}, "[embedding] row 2 asks for entry 2 of a table of 2");
  const std::vector<TokenId> many(66, 1);
  const std::vector<Index> long_text = {0, 1, 66};
  bert.check({many, long_text, {}}, "[forward] text 1 has 65 tokens, the model has 64 positions");
}

TEST_CASE("forward refuses texts that do not cover the rows") {
  const ClassifierConfig config = small_config(Architecture::bert, 1);
  Classifier<double> model(config);
  const std::vector<TokenId> ids = {1, 2, 3};
  for (const std::vector<Index>& begin : {std::vector<Index>{1, 3}, {0, 4}}) {
    Tape<double> tape;
    CHECK_THROWS_AS(model.forward(tape, {ids, begin, {}}, {}), Error);
  }
}

TEST_CASE("the longest text that fits, and longer ones where there are no positions") {
  for (const Architecture a : kArchitectures) {
    ClassifierConfig config = small_config(a, 1);
    Classifier<double> model(config);
    randomise(model, 1);
    const PackedTexts longest = random_texts(config, {64}, 3), longer = random_texts(config, {100}, 4);
    CHECK(relative_error(logits_of(model, longest), oracle_logits(model, longest)) <= 1e-12);
    CHECK_THROWS_AS(logits_of(model, longer), Error);
    config.positions = Positions::none;
    Classifier<double> unordered(config);
    randomise(unordered, 1);
    CHECK(relative_error(logits_of(unordered, longer), oracle_logits(unordered, longer)) <= 1e-12);
  }
}

namespace {

// The rows of the embedding table that the texts' ids stand for.
template <class T>
std::vector<T> word_rows(const Classifier<T>& model, const PackedTexts& texts) {
  std::vector<T> rows;
  const Tensor<T> table = model.parameters().value(model.embedding().token);
  for (const TokenId id : texts.ids) rows.insert(rows.end(), table.row(id), table.row(id) + table.columns());
  return rows;
}

}  // namespace

TEST_CASE("word rows that are the embeddings of the ids give the same bits, whoever shares rows") {
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    Classifier<float> model(small_config(a, 2));
    randomise(model, 1);
    const PackedTexts texts = random_texts(model.config(), kLengths, 2);
    std::vector<float> rows = word_rows(model, texts);
    const Shape shape{std::ssize(texts.ids), model.config().table_width()};
    for (const Recording recording : {Recording::on, Recording::off})
      for (const auto last : {ForwardOptions::LastBlock::read_out_rows, ForwardOptions::LastBlock::all_rows})
        for (const bool frozen : {false, true}) {
          Tape<float> tape(recording);
          const Var given = tape.constant({rows.data(), shape});
          const std::span<float> logits =
              tape.value(
                      model.forward(tape, texts, {.last_block = last, .word_rows = given, .frozen = frozen}))
                  .span();
          const std::vector<float> want = logits_of(model, texts, {.last_block = last}, Recording::on);
          CHECK(std::ranges::equal(logits, want));
        }
  }
}

TEST_CASE("the gradient by word rows equals finite differences, with frozen parameters or without") {
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    Classifier<double> model(small_config(a, 2));
    randomise(model, 1);
    const PackedTexts texts = random_texts(model.config(), {3, 1}, 2);
    const Leaf rows{{4, model.config().table_width()}, word_rows(model, texts)};
    model.parameters().clear_gradients();
    for (const bool frozen : {true, false}) {
      const GradientReport report = check_gradient(
          [&](Tape<double>& tape, std::span<const Var> x) {
            return model.forward(tape, texts, {.word_rows = x[0], .frozen = frozen});
          },
          std::span(&rows, 1));
      CAPTURE(report.worst);
      CHECK(report.error() <= 5e-7);
    }
  }
}

TEST_CASE("frozen parameters have no gradients") {
  Classifier<double> model(small_config(Architecture::bert, 1));
  randomise(model, 1);
  const PackedTexts texts = random_texts(model.config(), {3, 2}, 2);
  std::vector<double> rows = word_rows(model, texts), one(6, 1.0);
  ParameterStore<double>& store = model.parameters();
  store.clear_gradients();
  Tape<double> tape;
  const Var words = tape.variable({rows.data(), {5, 24}});
  tape.backward(model.forward(tape, texts, {.word_rows = words, .frozen = true}), {one.data(), {2, 3}});
  CHECK(tape.gradient(words).data != nullptr);
  store.finish_gradients();  // what nothing wrote to becomes zeros
  for (int i = 0; i < store.count(); ++i) {
    if (store.kind({i}) == GradientKind::row_sparse)
      CHECK(store.touched_rows({i}).empty());
    else
      for (const double x : store.gradient({i}).span()) CHECK(x == 0);
  }
}

TEST_CASE("forward refuses word rows of another shape") {
  Classifier<double> model(small_config(Architecture::gpt2, 1));
  const PackedTexts texts = random_texts(model.config(), {3}, 2);
  std::vector<double> rows(96);
  Tape<double> tape;
  const Var words = tape.constant({rows.data(), {4, 24}});
  CHECK_THROWS_WITH_AS(model.forward(tape, texts, {.word_rows = words}),
                       "[forward] word_rows is (4, 24), wanted (3, 24)", Error);
}
