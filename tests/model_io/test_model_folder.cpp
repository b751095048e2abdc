#include "slalom/model_io/model_folder.hpp"
#include "slalom/model_io/safetensors.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "../support/compare.hpp"
#include "../support/error_of.hpp"
#include "../support/small_models.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/model_io/stored_tensors.hpp"
#include "slalom/train/loss.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

constexpr const char* kGolden[] = {"bert",
                                   "distilbert",
                                   "roberta",
                                   "gpt2",
                                   "electra",
                                   "albert",
                                   "roberta_multi_label",
                                   "distilbert_regression"};

std::string golden(const char* name) {
  return concat("tests/golden/", name);
}

// --- parity with Hugging Face ----------------------------------------------------------------------------

struct GoldenCase {
  PackedBatch texts;
  Json json;
};

std::vector<GoldenCase> golden_cases(const char* a) {
  const std::string path = golden(a) + "/cases.json";
  std::vector<GoldenCase> cases;
  for (const Json& json : parse_json(read_file(path), path)) {
    cases.push_back({{}, json});
    for (std::size_t b = 0; b < json["input_ids"].size(); ++b) {
      auto ids = json["input_ids"][b].get<std::vector<TokenId>>();
      ids.resize(static_cast<std::size_t>(std::ranges::count(json["attention_mask"][b], Json(1))));
      const Json& label = json["labels"][b];
      if (label.is_number_integer())
        cases.back().texts.add(ids, label.get<int>());
      else
        cases.back().texts.add(
            ids, 0, {},
            label.is_array() ? label.get<std::vector<double>>() : std::vector{label.get<double>()});
    }
  }
  REQUIRE(cases.size() == 4);
  return cases;
}

// All numbers of nested arrays, in order.
std::vector<double> flattened(const Json& json) {
  std::vector<double> numbers;
  for (const Json& item : json) {
    if (item.is_array()) {
      const std::vector<double> inner = flattened(item);
      numbers.insert(numbers.end(), inner.begin(), inner.end());
    } else {
      numbers.push_back(item.get<double>());
    }
  }
  return numbers;
}

template <class T>
struct GoldenStep {
  Tape<T> tape;
  Var logits, loss;
  GoldenStep(Classifier<T>& model, const GoldenCase& c)
      : logits(model.forward(tape, c.texts,
                             {.last_block = ForwardOptions::LastBlock::all_rows, .patterns = true})),
        loss(slalom::loss(tape, logits, c.texts, model.problem())) {}

  std::vector<T> named(const std::string& wanted) const {
    for (const NamedTensor<T>& n : tape.names())
      if (to_string(n.name) == wanted) return {n.tensor.data, n.tensor.data + n.tensor.size()};
    return {};
  }
};

template <class T>
void check_logits_and_loss(const char* a, double tolerance) {
  CAPTURE(std::string(a));
  const LoadedModel<T> loaded = load_model<T>(golden(a));
  for (const GoldenCase& c : golden_cases(a)) {
    const GoldenStep<T> step(*loaded.model, c);
    CHECK(relative_error(step.tape.value(step.logits).span(), flattened(c.json["logits"])) <= tolerance);
    const double want = c.json["loss"].get<double>();
    CHECK(std::abs(static_cast<double>(step.tape.value(step.loss).data[0]) - want) <=
          tolerance * std::max(std::abs(want), 0.1));
  }
}

void check_activations(const GoldenStep<double>& step, const GoldenCase& c, std::string_view a) {
  const Json &patterns = c.json["attentions"], &hidden = c.json["hidden_states"];
  REQUIRE(hidden.size() == patterns.size() + 1);
  for (std::size_t l = 0; l < patterns.size(); ++l)
    CHECK(relative_error(step.named(concat("blocks.", l, ".attn.pattern")), flattened(patterns[l])) <= 1e-9);
  for (std::size_t l = 0; l < hidden.size(); ++l) {
    if (a == "gpt2" && l == patterns.size()) continue;  // stored after the final LayerNorm
    const std::string name = l == 0 ? "embed" : concat("blocks.", l - 1, ".resid_post");
    CHECK(relative_error(step.named(name), flattened(hidden[l])) <= 1e-9);
  }
}

