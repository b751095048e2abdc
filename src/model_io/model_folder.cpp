#include "slalom/model_io/model_folder.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/model_io/folder_file.hpp"
#include "slalom/model_io/safetensors.hpp"
#include "slalom/model_io/stored_tensors.hpp"

namespace slalom {

namespace {

// The weights of a folder: one file, or its shards.
std::vector<std::string> weight_files(const std::string& folder) {
  for (const char* name : {"/model.safetensors", "/pytorch_model.bin"}) {
    const std::string single = folder + name, index = single + ".index.json";
    if (is_there(single)) return {single};
    if (!is_there(index)) continue;
    std::set<std::string> shards;
    const Json json = read_json(index);
    for (const auto& [tensor, file] : require_object(json, "weight_map", index).items()) {
      const std::string shard = file.is_string() ? file.get<std::string>() : "";
      if (shard.empty() || shard.find('/') != std::string::npos)
        throw Error(concat(index, ": tensor \"", tensor, "\": found file ", file.dump().substr(0, 60),
                           ", wanted a name in this folder"));
      shards.insert(concat(folder, "/", shard));
    }
    if (shards.empty()) throw Error(concat(index, ": field \"weight_map\": found no files"));
    return {shards.begin(), shards.end()};
  }
  std::string found = "no weights";
  for (const char* other : {"adapter_model.safetensors", "adapter_model.bin", "tf_model.h5",
                            "flax_model.msgpack", "model.onnx", "rust_model.ot"})
    if (std::filesystem::exists(concat(folder, "/", other))) found = other;
  throw Error(concat(folder, ": found ", found, ", wanted model.safetensors or pytorch_model.bin, or one of ",
                     "them in shards with its .index.json"));
}

// What torch.compile and DataParallel put before all names.
std::string without_wrappers(std::string name) {
  for (const std::string prefix : {"module.", "_orig_mod.", "module."})
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  return name;
}

// What names of one tensor have in common: older checkpoints have no prefix (a bare encoder's names), and
// gamma and beta for LayerNorm's weight and bias.
std::string key_of(std::string name) {
  for (const std::string prefix : {"bert.", "distilbert.", "roberta.", "electra.", "albert.", "transformer."})
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  if (name.ends_with("LayerNorm.gamma")) name.replace(name.size() - 5, 5, "weight");
  if (name.ends_with("LayerNorm.beta")) name.replace(name.size() - 4, 4, "bias");
  return name;
}

class TensorFiles {
 public:
  struct Place {
    const TensorFile* file;
    const TensorEntry* entry;
    bool used = false;
  };

  explicit TensorFiles(const std::string& folder) {
    for (const std::string& path : weight_files(folder)) {
      is_there(path);
      files_.emplace_back(path);
    }
    for (const TensorFile& file : files_)
      for (const TensorEntry& entry : file.header().tensors)
        if (!places_.emplace(key_of(without_wrappers(entry.name)), Place{&file, &entry}).second)
          throw Error(concat(file.path(), ": tensor \"", entry.name, "\" is there twice"));
  }

  Place find(const std::string& name) {
    const auto found = places_.find(key_of(name));
    if (found == places_.end())
      throw Error(concat(files_.front().path(), ": tensor \"", name, "\" is missing"));
    found->second.used = true;
    return found->second;
  }

  std::vector<std::string> paths() const {
    std::vector<std::string> paths;
    for (const TensorFile& file : files_) paths.push_back(file.path());
    return paths;
  }

  std::vector<std::string> unused() const {
    std::vector<std::string> names;
    for (const auto& [key, place] : places_)
      if (!place.used) names.push_back(without_wrappers(place.entry->name));
    std::ranges::sort(names);
    return names;
  }

 private:
  std::vector<TensorFile> files_;
  std::map<std::string, Place> places_;
};

// The block that a tensor of a checkpoint belongs to: the number behind "layer." or "h."; −1 for others.
Index block_of(const std::string& tensor) {
  const std::vector<std::string> parts = split(tensor, '.');
  for (std::size_t i = 0; i + 1 < parts.size(); ++i)
    if (parts[i] == "layer" || parts[i] == "h") return parse_number<Index>(parts[i + 1]).value_or(-1);
  return -1;
}

}  // namespace

template <class T>
LoadedModel<T> load_model(const std::string& folder) {
  if (!std::filesystem::is_directory(folder)) throw Error(concat(folder, ": found no such model folder"));
  LoadedModel<T> loaded{std::make_unique<Classifier<T>>(read_config(folder)), {}, {}, {}};
  TensorFiles files(folder);
  std::vector<T> values;
  std::set<DType> dtypes;
  for (const StoredTensor& tensor : stored_tensors(*loaded.model)) {
    const auto [file, entry, used] = files.find(tensor.name);
    dtypes.insert(entry->dtype);
    values.resize(static_cast<std::size_t>(tensor.shape.size()));
    file->read_parameter(*entry, tensor.shape, std::span<T>(values));
    if (tensor.pieces.empty() && !std::ranges::all_of(values, [](T x) { return x == T{0}; }))
      throw Error(concat(file->path(), ": tensor \"", entry->name,
                         "\": found positions, wanted zeros (config.json: no positions)"));
    write_to_parameters(values, tensor, loaded.model->parameters());
  }
  loaded.ignored = files.unused();
  loaded.files = files.paths();
  loaded.dtype = dtypes.size() == 1 ? *dtypes.begin() : std::min(*dtypes.begin(), DType::f32);
  for (const std::string& name : loaded.ignored)
    if (block_of(name) >= loaded.model->config().layers)
      throw Error(concat(folder, ": tensor \"", name, "\" belongs to block ", block_of(name),
                         ", config.json has ", loaded.model->config().layers, " blocks"));
  return loaded;
}

template <class T>
void save_model(const Classifier<T>& model, const std::string& folder, DType dtype) {
  StagedFiles staged(folder, "config.json");
  std::vector<std::vector<T>> values;
  std::vector<TensorToWrite> tensors;
  for (const StoredTensor& tensor : stored_tensors(model)) {
    values.emplace_back();
    read_from_parameters(model.parameters(), tensor, Quantity::value, values.back());
    tensors.push_back({tensor.name, dtype, extents(tensor.shape), std::span<const T>(values.back())});
  }
  write_file(staged.path() + "/config.json", config_json(model.config(), dtype));
  write_safetensors(staged.path() + "/model.safetensors", tensors, {{"format", "pt"}});
  staged.commit();
}

template LoadedModel<float> load_model(const std::string&);
template LoadedModel<double> load_model(const std::string&);
template void save_model(const Classifier<float>&, const std::string&, DType);
template void save_model(const Classifier<double>&, const std::string&, DType);

}  // namespace slalom
