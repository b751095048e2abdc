#include "slalom/nn/classifier.hpp"

#include <doctest/doctest.h>

#include <map>

#include "../support/compare.hpp"
#include "../support/small_models.hpp"
#include "slalom/base/parallel.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

template <class T>
std::vector<T> all_values(const Classifier<T>& model) {
  std::vector<T> values;
  for (int i = 0; i < model.parameters().count(); ++i) {
    const std::span<T> s = model.parameters().value({i}).span();
    values.insert(values.end(), s.begin(), s.end());
  }
  return values;
}

struct Moments {
  double mean = 0, deviation = 0;
  explicit Moments(std::span<const double> x) {
    const auto n = static_cast<double>(x.size());
    for (const double v : x) mean += v / n;
    for (const double v : x) deviation += (v - mean) * (v - mean) / n;
    deviation = std::sqrt(deviation);
  }
};

bool all_are(std::span<const double> x, double value) {
  return !x.empty() && std::ranges::all_of(x, [=](double v) { return v == value; });
}

// What one parameter must look like after initialise().
void check_parameter(const std::string& name, std::span<const double> values, double deviation) {
  CAPTURE(name);
  if (name.ends_with(".bias")) {
    CHECK(all_are(values, 0));
  } else if (name.find("norm") != std::string::npos) {
    CHECK(all_are(values, 1));
  } else {
    const Moments m(values);
    const auto n = static_cast<double>(values.size());
    CHECK(std::abs(m.mean) < 5 * deviation / std::sqrt(n));
    CHECK(std::abs(m.deviation / deviation - 1) < 5 / std::sqrt(2 * n) + 0.01);  // a padding row is zero
  }
}

}  // namespace

TEST_CASE("initialise: mean and deviation of every parameter, as Hugging Face draws them") {
  for (const Architecture a : kArchitectures) {
    ClassifierConfig config = default_config(a, 2, 64, 4, 1000);
    config.initializer_range = 0.05;
    Classifier<double> model(config);
    model.initialise(3);
    const ParameterStore<double>& store = model.parameters();
    for (int i = 0; i < store.count(); ++i) {
      const std::string& name = store.name({i});
      const bool projection = name.starts_with("blocks") && name.ends_with("out.weight");
      check_parameter(name, store.value({i}).span(), a == Architecture::gpt2 && projection ? 0.05 / 2 : 0.05);
    }
  }
}

TEST_CASE("initialise: padding rows are zero where Hugging Face has them") {
  for (const Architecture a : kArchitectures) {
    const ClassifierConfig config = small_config(a, 1);
    Classifier<double> model(config);
    model.initialise(3);
    const auto row = [&](ParameterId table) {
      return std::span<const double>(model.parameters().value(table).row(config.pad_id),
                                     static_cast<std::size_t>(config.table_width()));
    };
    CHECK(all_are(row(model.embedding().token), 0) == (a != Architecture::gpt2));
    CHECK(all_are(row(model.embedding().position), 0) == (a == Architecture::roberta));
  }
}

TEST_CASE("initialise: a function of the seed, on any number of threads, float as double") {
  const ClassifierConfig config = small_config(Architecture::bert, 2);
  const int before = threads();
  Classifier<double> one(config), two(config), other(config);
  Classifier<float> narrow(config);
  set_threads(1);
  one.initialise(7);
  narrow.initialise(7);
  set_threads(2);
  two.initialise(7);
  other.initialise(8);
  set_threads(before);
  CHECK(all_values(one) == all_values(two));
  CHECK(all_values(one) != all_values(other));
  CHECK(relative_error(all_values(narrow), all_values(one)) < 1e-7);
}