// Norm and first entries of every parameter's gradient, under Hugging Face's names.
void check_gradients(Classifier<double>& model, GoldenStep<double>& step, const Json& want) {
  ParameterStore<double>& store = model.parameters();
  store.clear_gradients();
  step.tape.backward(step.loss);
  store.finish_gradients();
  double floor = 0;  // a key bias has no gradient but rounding: softmax ignores it
  for (const Json& g : want) floor = std::max(floor, 1e-6 * g["norm"].get<double>());
  std::size_t compared = 0;
  std::vector<double> got;
  for (const StoredTensor& tensor : stored_tensors(model)) {
    CAPTURE(tensor.name);
    REQUIRE(want.contains(tensor.name));
    read_from_parameters(store, tensor, Quantity::gradient, got);
    double square = 0;
    for (const double g : got) square += g * g;
    const double norm = want[tensor.name]["norm"].get<double>(), tolerance = 1e-7 * std::max(norm, floor);
    CHECK(std::abs(std::sqrt(square) - norm) <= tolerance);
    const std::vector<double> head = flattened(want[tensor.name]["head"]);
    for (std::size_t i = 0; i < head.size(); ++i) CHECK(std::abs(got[i] - head[i]) <= tolerance);
    ++compared;
  }
  CHECK(compared == want.size());
}

}  // namespace

TEST_CASE("Hugging Face parity: logits and loss, float64 and float32") {
  for (const char* a : kGolden) {
    check_logits_and_loss<double>(a, 1e-9);
    check_logits_and_loss<float>(a, 1e-4);
  }
}

TEST_CASE("Hugging Face parity: attention patterns, hidden states, every gradient") {
  for (const char* a : kGolden) {
    CAPTURE(std::string(a));
    const LoadedModel<double> loaded = load_model<double>(golden(a));
    int with_activations = 0;
    for (const GoldenCase& c : golden_cases(a)) {
      GoldenStep<double> step(*loaded.model, c);
      if (c.json.contains("attentions")) {
        check_activations(step, c, a);
        ++with_activations;
      }
      check_gradients(*loaded.model, step, c.json["grad"]);
    }
    CHECK(with_activations == 1);
  }
}

// --- there and back --------------------------------------------------------------------------------------

namespace {

template <class T>
double largest_difference(const Classifier<T>& a, const Classifier<T>& b, double* relative = nullptr) {
  double worst = 0, worst_relative = 0;
  REQUIRE(a.parameters().count() == b.parameters().count());
  for (int i = 0; i < a.parameters().count(); ++i) {
    const std::span<T> x = a.parameters().value({i}).span(), y = b.parameters().value({i}).span();
    REQUIRE(x.size() == y.size());
    for (std::size_t j = 0; j < x.size(); ++j) {
      const double e = std::abs(static_cast<double>(x[j]) - static_cast<double>(y[j]));
      worst = std::max(worst, e);
      worst_relative = std::max(worst_relative, e / std::max(std::abs(static_cast<double>(x[j])), 1e-3));
    }
  }
  if (relative != nullptr) *relative = worst_relative;
  return worst;
}

template <class T>
Classifier<T> random_model(Architecture a, Index layers = 2) {
  Classifier<T> model(small_config(a, layers));
  randomise(model, 5);
  return model;
}

}  // namespace

TEST_CASE("save and load: the same bits in a format that holds them, else the nearest") {
  const TemporaryFolder folder;
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    const Classifier<float> narrow = random_model<float>(a);
    save_model(narrow, folder.path);
    LoadedModel<float> again = load_model<float>(folder.path);
    CHECK(largest_difference(narrow, *again.model) == 0);
    CHECK(again.ignored.empty());
    const Classifier<double> wide = random_model<double>(a);
    save_model(wide, folder.path, DType::f64);
    CHECK(largest_difference(wide, *load_model<double>(folder.path).model) == 0);
    for (const auto& [dtype, rounding] : {std::pair{DType::f16, 0x1p-11}, {DType::bf16, 0x1p-8}}) {
      save_model(wide, folder.path, dtype);
      double relative = 0;
      CHECK(largest_difference(wide, *load_model<double>(folder.path).model, &relative) > 0);
      CHECK(relative <= rounding);
    }
  }
}

