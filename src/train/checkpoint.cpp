// Checkpoints: one safetensors file with the blocks of values and optimiser state, the stamps of sparse rows,
// and the sums of the epoch under way. Everything random is a function of seed and step, so nothing else
// needs to be kept.
#include <nlohmann/json.hpp>

#include "slalom/base/json.hpp"
#include "slalom/model_io/safetensors.hpp"
#include "slalom/train/trainer.hpp"

namespace slalom {

namespace {

template <class T>
constexpr DType kDType = sizeof(T) == 4 ? DType::f32 : DType::f64;

// Fails with the first setting in which two runs differ.
void check_settings(const std::string& stored, const std::string& wanted, const std::string& file) {
  const Json was = parse_json(stored, file + ": settings"), now = parse_json(wanted, "settings");
  if (was == now) return;
  const Json was_flat = was.flatten(), now_flat = now.flatten();
  for (const auto& [field, value] : now_flat.items()) {
    const std::string found = was_flat.contains(field) ? was_flat[field].dump() : "nothing";
    if (found != value.dump())
      throw Error(
          concat(file, ": setting \"", field.substr(1), "\": found ", found, ", wanted ", value.dump()),
          "resume with the settings of the first run, or start anew without --resume");
  }
  throw Error(file + ": the checkpoint has settings that this run has not");
}

}  // namespace

template <class T>
void Trainer<T>::save_checkpoint() {
  if (config_.checkpoint.empty()) return;
  check_finite_values();
  std::vector<TensorToWrite> tensors;
  const auto add = [&](const std::string& name, std::span<const T> values) {
    tensors.push_back({name, kDType<T>, {static_cast<Index>(values.size())}, values});
  };
  add("values", model_.parameters().values());
  for (const StateBlock<T>& block : optimizer_.state()) add("state." + block.name, block.values);
  for (const LazyRowSteps& stamps : optimizer_.lazy_row_steps())
    tensors.push_back({"stamps." + stamps.parameter,
                       DType::i64,
                       {static_cast<Index>(stamps.steps.size())},
                       std::span<const std::int64_t>(stamps.steps)});
  const double sums[] = {sums_.loss, static_cast<double>(sums_.texts), static_cast<double>(sums_.correct),
                         static_cast<double>(sums_.tokens)};
  tensors.push_back({"epoch_sums", DType::f64, {4}, std::span<const double>(sums)});
  const auto epochs = static_cast<Index>(held_out_losses_.size());
  if (config_.held_out != nullptr && epochs > 0) {
    add("best", best_);
    tensors.push_back({"held_out_loss", DType::f64, {epochs}, std::span<const double>(held_out_losses_)});
  }
  write_safetensors(config_.checkpoint, tensors,
                    {{"steps", std::to_string(optimizer_.steps())}, {"settings", config_.settings}});
}

namespace {

// A count that was stored as, or read into, a double.
Index count_of(double found, Index most, const TensorFile& file, const std::string& tensor) {
  if (!(found >= 0 && found <= static_cast<double>(most)))
    throw Error(concat(file.path(), ": tensor \"", tensor, "\": found ", found, ", wanted 0 to ", most));
  return static_cast<Index>(found);
}

}  // namespace

template <class T>
void Trainer<T>::load_checkpoint() {
  const TensorFile file(config_.checkpoint);
  const auto& metadata = file.header().metadata;
  const auto field = [&](const char* name) {
    const auto found = metadata.find(name);
    if (found == metadata.end())
      throw Error(concat(file.path(), ": field \"", name, "\" is missing, this is no checkpoint"));
    return found->second;
  };
  check_settings(field("settings"), config_.settings, file.path());
  const Json steps = parse_json("{\"steps\":" + field("steps") + "}", file.path());
  optimizer_.set_steps(require_integer(steps, "steps", file.path(), 0, total_steps()));
  const auto read = [&](const std::string& name, auto out) {
    const TensorEntry* entry = file.find(name);
    if (entry == nullptr) throw Error(concat(file.path(), ": tensor \"", name, "\" is missing"));
    file.read(*entry, out);
  };
  read("values", model_.parameters().values());
  for (const StateBlock<T>& block : optimizer_.state()) read("state." + block.name, block.values);
  for (const LazyRowSteps& stamps : optimizer_.lazy_row_steps()) {
    const std::string name = "stamps." + stamps.parameter;
    std::vector<double> found(stamps.steps.size());
    read(name, std::span<double>(found));
    std::ranges::transform(found, stamps.steps.begin(),
                           [&](double s) { return count_of(s, optimizer_.steps(), file, name); });
  }
  double sums[4];
  read("epoch_sums", std::span<double>(sums));
  const auto count = [&](double found, Index most) { return count_of(found, most, file, "epoch_sums"); };
  const Index texts = count(sums[1], data_.texts_per_epoch());
  if (const TensorEntry* losses = file.find("held_out_loss");
      config_.held_out != nullptr && losses != nullptr) {
    held_out_losses_.resize(losses->elements());
    best_.resize(static_cast<std::size_t>(model_.parameters().block_size()));
    read("held_out_loss", std::span<double>(held_out_losses_));
    read("best", std::span<T>(best_));
  }
  sums_ = {sums[0], texts, count(sums[2], texts), count(sums[3], Index{1} << 53)};
}

template void Trainer<float>::save_checkpoint();
template void Trainer<double>::save_checkpoint();
template void Trainer<float>::load_checkpoint();
template void Trainer<double>::load_checkpoint();

}  // namespace slalom