TEST_CASE("parameters: names and shapes of the architectures") {
  const auto shape = [](const Classifier<double>& model, const char* name) {
    const ParameterId id = model.parameters().find(name);
    return id.valid() ? to_string(model.parameters().shape(id)) : "none";
  };
  for (const Architecture a : kArchitectures) {
    const bool gpt2 = a == Architecture::gpt2, albert = a == Architecture::albert,
               narrow = albert || a == Architecture::electra;
    const std::string E = narrow ? "12" : "24";
    const Classifier<double> model(small_config(a, 2));
    CHECK(shape(model, "embed.token.weight") == "(40, " + E + ")");
    CHECK(shape(model, "embed.position.weight") ==
          (a == Architecture::roberta ? "(66, 24)" : "(64, " + E + ")"));
    CHECK(shape(model, "embed.type.weight") ==
          (gpt2 || a == Architecture::distilbert ? "none" : "(2, " + E + ")"));
    CHECK(shape(model, "embed.norm.weight") == (gpt2 ? "none" : "(" + E + ")"));
    CHECK(shape(model, "embed.map.weight") == (narrow ? "(24, 12)" : "none"));
    CHECK(shape(model, "blocks.1.attn.kv.weight") == (albert ? "none" : "(48, 24)"));
    CHECK(shape(model, "blocks.1.mlp.in.weight") == (albert ? "none" : "(36, 24)"));
    CHECK(shape(model, "blocks.2.attn.q.weight") == "none");
    CHECK(shape(model, "head.norm.bias") == (gpt2 ? "(24)" : "none"));
    CHECK(shape(model, "head.hidden.weight") == (gpt2 ? "none" : "(24, 24)"));
    CHECK(shape(model, "head.out.bias") == (gpt2 ? "none" : "(3)"));
    CHECK(model.labels() == 3);
  }
}

namespace {

// "(H, S, S)" with the letters of one text filled in.
Shape filled_in(const std::string& letters, const ClassifierConfig& c, Index S) {
  const std::map<char, Index> extents = {{'S', S},       {'D', c.width},        {'E', c.table_width()},
                                         {'H', c.heads}, {'F', c.feed_forward}, {'C', c.labels}};
  Shape shape;
  for (const char letter : letters)
    if (const auto found = extents.find(letter); found != extents.end())
      shape.extent[static_cast<std::size_t>(shape.rank++)] = found->second;
  return shape;
}

void check_activation_names(const ClassifierConfig& config) {
  Classifier<double> model(config);
  randomise(model, 1);
  const PackedTexts text = random_texts(config, {7}, 2);
  Tape<double> tape;
  model.forward(tape, text, {.last_block = ForwardOptions::LastBlock::all_rows, .patterns = true});
  std::map<std::string, Index> sizes;
  for (const NamedTensor<double>& named : tape.names()) {
    const std::string name = to_string(named.name);
    CAPTURE(name);
    CHECK(sizes.emplace(name, named.tensor.size()).second);
    CHECK(named.stride >= named.tensor.columns());
  }
  const std::vector<ActivationInfo> list = activation_names(config);
  CHECK(list.size() == sizes.size());
  for (const ActivationInfo& info : list) {
    CAPTURE(info.name);
    REQUIRE(sizes.contains(info.name));
    CHECK(sizes[info.name] == filled_in(info.shape, config, 7).size());
    CHECK(!info.meaning.empty());
  }
}

}  // namespace

TEST_CASE("activation_names: exactly what a recorded pass names, with these shapes") {
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    const ClassifierConfig usual = small_config(a, 2);
    check_activation_names(usual);
    ClassifierConfig bare = usual;
    bare.norm = Norm::none;
    bare.feed_forward_on = bare.residual = false;
    bare.positions = Positions::none;
    check_activation_names(bare);
  }
}

TEST_CASE("activations: patterns sum to one, and logits are the head's") {
  const ClassifierConfig config = small_config(Architecture::gpt2, 1);
  Classifier<double> model(config);
  randomise(model, 1);
  Tape<double> tape;
  const Var logits = model.forward(tape, random_texts(config, {7}, 2),
                                   {.last_block = ForwardOptions::LastBlock::all_rows, .patterns = true});
  const auto find = [&](const char* name) {
    const auto found = std::ranges::find_if(
        tape.names(), [=](const NamedTensor<double>& n) { return to_string(n.name) == name; });
    REQUIRE(found != tape.names().end());
    return found->tensor;
  };
  CHECK(find("logits").data == tape.value(logits).data);
  const std::span<const double> pattern = find("blocks.0.attn.pattern").span();
  for (std::size_t row = 0; row < 3 * 7; ++row) {
    double sum = 0;
    for (std::size_t j = 0; j < 7; ++j) {
      sum += pattern[row * 7 + j];
      if (j > row % 7) CHECK(pattern[row * 7 + j] == 0);  // later tokens are invisible
    }
    CHECK(relative_error(sum, 1) < 1e-14);
  }
}