TEST_CASE("save and load: models with switches, whose logits stay") {
  const TemporaryFolder folder;
  const auto survives = [&](const ClassifierConfig& config) {
    Classifier<double> model(config);
    randomise(model, 5);
    save_model(model, folder.path, DType::f64);
    const PackedTexts texts = random_texts(config, {3, 9}, 1);
    CHECK(logits_of(*load_model<double>(folder.path).model, texts) == logits_of(model, texts));
  };
  for (const Architecture a : kArchitectures) {
    ClassifierConfig config = small_config(a, 2);
    config.attention = AttentionKind::sigmoid;
    config.norm = Norm::rms;
    config.positions = Positions::rope;
    config.head_hidden = !config.head_hidden;
    survives(config);
    config.norm = Norm::none;
    config.positions = Positions::none;
    config.feed_forward_on = config.residual = false;
    survives(config);
  }
}

TEST_CASE("stored tensors: names and shapes are those of the golden files, no parameter twice or left out") {
  for (const char* a : kGolden) {
    const LoadedModel<float> loaded = load_model<float>(golden(a));
    const TensorFile file(golden(a) + "/model.safetensors");
    Index scalars = 0;
    for (const StoredTensor& tensor : stored_tensors(*loaded.model)) {
      CAPTURE(tensor.name);
      const TensorEntry* entry = file.find(tensor.name);
      REQUIRE(entry != nullptr);
      CHECK(std::equal(entry->shape.begin(), entry->shape.end(), tensor.shape.extent.begin()));
      scalars += tensor.shape.size();
    }
    CHECK(scalars == loaded.model->parameters().scalars());
  }
}

TEST_CASE("stored tensors: reading and writing are inverse, queries first in GPT-2's c_attn") {
  const Classifier<double> model = random_model<double>(Architecture::gpt2);
  Classifier<double> copy(model.config());
  std::vector<double> stored;
  for (const StoredTensor& tensor : stored_tensors(model)) {
    read_from_parameters(model.parameters(), tensor, Quantity::value, stored);
    write_to_parameters(stored, tensor, copy.parameters());
    if (tensor.name != "transformer.h.1.attn.c_attn.weight") continue;
    CHECK(tensor.shape == Shape{24, 72});
    const ParameterStore<double>& store = model.parameters();
    CHECK(stored[5 * 72 + 3] == store.value(store.find("blocks.1.attn.q.weight")).row(3)[5]);
    CHECK(stored[5 * 72 + 24 + 3] == store.value(store.find("blocks.1.attn.kv.weight")).row(3)[5]);
    CHECK(stored[5 * 72 + 48 + 3] == store.value(store.find("blocks.1.attn.kv.weight")).row(24 + 3)[5]);
  }
  CHECK(largest_difference(model, copy) == 0);
}

// --- variants of files -----------------------------------------------------------------------------------

namespace {

// The tensors of a model, to be changed before they are written.
struct TensorList {
  std::vector<std::vector<float>> values;
  std::vector<TensorToWrite> tensors;

