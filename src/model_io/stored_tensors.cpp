#include "slalom/model_io/stored_tensors.hpp"

#include <algorithm>

namespace slalom {

namespace {

// Names of one architecture; "{}" stands for the layer.
struct Names {
  const char *token, *position, *type, *embedding_norm;
  const char *query, *key, *value, *attention_out, *norm1, *feed_forward_in, *feed_forward_out, *norm2;
  const char *final_norm, *head_hidden, *head_out;
};

constexpr Names kBert{"bert.embeddings.word_embeddings",
                      "bert.embeddings.position_embeddings",
                      "bert.embeddings.token_type_embeddings",
                      "bert.embeddings.LayerNorm",
                      "bert.encoder.layer.{}.attention.self.query",
                      "bert.encoder.layer.{}.attention.self.key",
                      "bert.encoder.layer.{}.attention.self.value",
                      "bert.encoder.layer.{}.attention.output.dense",
                      "bert.encoder.layer.{}.attention.output.LayerNorm",
                      "bert.encoder.layer.{}.intermediate.dense",
                      "bert.encoder.layer.{}.output.dense",
                      "bert.encoder.layer.{}.output.LayerNorm",
                      nullptr,
                      "bert.pooler.dense",
                      "classifier"};
constexpr Names kDistilbert{"distilbert.embeddings.word_embeddings",
                            "distilbert.embeddings.position_embeddings",
                            nullptr,
                            "distilbert.embeddings.LayerNorm",
                            "distilbert.transformer.layer.{}.attention.q_lin",
                            "distilbert.transformer.layer.{}.attention.k_lin",
                            "distilbert.transformer.layer.{}.attention.v_lin",
                            "distilbert.transformer.layer.{}.attention.out_lin",
                            "distilbert.transformer.layer.{}.sa_layer_norm",
                            "distilbert.transformer.layer.{}.ffn.lin1",
                            "distilbert.transformer.layer.{}.ffn.lin2",
                            "distilbert.transformer.layer.{}.output_layer_norm",
                            nullptr,
                            "pre_classifier",
                            "classifier"};
constexpr Names kRoberta{"roberta.embeddings.word_embeddings",
                         "roberta.embeddings.position_embeddings",
                         "roberta.embeddings.token_type_embeddings",
                         "roberta.embeddings.LayerNorm",
                         "roberta.encoder.layer.{}.attention.self.query",
                         "roberta.encoder.layer.{}.attention.self.key",
                         "roberta.encoder.layer.{}.attention.self.value",
                         "roberta.encoder.layer.{}.attention.output.dense",
                         "roberta.encoder.layer.{}.attention.output.LayerNorm",
                         "roberta.encoder.layer.{}.intermediate.dense",
                         "roberta.encoder.layer.{}.output.dense",
                         "roberta.encoder.layer.{}.output.LayerNorm",
                         nullptr,
                         "classifier.dense",
                         "classifier.out_proj"};
// One c_attn holds query, key and value side by side.
constexpr Names kGpt2{"transformer.wte",
                      "transformer.wpe",
                      nullptr,
                      nullptr,
                      "transformer.h.{}.attn.c_attn",
                      nullptr,
                      nullptr,
                      "transformer.h.{}.attn.c_proj",
                      "transformer.h.{}.ln_1",
                      "transformer.h.{}.mlp.c_fc",
                      "transformer.h.{}.mlp.c_proj",
                      "transformer.h.{}.ln_2",
                      "transformer.ln_f",
                      nullptr,
                      "score"};

const Names& names_of(Architecture architecture) {
  switch (architecture) {
    case Architecture::bert:
      return kBert;
    case Architecture::distilbert:
      return kDistilbert;
    case Architecture::roberta:
      return kRoberta;
    case Architecture::gpt2:
      return kGpt2;
  }
  throw Error("[stored_tensors] unknown architecture");
}

std::string in_layer(const std::string& name, Index layer) {
  const std::size_t at = name.find("{}");
  return at == std::string::npos ? name : name.substr(0, at) + std::to_string(layer) + name.substr(at + 2);
}

template <class T>
class Layout {
 public:
  explicit Layout(const Classifier<T>& model)
      : model_(model), names_(names_of(model.config().architecture)) {}

  std::vector<StoredTensor> list() {
    const ClassifierConfig& c = model_.config();
    const EmbeddingIds& e = model_.embedding();
    add_whole(text(names_.token, ".weight"), e.token);
    if (e.position.valid())
      add_whole(text(names_.position, ".weight"), e.position);
    else
      tensors_.push_back({text(names_.position, ".weight"), {c.position_rows(), c.width}, false, {}});
    if (e.type.valid()) add_whole(text(names_.type, ".weight"), e.type);
    if (e.norm.weight.valid()) add(names_.embedding_norm, e.norm.weight, e.norm.bias, false);
    for (layer_ = 0; layer_ < c.layers; ++layer_)
      add_block(model_.blocks()[static_cast<std::size_t>(layer_)]);
    const HeadIds& h = model_.head();
    if (h.norm.weight.valid()) add(names_.final_norm, h.norm.weight, h.norm.bias, false);
    if (h.hidden.weight.valid()) add(names_.head_hidden, h.hidden.weight, h.hidden.bias, false);
    add(names_.head_out, h.out.weight, h.out.bias, false);
    return std::move(tensors_);
  }

