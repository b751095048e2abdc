// Model folders in the Hugging Face layout: config.json and model.safetensors or pytorch_model.bin, or shards
// of one of them with their .index.json.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "slalom/base/json.hpp"
#include "slalom/model_io/tensor_file.hpp"
#include "slalom/nn/classifier.hpp"

namespace slalom {

/// The configuration that a config.json describes. Throws Error naming `where`, the field, what was found and
/// what was wanted for a missing or mistyped field, an unknown model_type, and features that would change the
/// numbers (relative positions, cross-attention, scaled attention by layer …). Our own switches are in an
/// object "slalom"; without it they are Hugging Face's.
ClassifierConfig parse_config(std::string_view json, const std::string& where);
ClassifierConfig read_config(const std::string& folder);
/// The way back: a config.json that Hugging Face's library reads.
std::string config_json(const ClassifierConfig& config, DType dtype = DType::f32);

template <class T>
struct LoadedModel {
  std::unique_ptr<Classifier<T>> model;
  std::vector<std::string> ignored;  // tensors of the files that the model has no use for
  std::vector<std::string> files;    // that hold the weights
  DType dtype = DType::f32;          // the widest of the weights
};

/// Reads a folder: model.safetensors, else pytorch_model.bin, each perhaps in shards. Accepts names without
/// the architecture's prefix ("bert." …) or with those of torch.compile and DataParallel, LayerNorm.gamma and
/// .beta, and F16, BF16, F32 or F64 tensors. Throws Error for a missing file, a missing tensor or one of
/// another shape, NaN or Inf in a tensor, naming file and tensor.
template <class T>
LoadedModel<T> load_model(const std::string& folder);

/// Writes config.json and model.safetensors into the folder, which then has both or no config.json; dtype is
/// F32, F16, BF16 or F64.
template <class T>
void save_model(const Classifier<T>& model, const std::string& folder, DType dtype = DType::f32);

}  // namespace slalom