  explicit TensorList(const Classifier<float>& model) {
    for (const StoredTensor& t : stored_tensors(model)) {
      values.emplace_back();
      read_from_parameters(model.parameters(), t, Quantity::value, values.back());
      tensors.push_back({t.name,
                         DType::f32,
                         {t.shape.extent.begin(), t.shape.extent.begin() + t.shape.rank},
                         std::span<const float>(values.back())});
    }
  }
  TensorList(const TensorList&) = delete;
  std::size_t place(const std::string& name) const {
    const auto found = std::ranges::find(tensors, name, &TensorToWrite::name);
    REQUIRE(found != tensors.end());
    return static_cast<std::size_t>(found - tensors.begin());
  }
  void write(const TemporaryFolder& folder, const Classifier<float>& model) const {
    folder.write("config.json", config_json(model.config()));
    write_safetensors(folder.file("model.safetensors"), tensors, {{"format", "pt"}});
  }
};

void replace(std::string& text, const std::string& from, const std::string& to) {
  if (const std::size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

// The message with which the folder cannot be loaded.
std::string refusal(const std::string& folder) {
  return test::error_of([&] { load_model<float>(folder); });
}

}  // namespace

TEST_CASE("load: names without the architecture's prefix, gamma and beta") {
  const TemporaryFolder folder;
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    const Classifier<float> model = random_model<float>(a);
    TensorList list(model);
    for (TensorToWrite& tensor : list.tensors) {
      for (const char* prefix : {"distilbert.", "roberta.", "bert.", "electra.", "albert.", "transformer."})
        if (tensor.name.starts_with(prefix)) {
          replace(tensor.name, prefix, "");
          break;
        }
      replace(tensor.name, "LayerNorm.weight", "LayerNorm.gamma");
      replace(tensor.name, "LayerNorm.bias", "LayerNorm.beta");
    }
    list.write(folder, model);
    CHECK(largest_difference(model, *load_model<float>(folder.path).model) == 0);
  }
}

TEST_CASE("load: prefixes of torch.compile and DataParallel") {
  const TemporaryFolder folder;
  const Classifier<float> model = random_model<float>(Architecture::bert);
  for (const char* prefix : {"_orig_mod.", "module.", "module._orig_mod.", "_orig_mod.module."}) {
    TensorList list(model);
    for (TensorToWrite& tensor : list.tensors) tensor.name = prefix + tensor.name;
    list.write(folder, model);
    CHECK(largest_difference(model, *load_model<float>(folder.path).model) == 0);
  }
}

TEST_CASE("load: integers where numbers are due, adapters, and weights of others are refused by name") {
  const TemporaryFolder folder;
  const Classifier<float> model = random_model<float>(Architecture::bert);
  TensorList list(model);
  TensorToWrite& whole = list.tensors[list.place("classifier.weight")];
  const std::vector<std::int64_t> integers(static_cast<std::size_t>(whole.shape[0] * whole.shape[1]), 1);
  whole.dtype = DType::i64;
  whole.values = std::span<const std::int64_t>(integers);
  list.write(folder, model);
  CHECK(refusal(folder.path)
            .ends_with("tensor \"classifier.weight\": found I64, wanted F32, F64, F16 or BF16: quantized "
                       "weights are not read"));
  std::filesystem::remove(folder.file("model.safetensors"));
  CHECK(refusal(folder.path).find(": found no weights, wanted model.safetensors or pytorch_model.bin") !=
        std::string::npos);
  folder.write("tf_model.h5", "x");
  CHECK(refusal(folder.path).find(": found tf_model.h5, wanted") != std::string::npos);
  std::filesystem::remove(folder.file("config.json"));
  folder.write("adapter_config.json", "{}");
  CHECK(refusal(folder.path) == folder.path + ": found an adapter (adapter_config.json), wanted a model");
}

TEST_CASE("load: buffers and heads that the model has no use for are listed") {
  const TemporaryFolder folder;
  const Classifier<float> model = random_model<float>(Architecture::gpt2);
  TensorList list(model);
  const std::vector<std::int64_t> positions = {0, 1, 2, 3};
  const std::vector<float> triangle = {1, 0, 1, 1};
  list.tensors.push_back(
      {"transformer.position_ids", DType::i64, {1, 4}, std::span<const std::int64_t>(positions)});
  list.tensors.push_back(
      {"transformer.h.0.attn.bias", DType::f32, {1, 1, 2, 2}, std::span<const float>(triangle)});
  list.write(folder, model);
  const LoadedModel<float> loaded = load_model<float>(folder.path);
  CHECK(loaded.ignored == std::vector<std::string>{"transformer.h.0.attn.bias", "transformer.position_ids"});
  CHECK(largest_difference(model, *loaded.model) == 0);
}

TEST_CASE("load: a missing tensor, a wrong shape, NaN: each names file and tensor") {
  const TemporaryFolder folder;
  const Classifier<float> model = random_model<float>(Architecture::bert);
  const std::string file = folder.file("model.safetensors");
  const std::string weight = "bert.encoder.layer.1.attention.self.key.weight";
  const auto refused = [&](const auto& change) {
    TensorList list(model);
    change(list);
    list.write(folder, model);
    return refusal(folder.path);
  };
  CHECK(refused([&](TensorList& l) {
          l.tensors.erase(l.tensors.begin() + std::ptrdiff_t(l.place(weight)));
        }) == concat(file, ": tensor \"", weight, "\" is missing"));
  CHECK(refused([&](TensorList& l) {
          l.tensors[l.place(weight)].shape = {12, 48};
        }) == concat(file, ": tensor \"", weight, "\": found shape (12, 48), wanted (24, 24) (config.json)"));
  CHECK(refused([&](TensorList& l) { l.tensors[l.place(weight)].shape = {576}; }) ==
        concat(file, ": tensor \"", weight, "\": found shape (576), wanted (24, 24) (config.json)"));
  for (const float bad : {NAN, INFINITY})
    CHECK(refused([&](TensorList& l) { l.values[l.place(weight)][7] = bad; }) ==
          concat(file, ": tensor \"", weight, "\": found NaN or Inf, wanted finite numbers"));
}

TEST_CASE("load: missing folder, configuration or tensors") {
  const TemporaryFolder folder;
  CHECK(refusal(folder.file("nowhere")) == folder.file("nowhere: found no such model folder"));
  CHECK(refusal(folder.path).starts_with(folder.file("config.json: ")));
  folder.write("config.json", config_json(small_config(Architecture::bert, 1)));
  CHECK(refusal(folder.path) ==
        concat(folder.path,
               ": found no weights, wanted model.safetensors or pytorch_model.bin, or one of them in shards "
               "with its .index.json"));
  folder.write("model.safetensors", "half a file");
  CHECK(refusal(folder.path).starts_with(folder.file("model.safetensors: ")));
}

namespace {

// Two shards, every second tensor in each, and their index.
Json write_shards(const TemporaryFolder& folder, const Classifier<float>& model) {
  const TensorList list(model);
  std::vector<TensorToWrite> shards[2];
  Json index;
  for (std::size_t i = 0; i < list.tensors.size(); ++i) {
    shards[i % 2].push_back(list.tensors[i]);
    index["weight_map"][list.tensors[i].name] = i % 2 == 0 ? "a.safetensors" : "b.safetensors";
  }
  write_safetensors(folder.file("a.safetensors"), shards[0], {});
  write_safetensors(folder.file("b.safetensors"), shards[1], {});
  folder.write("config.json", config_json(model.config()));
  folder.write("model.safetensors.index.json", index.dump());
  return index;
}

}  // namespace

TEST_CASE("load: shards") {
  const TemporaryFolder folder;
  const Classifier<float> model = random_model<float>(Architecture::distilbert);
  write_shards(folder, model);
  CHECK(largest_difference(model, *load_model<float>(folder.path).model) == 0);
}

TEST_CASE("load: bad shards and indices name the file") {
  const TemporaryFolder folder;
  const Classifier<float> model = random_model<float>(Architecture::distilbert);
  Json index = write_shards(folder, model);
  const std::string path = folder.file("model.safetensors.index.json");
  const auto refused = [&](const Json& changed) {
    folder.write("model.safetensors.index.json", changed.dump());
    return refusal(folder.path);
  };
  for (const char* name : {"../a.safetensors", "/etc/passwd", ""}) {
    Json changed = index;
    changed["weight_map"]["classifier.weight"] = name;
    CHECK(refused(changed) == concat(path, ": tensor \"classifier.weight\": found file \"", name,
                                     "\", wanted a name in this folder"));
  }
  Json changed = index;
  changed["weight_map"]["classifier.weight"] = 3;
  CHECK(refused(changed) ==
        concat(path, ": tensor \"classifier.weight\": found file 3, wanted a name in this folder"));
  CHECK(refused({{"weight_map", Json::object()}}) == concat(path, ": field \"weight_map\": found no files"));
  CHECK(refused({{"metadata", 1}}).starts_with(concat(path, ": field \"weight_map\"")));
  std::filesystem::copy_file(folder.file("a.safetensors"), folder.file("c.safetensors"));
  changed = index;
  changed["weight_map"]["classifier.weight"] = "c.safetensors";
  CHECK(refused(changed).find("is there twice") != std::string::npos);
  std::filesystem::remove(folder.file("b.safetensors"));
  CHECK(refused(index).starts_with(folder.file("b.safetensors: ")));
}

TEST_CASE("save: makes the folder, and refuses one that cannot be made") {
  const TemporaryFolder folder;
  const Classifier<float> model = random_model<float>(Architecture::bert, 1);
  save_model(model, folder.file("new/model"));
  CHECK(largest_difference(model, *load_model<float>(folder.file("new/model")).model) == 0);
  folder.write("taken", "a file");
  CHECK_THROWS_AS(save_model(model, folder.file("taken")), Error);
}
