// Gradients of whole models: against finite differences, with and without the read-out-only last block, and
// on any number of threads.
#include <doctest/doctest.h>

#include <cstring>

#include "../support/compare.hpp"
#include "../support/small_models.hpp"

#include "slalom/base/parallel.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

constexpr std::uint64_t kKey = 20240607;

double loss_of(Classifier<double>& model, const PackedTexts& texts, const ForwardOptions& pass) {
  const std::vector<double> x = logits_of(model, texts, pass);
  const auto C = static_cast<std::size_t>(model.config().labels), B = x.size() / C;
  double loss = 0;
  for (std::size_t b = 0; b < B; ++b) {
    double sum = 0;
    for (std::size_t c = 0; c < C; ++c) sum += std::exp(x[b * C + c]);
    loss += (std::log(sum) - x[b * C + b % C]) / static_cast<double>(B);
  }
  return loss;
}

// Four-point central difference.
double slope(Classifier<double>& model, const PackedTexts& texts, const ForwardOptions& pass, double& x) {
  constexpr double h = 2e-4;
  const double start = x;
  const auto shifted = [&](double by) {
    x = start + by;
    return loss_of(model, texts, pass);
  };
  const double difference = 8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h));
  x = start;
  return difference / (12 * h);
}

double largest(const std::vector<double>& x) {
  double top = 0;
  for (const double v : x) top = std::max(top, std::abs(v));
  return top;
}

// A few entries of every parameter, its largest gradient among them.
void check_differences(const ClassifierConfig& config) {
  Classifier<double> model(config);
  randomise(model, 6);
  const PackedTexts texts = random_texts(config, {4, 1, 7}, 2);
  const ForwardOptions pass{&kKey};
  const Step<double> step = run_step(model, texts, pass);
  CHECK(relative_error(step.loss, loss_of(model, texts, pass)) < 1e-13);
  double floor = 0;  // a key bias has no gradient but rounding: softmax ignores it
  for (const auto& [parameter, g] : step.gradients) floor = std::max(floor, 1e-3 * largest(g));
  for (const auto& [parameter, g] : step.gradients) {
    CAPTURE(parameter);
    const double scale = std::max(floor, largest(g));
    const std::size_t top = static_cast<std::size_t>(
        std::ranges::max_element(g, {}, [](double v) { return std::abs(v); }) - g.begin());
    for (const std::size_t i : {top, std::size_t{0}, g.size() / 3, g.size() - 1}) {
      double& x = model.parameters().value(model.parameters().find(parameter)).data[i];
      CHECK(std::abs(g[i] - slope(model, texts, pass, x)) <= 1e-6 * scale);
    }
  }
}

void check_same_gradients(const Step<double>& got, const Step<double>& want, double tolerance) {
  CHECK(relative_error(got.logits, want.logits) <= tolerance);
  double floor = 0;
  for (const auto& [parameter, g] : want.gradients) floor = std::max(floor, 1e-6 * largest(g));
  REQUIRE(got.gradients.size() == want.gradients.size());
  for (const auto& [parameter, g] : want.gradients) {
    CAPTURE(parameter);
    std::vector<double> difference = got.gradients.at(parameter);
    REQUIRE(difference.size() == g.size());
    for (std::size_t i = 0; i < g.size(); ++i) difference[i] -= g[i];
    REQUIRE(std::isfinite(largest(difference)));
    CHECK(largest(difference) <= tolerance * std::max(floor, largest(g)));
  }
}

}  // namespace

TEST_CASE("a whole model's gradient against finite differences, dropout on") {
  for (const Architecture a : kArchitectures)
    for (const Index layers : {1, 2}) {
      CAPTURE(std::string(name(a)));
      CAPTURE(layers);
      check_differences(small_config(a, layers));
    }
}

TEST_CASE("the same with every switch off") {
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    ClassifierConfig config = small_config(a, 2);
    config.positions = Positions::none;
    config.norm = Norm::none;
    config.residual = false;
    check_differences(config);
    config.feed_forward_on = false;
    check_differences(config);
  }
}

TEST_CASE("the same with every switch that has other parameters or products") {
  for (const Architecture a : kArchitectures)
    for (const AttentionKind kind : {AttentionKind::softmax_plus_one, AttentionKind::sigmoid,
                                     AttentionKind::linear, AttentionKind::sum}) {
      CAPTURE(std::string(name(a)));
      CAPTURE(word_of(kAttentionWords, kind));
      ClassifierConfig config = small_config(a, 2);
      config.attention = kind;
      config.norm = Norm::rms;
      config.positions = Positions::rope;
      config.head_hidden = !config.head_hidden;
      check_differences(config);
    }
}

