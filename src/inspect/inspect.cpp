#include "slalom/inspect/inspect.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/model_io/stored_tensors.hpp"
#include "slalom/ops/elementwise.hpp"
#include "slalom/train/loss.hpp"

namespace slalom {

namespace {

// Rows of the tensor lie `stride` apart: columns of a wider matrix are copied out.
template <class T>
NamedValues<T> copy_out(const NamedTensor<T>& from, std::vector<Index> shape) {
  NamedValues<T> out{to_string(from.name), std::move(shape), {}};
  const Index columns = from.tensor.columns();
  for (Index r = 0; r < from.tensor.rows(); ++r) {
    const T* row = from.tensor.data + r * from.stride;
    out.data.insert(out.data.end(), row, row + columns);
  }
  return out;
}

// The shape for one text: what is (1, D) on the tape is the read-out row's (D).
template <class T>
std::vector<Index> shape_for_text(const NamedTensor<T>& from, Index heads, Index S) {
  if (std::string(from.name.stem) == "attn.pattern") return {heads, S, S};
  const bool row_each = from.name.layer >= 0 || std::string(from.name.stem).starts_with("embed");
  if (row_each) return {S, from.tensor.columns()};
  return {from.tensor.columns()};
}

void check_names(const ClassifierConfig& config, const std::vector<std::string>& wanted) {
  const std::vector<ActivationInfo> known = activation_names(config);
  for (const std::string& name : wanted)
    if (std::ranges::none_of(known, [&](const ActivationInfo& info) { return info.name == name; }))
      throw UsageError("activation \"" + name + "\" does not exist in this model",
                       "slalom inspect names lists them");
}

template <class T>
std::vector<NamedValues<T>> stored(const Classifier<T>& model, Quantity quantity) {
  std::vector<NamedValues<T>> list;
  for (const StoredTensor& tensor : stored_tensors(model)) {
    NamedValues<T> values{
        tensor.name, {tensor.shape.extent.begin(), tensor.shape.extent.begin() + tensor.shape.rank}, {}};
    read_from_parameters(model.parameters(), tensor, quantity, values.data);
    list.push_back(std::move(values));
  }
  return list;
}

}  // namespace

template <class T>
std::vector<NamedValues<T>> activations(Classifier<T>& model, std::span<const TokenId> ids,
                                        std::span<const TokenId> types,
                                        const std::vector<std::string>& wanted) {
  check_names(model.config(), wanted);
  Tape<T> tape;
  model.forward(tape, packed(ids, types),
                {.last_block = ForwardOptions::LastBlock::all_rows, .patterns = true});
  std::vector<NamedValues<T>> list;
  for (const NamedTensor<T>& named : tape.names())
    if (wanted.empty() || std::ranges::find(wanted, to_string(named.name)) != wanted.end())
      list.push_back(copy_out(named, shape_for_text(named, model.config().heads, std::ssize(ids))));
  return list;
}

template <class T>
std::vector<AttentionPattern<T>> attention_patterns(Classifier<T>& model, std::span<const TokenId> ids,
                                                    std::span<const TokenId> types) {
  std::vector<std::string> names;
  for (Index l = 0; l < model.config().layers; ++l) names.push_back(concat("blocks.", l, ".attn.pattern"));
  const Index S = static_cast<Index>(ids.size());
  std::vector<AttentionPattern<T>> list;
  Index layer = 0;
  for (const NamedValues<T>& all : activations(model, ids, types, names)) {
    for (Index h = 0; h < model.config().heads; ++h) {
      const auto first = all.data.begin() + h * S * S;
      list.push_back({layer, h, {all.name, {S, S}, {first, first + S * S}}});
    }
    ++layer;
  }
  return list;
}

template <class T>
std::vector<NamedValues<T>> loss_gradients(Classifier<T>& model, const PackedBatch& batch, T* loss) {
  constexpr Index kRowsAtOnce = 2048;  // bounds the memory of the tape
  Tape<T> tape;
  model.parameters().clear_gradients();
  T total = 0;
  PackedBatch part;
  for (Index b = 0; b < batch.texts();) {
    part.clear();
    do {
      part.add(batch.text(b), batch.labels[static_cast<std::size_t>(b)], batch.types_of(b),
               batch.targets_of(b));
      ++b;
    } while (b < batch.texts() && part.rows() + batch.begin[static_cast<std::size_t>(b) + 1] -
                                          batch.begin[static_cast<std::size_t>(b)] <=
                                      kRowsAtOnce);
    tape.reset();
    const Var mean = slalom::loss(tape, model.forward(tape, part, {}), part, model.problem());
    const Var share = scale(tape, mean, static_cast<T>(part.texts()) / static_cast<T>(batch.texts()));
    tape.backward(share);
    total += tape.value(share).data[0];
  }
  model.parameters().finish_gradients();
  if (loss != nullptr) *loss = total;
  return stored(model, Quantity::gradient);
}

template <class T>
std::vector<NamedValues<T>> parameter_values(const Classifier<T>& model) {
  return stored(model, Quantity::value);
}

template <class T>
double norm(const std::vector<T>& values) {
  double sum = 0;
  for (T x : values) sum += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(sum);
}

#define SLALOM_INSTANTIATE(T)                                                                               \
  template std::vector<NamedValues<T>> activations(                                                         \
      Classifier<T>&, std::span<const TokenId>, std::span<const TokenId>, const std::vector<std::string>&); \
  template std::vector<AttentionPattern<T>> attention_patterns(Classifier<T>&, std::span<const TokenId>,    \
                                                               std::span<const TokenId>);                   \
  template std::vector<NamedValues<T>> loss_gradients(Classifier<T>&, const PackedBatch&, T*);              \
  template std::vector<NamedValues<T>> parameter_values(const Classifier<T>&);                              \
  template double norm(const std::vector<T>&);
SLALOM_INSTANTIATE(float)
SLALOM_INSTANTIATE(double)
#undef SLALOM_INSTANTIATE

}  // namespace slalom