 private:
  void add_whole(const std::string& name, ParameterId id) {
    const Shape& shape = model_.parameters().shape(id);
    tensors_.push_back({name, shape, false, {{id, 0, shape[0]}}});
  }
  void add(const char* name, ParameterId weight, ParameterId bias, bool conv1d) {
    const std::string stem = in_layer(name, layer_);
    add_whole(stem + ".weight", weight);
    if (conv1d) transpose_last();
    if (bias.valid()) add_whole(stem + ".bias", bias);
  }
  void transpose_last() {
    StoredTensor& t = tensors_.back();
    t.transposed = true;
    t.shape = {t.shape[1], t.shape[0]};
  }

  void add_block(const BlockIds& b) {
    const Index D = model_.config().width;
    const bool conv1d = model_.config().architecture == Architecture::gpt2;
    const std::string query = in_layer(names_.query, layer_);
    if (conv1d) {
      tensors_.push_back(
          {query + ".weight", {D, 3 * D}, true, {{b.query.weight, 0, D}, {b.keys_values.weight, 0, 2 * D}}});
      tensors_.push_back(
          {query + ".bias", {3 * D}, false, {{b.query.bias, 0, D}, {b.keys_values.bias, 0, 2 * D}}});
    } else {
      add(names_.query, b.query.weight, b.query.bias, false);
      for (const auto& [name, first] : {std::pair{names_.key, Index{0}}, std::pair{names_.value, D}}) {
        const std::string stem = in_layer(name, layer_);
        tensors_.push_back({stem + ".weight", {D, D}, false, {{b.keys_values.weight, first, D}}});
        tensors_.push_back({stem + ".bias", {D}, false, {{b.keys_values.bias, first, D}}});
      }
    }
    add(names_.attention_out, b.attention_out.weight, b.attention_out.bias, conv1d);
    if (b.norm1.weight.valid()) add(names_.norm1, b.norm1.weight, b.norm1.bias, false);
    if (b.feed_forward_in.weight.valid()) {
      add(names_.feed_forward_in, b.feed_forward_in.weight, b.feed_forward_in.bias, conv1d);
      add(names_.feed_forward_out, b.feed_forward_out.weight, b.feed_forward_out.bias, conv1d);
    }
    if (b.norm2.weight.valid()) add(names_.norm2, b.norm2.weight, b.norm2.bias, false);
  }

  const Classifier<T>& model_;
  const Names& names_;
  std::vector<StoredTensor> tensors_;
  Index layer_ = 0;
};

// Calls body(element of the parameter, its place in the stored tensor) for each scalar of the tensor.
template <class T, class Body>
void for_each_scalar(const ParameterStore<T>& parameters, const StoredTensor& tensor, const Body& body) {
  Index row = 0;
  for (const StoredPiece& piece : tensor.pieces) {
    const Shape& shape = parameters.shape(piece.parameter);
    const Index columns = shape.rank == 1 ? 1 : shape.columns();
    for (Index r = 0; r < piece.rows; ++r, ++row)
      for (Index j = 0; j < columns; ++j)
        body(piece, (piece.first_row + r) * columns + j,
             tensor.transposed ? j * tensor.shape[1] + row : row * columns + j);
  }
}

}  // namespace

template <class T>
std::vector<StoredTensor> stored_tensors(const Classifier<T>& model) {
  return Layout<T>(model).list();
}

template <class T>
void read_from_parameters(const ParameterStore<T>& parameters, const StoredTensor& tensor, Quantity quantity,
                          std::vector<T>& out) {
  out.assign(static_cast<std::size_t>(tensor.shape.size()), T{0});
  for (const StoredPiece& piece : tensor.pieces)
    if (quantity == Quantity::gradient && parameters.kind(piece.parameter) == GradientKind::row_sparse) {
      const Tensor<T> gradient = parameters.gradient(piece.parameter);
      for (Index r : parameters.touched_rows(piece.parameter))
        std::copy_n(gradient.row(r), gradient.columns(), out.begin() + r * gradient.columns());
      return;
    }
  for_each_scalar(parameters, tensor, [&](const StoredPiece& piece, Index from, Index to) {
    const Tensor<T> source = quantity == Quantity::value ? parameters.value(piece.parameter)
                                                         : parameters.gradient(piece.parameter);
    out[static_cast<std::size_t>(to)] = source.data[from];
  });
}

template <class T>
void write_to_parameters(const std::vector<T>& stored, const StoredTensor& tensor,
                         ParameterStore<T>& parameters) {
  for_each_scalar(parameters, tensor, [&](const StoredPiece& piece, Index to, Index from) {
    parameters.value(piece.parameter).data[to] = stored[static_cast<std::size_t>(from)];
  });
}

#define SLALOM_INSTANTIATE(T)                                                                 \
  template std::vector<StoredTensor> stored_tensors(const Classifier<T>&);                    \
  template void read_from_parameters(const ParameterStore<T>&, const StoredTensor&, Quantity, \
                                     std::vector<T>&);                                        \
  template void write_to_parameters(const std::vector<T>&, const StoredTensor&, ParameterStore<T>&);
SLALOM_INSTANTIATE(float)
SLALOM_INSTANTIATE(double)
#undef SLALOM_INSTANTIATE

}  // namespace slalom