TEST_CASE("read-out rows alone give the logits and gradients of all rows, dropout on") {
  for (const Architecture a : kArchitectures)
    for (const Index layers : {1, 3})
      for (const ReadOut read_out : {ReadOut::first, ReadOut::last}) {
        CAPTURE(std::string(name(a)));
        ClassifierConfig config = small_config(a, layers);
        config.read_out = read_out;
        Classifier<double> model(config);
        randomise(model, 1);
        const PackedTexts texts = random_texts(config, {5, 1, 17, 2, 33}, 2);
        const auto all = run_step(model, texts, {&kKey, ForwardOptions::LastBlock::all_rows});
        check_same_gradients(run_step(model, texts, {&kKey, ForwardOptions::LastBlock::read_out_rows}), all,
                             1e-12);
      }
}

TEST_CASE("rows of tables: only those of the batch are touched, and rows_read names them") {
  for (const Architecture a : kArchitectures) {
    const ClassifierConfig config = small_config(a, 1);
    Classifier<double> model(config);
    randomise(model, 1);
    const PackedTexts texts = random_texts(config, {3, 6}, 2);
    run_step(model, texts, {&kKey});
    const ParameterStore<double>& store = model.parameters();
    std::vector<Index> read;
    for (const ParameterId table : {model.embedding().token, model.embedding().position}) {
      model.rows_read(texts, table, read);
      const std::vector<Index>& touched = store.touched_rows(table);
      CHECK(!touched.empty());
      CHECK(std::ssize(touched) <= 9);
      for (const Index r : touched) CHECK(std::ranges::count(read, r) > 0);
    }
    for (const TokenId id : texts.ids)
      CHECK(std::ranges::count(store.touched_rows(model.embedding().token), id) == 1);
  }
}

TEST_CASE("float gradients follow the double ones") {
  for (const Architecture a : kArchitectures) {
    const ClassifierConfig config = small_config(a, 2);
    Classifier<float> narrow(config);
    Classifier<double> wide(config);
    randomise(narrow, 6);
    randomise(wide, 6);
    const PackedTexts texts = random_texts(config, {5, 1, 17}, 2);
    const auto want = run_step(wide, texts, {&kKey});
    const auto got = run_step(narrow, texts, {&kKey});
    Step<double> widened{{got.logits.begin(), got.logits.end()}, static_cast<double>(got.loss), {}};
    for (const auto& [parameter, g] : got.gradients) widened.gradients[parameter].assign(g.begin(), g.end());
    double top = 0;
    for (const auto& [parameter, g] : want.gradients) top = std::max(top, largest(g));
    for (auto& [parameter, g] : widened.gradients) {
      CAPTURE(parameter);
      for (std::size_t i = 0; i < g.size(); ++i) g[i] -= want.gradients.at(parameter)[i];
      REQUIRE(std::isfinite(largest(g)));
      CHECK(largest(g) < 1e-4 * std::max(largest(want.gradients.at(parameter)), 1e-2 * top));
    }
  }
}

namespace {

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// Wide enough that every product, row kernel and scatter is cut into several pieces.
ClassifierConfig wide_config(Architecture a) {
  ClassifierConfig config = small_config(a, 2);
  config.width = 192;
  config.heads = 4;
  config.feed_forward = 800;
  return config;
}

void check_same_bits(const ClassifierConfig& config) {
  const int before = threads();
  Classifier<float> model(config);
  randomise(model, 1);
  const PackedTexts texts = random_texts(config, {5, 1, 17, 2, 33, 20, 11, 30}, 2);
  set_threads(1);
  const Step<float> one = run_step(model, texts, {&kKey});
  for (const int count : {2, 3}) {
    set_threads(count);
    const Step<float> several = run_step(model, texts, {&kKey});
    CHECK(same_bits(several.logits, one.logits));
    for (const auto& [parameter, g] : one.gradients) {
      CAPTURE(parameter);
      CHECK(same_bits(several.gradients.at(parameter), g));
    }
  }
  set_threads(before);
}

}  // namespace

TEST_CASE("logits and gradients have the same bits on one, two and three threads") {
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    check_same_bits(wide_config(a));
    for (const AttentionKind kind : {AttentionKind::softmax_plus_one, AttentionKind::sigmoid,
                                     AttentionKind::linear, AttentionKind::sum}) {
      ClassifierConfig config = wide_config(a);
      config.attention = kind;
      config.norm = Norm::rms;
      config.positions = Positions::rope;
      check_same_bits(config);
    }
  }
}
