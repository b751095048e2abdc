#include "slalom/model_io/stored_tensors.hpp"

#include <algorithm>

namespace slalom {

namespace {

// Names of one architecture; "{}" stands for the layer. Empty: there is no such tensor.
struct Names {
  std::string token, position, type, embedding_norm, embedding_map;
  std::string query, key, value, attention_out, norm1, feed_forward_in, feed_forward_out, norm2;
  std::string final_norm, head_hidden, head_out;
};

Names bert_names(const std::string& prefix, const char* head_hidden, const char* head_out) {
  const std::string embeddings = prefix + ".embeddings.", layer = prefix + ".encoder.layer.{}.";
  return {.token = embeddings + "word_embeddings",
          .position = embeddings + "position_embeddings",
          .type = embeddings + "token_type_embeddings",
          .embedding_norm = embeddings + "LayerNorm",
          .embedding_map = prefix + ".embeddings_project",
          .query = layer + "attention.self.query",
          .key = layer + "attention.self.key",
          .value = layer + "attention.self.value",
          .attention_out = layer + "attention.output.dense",
          .norm1 = layer + "attention.output.LayerNorm",
          .feed_forward_in = layer + "intermediate.dense",
          .feed_forward_out = layer + "output.dense",
          .norm2 = layer + "output.LayerNorm",
          .head_hidden = head_hidden,
          .head_out = head_out};
}

Names distilbert_names() {
  const std::string layer = "distilbert.transformer.layer.{}.";
  return {.token = "distilbert.embeddings.word_embeddings",
          .position = "distilbert.embeddings.position_embeddings",
          .embedding_norm = "distilbert.embeddings.LayerNorm",
          .query = layer + "attention.q_lin",
          .key = layer + "attention.k_lin",
          .value = layer + "attention.v_lin",
          .attention_out = layer + "attention.out_lin",
          .norm1 = layer + "sa_layer_norm",
          .feed_forward_in = layer + "ffn.lin1",
          .feed_forward_out = layer + "ffn.lin2",
          .norm2 = layer + "output_layer_norm",
          .head_hidden = "pre_classifier",
          .head_out = "classifier"};
}

// One c_attn holds query, key and value side by side.
Names gpt2_names() {
  const std::string layer = "transformer.h.{}.";
  return {.token = "transformer.wte",
          .position = "transformer.wpe",
          .query = layer + "attn.c_attn",
          .attention_out = layer + "attn.c_proj",
          .norm1 = layer + "ln_1",
          .feed_forward_in = layer + "mlp.c_fc",
          .feed_forward_out = layer + "mlp.c_proj",
          .norm2 = layer + "ln_2",
          .final_norm = "transformer.ln_f",
          .head_hidden = "score_hidden",
          .head_out = "score"};
}

// One block that all layers share.
Names albert_names() {
  const std::string block = "albert.encoder.albert_layer_groups.0.albert_layers.0.";
  Names names = bert_names("albert", "albert.pooler", "classifier");
  names.embedding_map = "albert.encoder.embedding_hidden_mapping_in";
  names.query = block + "attention.query";
  names.key = block + "attention.key";
  names.value = block + "attention.value";
  names.attention_out = block + "attention.dense";
  names.norm1 = block + "attention.LayerNorm";
  names.feed_forward_in = block + "ffn";
  names.feed_forward_out = block + "ffn_output";
  names.norm2 = block + "full_layer_layer_norm";
  return names;
}

Names names_of(Architecture architecture) {
  switch (architecture) {
    case Architecture::bert:
      return bert_names("bert", "bert.pooler.dense", "classifier");
    case Architecture::distilbert:
      return distilbert_names();
    case Architecture::roberta:
    case Architecture::xlm_roberta:
    case Architecture::camembert:
      return bert_names("roberta", "classifier.dense", "classifier.out_proj");
    case Architecture::electra:
      return bert_names("electra", "classifier.dense", "classifier.out_proj");
    case Architecture::albert:
      return albert_names();
    case Architecture::gpt2:
      return gpt2_names();
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
    add_whole(concat(names_.token, ".weight"), e.token);
    if (e.position.valid())
      add_whole(concat(names_.position, ".weight"), e.position);
    else
      tensors_.push_back(
          {concat(names_.position, ".weight"), {c.position_rows(), c.table_width()}, false, {}});
    if (e.type.valid()) add_whole(concat(names_.type, ".weight"), e.type);
    if (e.norm.weight.valid()) add(names_.embedding_norm, e.norm.weight, e.norm.bias, false);
    if (e.map.weight.valid()) add(names_.embedding_map, e.map.weight, e.map.bias, false);
    for (layer_ = 0; layer_ < (c.traits().shared_blocks ? 1 : c.layers); ++layer_)
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
  void add(const std::string& name, ParameterId weight, ParameterId bias, bool conv1d) {
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
  Names names_;
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
