// The fully connected baseline on disk: config.json, which says what was frozen and how it was drawn, and the
// trained parameters in model.safetensors. A format of our own: Hugging Face has no such model.
#pragma once

#include <memory>
#include <string>

#include "slalom/nn/fully_connected.hpp"

namespace slalom {

/// `seed` is the one that the model was made with: its embeddings are drawn from it again. The folder then
/// has both files, or no config.json.
template <class T>
void save_fully_connected(const FullyConnected<T>& model, std::uint64_t seed, const std::string& folder);

/// Throws Error naming file and field or tensor for a missing or mistyped field, another model_type, and a
/// tensor that is missing, of another shape, or holds NaN or Inf.
template <class T>
std::unique_ptr<FullyConnected<T>> load_fully_connected(const std::string& folder);

}  // namespace slalom
