#include "slalom/model_io/model_folder.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "slalom/base/files.hpp"
#include "slalom/model_io/folder_file.hpp"
#include "slalom/model_io/stored_tensors.hpp"

namespace slalom {

namespace {

// The tensors of a folder, whether in one file or in shards.
class TensorFiles {
 public:
  explicit TensorFiles(const std::string& folder) : folder_(folder) {
    for (const char* name : {"/model.safetensors", "/pytorch_model.bin"}) {
      const std::string single = folder + name, index = single + ".index.json";
      if (!files_.empty()) break;
      if (is_there(single))
        files_.emplace_back(single);
      else if (is_there(index))
        open_shards(index);
    }
    if (files_.empty()) refuse_folder();
    for (const TensorFile& file : files_)
      for (const TensorEntry& entry : file.header().tensors)
        if (!where_.emplace(without_wrappers(entry.name), std::pair{&file, &entry}).second)
          throw Error(concat(file.path(), ": tensor \"", entry.name, "\" is there twice"));
  }

  /// The tensor under its own name or one of its variants; throws if there is none.
  const std::pair<const TensorFile*, const TensorEntry*>& find(const std::string& name) {
    for (const std::string& variant : variants(name))
      if (const auto found = where_.find(variant); found != where_.end()) {
        used_.insert(variant);
        return found->second;
      }
    throw Error(concat(files_.front().path(), ": tensor \"", name, "\" is missing"));
  }

  std::vector<std::string> paths() const {
    std::vector<std::string> paths;
    for (const TensorFile& file : files_) paths.push_back(file.path());
    return paths;
  }

  std::vector<std::string> unused() const {
    std::vector<std::string> names;
    for (const auto& [name, place] : where_)
      if (!used_.contains(name)) names.push_back(name);
    return names;
  }

 private:
  void open_shards(const std::string& index) {
    const Json json = read_json(index);
    std::set<std::string> shards;
    const Json& map = require_object(json, "weight_map", index);
    for (const auto& [tensor, file] : map.items()) {
      const std::string shard = require_string(map, tensor, index + ": weight_map");
      if (shard.empty() || shard.find('/') != std::string::npos)
        throw Error(concat(index, ": tensor \"", tensor, "\": found file \"", shard,
                           "\", wanted a name in this folder"));
      shards.insert(shard);
    }
    if (shards.empty()) throw Error(concat(index, ": field \"weight_map\": found no files"));
    files_.reserve(shards.size());
    for (const std::string& shard : shards) {
      is_there(folder_ + "/" + shard);
      files_.emplace_back(folder_ + "/" + shard);
    }
  }

  [[noreturn]] void refuse_folder() const {
    const std::pair<const char*, const char*> others[] = {{"adapter_model.safetensors", "an adapter"},
                                                          {"adapter_model.bin", "an adapter"},
                                                          {"tf_model.h5", "TensorFlow's weights"},
                                                          {"flax_model.msgpack", "Flax's weights"},
                                                          {"model.onnx", "an ONNX graph"},
                                                          {"rust_model.ot", "weights for Rust"}};
    std::string found = "no weights";
    for (const auto& [name, what] : others)
      if (std::filesystem::exists(folder_ + "/" + name)) found = concat(what, " (", name, ")");
    throw Error(concat(folder_, ": found ", found,
                       ", wanted model.safetensors or pytorch_model.bin, or one of them ",
                       "in shards with its .index.json"));
  }

  // What torch.compile and DataParallel put before all names.
  static std::string without_wrappers(std::string name) {
    for (const std::string prefix : {"module.", "_orig_mod.", "module."})
      if (name.starts_with(prefix)) name.erase(0, prefix.size());
    return name;
  }

  // Older checkpoints: no prefix (a bare encoder's names), gamma and beta for LayerNorm's weight and bias.
  static std::vector<std::string> variants(const std::string& name) {
    std::vector<std::string> list = {name};
    for (const char* prefix : {"bert.", "distilbert.", "roberta.", "electra.", "albert.", "transformer."})
      if (name.starts_with(prefix)) {
        list.push_back(name.substr(std::string(prefix).size()));
        break;
      }
    const std::size_t plain = list.size();
    for (std::size_t i = 0; i < plain; ++i)
      for (const auto& [now, before] :
           {std::pair{"LayerNorm.weight", "LayerNorm.gamma"}, std::pair{"LayerNorm.bias", "LayerNorm.beta"}})
        if (list[i].ends_with(now))
          list.push_back(list[i].substr(0, list[i].size() - std::string(now).size()) + before);
    return list;
  }

  std::string folder_;
  std::vector<TensorFile> files_;
  std::map<std::string, std::pair<const TensorFile*, const TensorEntry*>> where_;
  std::set<std::string> used_;
};

std::vector<Index> extents(const Shape& shape) {
  return {shape.extent.begin(), shape.extent.begin() + shape.rank};
}

std::string describe(const std::vector<Index>& shape) {
  std::string out = "(";
  for (std::size_t a = 0; a < shape.size(); ++a) out += (a ? ", " : "") + std::to_string(shape[a]);
  return out + ")";
}

// The block that a tensor of a checkpoint belongs to: the number behind "layer." or "h."; −1 for others.
Index block_of(const std::string& tensor) {
  for (const char* marker : {"layer.", "h."}) {
    const std::size_t at = tensor.find(marker);
    if (at == std::string::npos || (at > 0 && tensor[at - 1] != '.')) continue;
    const char* digits = tensor.data() + at + std::string_view(marker).size();
    Index number = -1;
    std::from_chars(digits, tensor.data() + tensor.size(), number);
    return number;
  }
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
    const auto& [file, entry] = files.find(tensor.name);
    if (entry->shape != extents(tensor.shape))
      throw Error(concat(file->path(), ": tensor \"", entry->name, "\": found shape ", describe(entry->shape),
                         ", wanted ", to_string(tensor.shape), " (config.json)"));
    if (!is_floating(entry->dtype))
      throw Error(concat(file->path(), ": tensor \"", entry->name, "\": found ", dtype_name(entry->dtype),
                         ", wanted F32, F64, F16 or BF16: quantized weights are not read"));
    dtypes.insert(entry->dtype);
    values.resize(static_cast<std::size_t>(tensor.shape.size()));
    file->read(*entry, std::span<T>(values));
    if (!std::ranges::all_of(values, [](T x) { return std::isfinite(x); }))
      throw Error(
          concat(file->path(), ": tensor \"", entry->name, "\": found NaN or Inf, wanted finite numbers"));
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
