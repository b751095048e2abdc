#include "slalom/model_io/fully_connected_folder.hpp"

#include <nlohmann/json.hpp>

#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/model_io/safetensors.hpp"

namespace slalom {

namespace {

constexpr const char* kModelType = "slalom_fully_connected";

// The sizes, once for reading and writing.
constexpr std::pair<const char*, Index FullyConnectedConfig::*> kSizes[] = {
    {"context", &FullyConnectedConfig::context},
    {"embedding_size", &FullyConnectedConfig::width},
    {"hidden_size", &FullyConnectedConfig::hidden},
    {"vocab_size", &FullyConnectedConfig::vocabulary},
    {"num_labels", &FullyConnectedConfig::labels}};

}  // namespace

template <class T>
void save_fully_connected(const FullyConnected<T>& model, std::uint64_t seed, const std::string& folder) {
  const FullyConnectedConfig& config = model.config();
  Json json;
  json["model_type"] = kModelType;
  for (const auto& [name, member] : kSizes) json[name] = config.*member;
  json["filler_token_id"] = config.padding;
  json["embedding_deviation"] = config.embedding_deviation;
  json["seed"] = std::to_string(seed);
  const ParameterStore<T>& parameters = model.parameters();
  std::vector<TensorToWrite> tensors;
  tensors.reserve(static_cast<std::size_t>(parameters.count()));
  for (int i = 0; i < parameters.count(); ++i)
    tensors.push_back({parameters.name({i}), sizeof(T) == 8 ? DType::f64 : DType::f32,
                       extents(parameters.shape({i})), std::span<const T>(parameters.value({i}).span())});
  StagedFiles staged(folder, "config.json");
  write_file(staged.path() + "/config.json", json.dump(1) + "\n");
  write_safetensors(staged.path() + "/model.safetensors", tensors, {});
  staged.commit();
}

template <class T>
std::unique_ptr<FullyConnected<T>> load_fully_connected(const std::string& folder) {
  constexpr Index kLargest = 1 << 16;
  const std::string path = folder + "/config.json";
  const Json json = read_json(path);
  if (const std::string type = require_string(json, "model_type", path); type != kModelType)
    throw Error(concat(path, ": field \"model_type\": found \"", type, "\", wanted \"", kModelType, "\""));
  FullyConnectedConfig config;
  for (const auto& [name, member] : kSizes) config.*member = require_integer(json, name, path, 1, kLargest);
  config.padding =
      static_cast<TokenId>(require_integer(json, "filler_token_id", path, 0, config.vocabulary - 1));
  config.embedding_deviation = require_number(json, "embedding_deviation", path);
  // All 64 bits, which a JSON number does not carry everywhere.
  const std::string digits = require_string(json, "seed", path);
  const auto seed = parse_number<std::uint64_t>(digits);
  if (!seed) throw Error(concat(path, ": field \"seed\": found \"", digits, "\", wanted a whole number"));
  auto model = std::make_unique<FullyConnected<T>>(config, *seed);
  const TensorFile file(folder + "/model.safetensors");
  ParameterStore<T>& parameters = model->parameters();
  for (int i = 0; i < parameters.count(); ++i) {
    const TensorEntry* entry = file.find(parameters.name({i}));
    if (entry == nullptr)
      throw Error(concat(file.path(), ": tensor \"", parameters.name({i}), "\" is missing"));
    file.read_parameter(*entry, parameters.shape({i}), parameters.value({i}).span());
  }
  return model;
}

template void save_fully_connected(const FullyConnected<float>&, std::uint64_t, const std::string&);
template void save_fully_connected(const FullyConnected<double>&, std::uint64_t, const std::string&);
template std::unique_ptr<FullyConnected<float>> load_fully_connected(const std::string&);
template std::unique_ptr<FullyConnected<double>> load_fully_connected(const std::string&);

}  // namespace slalom
