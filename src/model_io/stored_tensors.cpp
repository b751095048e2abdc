#include "slalom/model_io/stored_tensors.hpp"

#include <algorithm>
#include <map>

namespace slalom {

namespace {

// What a checkpoint calls our modules; "{}" stands for the block.
using Names = std::map<std::string_view, std::string>;

Names bert_names(const std::string& prefix, const char* head_hidden, const char* head_out) {
  const std::string embeddings = prefix + ".embeddings.", layer = prefix + ".encoder.layer.{}.";
  return {{"embed.token", embeddings + "word_embeddings"},
          {"embed.position", embeddings + "position_embeddings"},
          {"embed.type", embeddings + "token_type_embeddings"},
          {"embed.norm", embeddings + "LayerNorm"},
          {"embed.map", prefix + ".embeddings_project"},
          {"attn.q", layer + "attention.self.query"},
          {"attn.k", layer + "attention.self.key"},
          {"attn.v", layer + "attention.self.value"},
          {"attn.out", layer + "attention.output.dense"},
          {"norm1", layer + "attention.output.LayerNorm"},
          {"mlp.in", layer + "intermediate.dense"},
          {"mlp.out", layer + "output.dense"},
          {"norm2", layer + "output.LayerNorm"},
          {"head.hidden", head_hidden},
          {"head.out", head_out}};
}

Names distilbert_names() {
  const std::string embeddings = "distilbert.embeddings.", layer = "distilbert.transformer.layer.{}.";
  return {{"embed.token", embeddings + "word_embeddings"},
          {"embed.position", embeddings + "position_embeddings"},
          {"embed.norm", embeddings + "LayerNorm"},
          {"attn.q", layer + "attention.q_lin"},
          {"attn.k", layer + "attention.k_lin"},
          {"attn.v", layer + "attention.v_lin"},
          {"attn.out", layer + "attention.out_lin"},
          {"norm1", layer + "sa_layer_norm"},
          {"mlp.in", layer + "ffn.lin1"},
          {"mlp.out", layer + "ffn.lin2"},
          {"norm2", layer + "output_layer_norm"},
          {"head.hidden", "pre_classifier"},
          {"head.out", "classifier"}};
}

Names gpt2_names() {
  const std::string layer = "transformer.h.{}.";
  return {{"embed.token", "transformer.wte"},
          {"embed.position", "transformer.wpe"},
          {"attn.qkv", layer + "attn.c_attn"},
          {"attn.out", layer + "attn.c_proj"},
          {"norm1", layer + "ln_1"},
          {"mlp.in", layer + "mlp.c_fc"},
          {"mlp.out", layer + "mlp.c_proj"},
          {"norm2", layer + "ln_2"},
          {"head.norm", "transformer.ln_f"},
          {"head.hidden", "score_hidden"},
          {"head.out", "score"}};
}

// One block that all layers share.
Names albert_names() {
  const std::string block = "albert.encoder.albert_layer_groups.0.albert_layers.0.";
  Names names = bert_names("albert", "albert.pooler", "classifier");
  names["embed.map"] = "albert.encoder.embedding_hidden_mapping_in";
  names["attn.q"] = block + "attention.query";
  names["attn.k"] = block + "attention.key";
  names["attn.v"] = block + "attention.value";
  names["attn.out"] = block + "attention.dense";
  names["norm1"] = block + "attention.LayerNorm";
  names["mlp.in"] = block + "ffn";
  names["mlp.out"] = block + "ffn_output";
  names["norm2"] = block + "full_layer_layer_norm";
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

template <class T>
class Layout {
 public:
  explicit Layout(const Classifier<T>& model)
      : config_(model.config()), parameters_(model.parameters()), names_(names_of(config_.architecture)) {}

  std::vector<StoredTensor> list() {
    for (int i = 0; i < parameters_.count(); ++i) add_parameter({i});
    return std::move(tensors_);
  }

 private:
  bool is_gpt2() const { return config_.architecture == Architecture::gpt2; }
  StoredPiece whole(ParameterId id) const { return {id, 0, parameters_.shape(id)[0]}; }

  /// "blocks.3.attn.q.weight" is the weight of the module attn.q of block 3. What does not stand by itself is
  /// added with the last weight or bias that belongs to it.
  void add_parameter(ParameterId id) {
    std::string module = parameters_.name(id);
    const std::string ending = module.substr(module.rfind('.'));
    module.resize(module.size() - ending.size());
    if (module.starts_with("blocks.")) {
      const std::size_t end = module.find('.', 7);
      block_ = module.substr(7, end - 7);
      module.erase(0, end + 1);
    }
    if (module == "attn.kv") return add_keys_and_values(id, ending);
    if (module == "attn.q" && is_gpt2()) return;
    add(module, ending, {whole(id)});
    if (module == "embed.token" && config_.positions != Positions::learned)
      tensors_.push_back(
          {names_.at("embed.position") + ".weight", {config_.position_rows(), config_.table_width()}});
  }

  void add_keys_and_values(ParameterId id, const std::string& ending) {
    const Index D = config_.width;
    if (is_gpt2()) return add("attn.qkv", ending, {whole({id.index - 2}), whole(id)});
    if (ending == ".weight") return;
    for (const auto& [module, first] : {std::pair{"attn.k", Index{0}}, std::pair{"attn.v", D}}) {
      add(module, ".weight", {{{id.index - 1}, first, D}});
      add(module, ".bias", {{id, first, D}});
    }
  }

  void add(const std::string& module, const std::string& ending, std::vector<StoredPiece> pieces) {
    std::string name = names_.at(module);
    if (const std::size_t at = name.find("{}"); at != std::string::npos) name.replace(at, 2, block_);
    Shape shape = parameters_.shape(pieces[0].parameter);
    shape.extent[0] = 0;
    for (const StoredPiece& piece : pieces) shape.extent[0] += piece.rows;
    const bool is_block = !module.starts_with("embed") && !module.starts_with("head");
    const bool transposed = is_gpt2() && is_block && shape.rank == 2;
    if (transposed) std::swap(shape.extent[0], shape.extent[1]);
    tensors_.push_back({name + ending, shape, transposed, std::move(pieces)});
  }

  const ClassifierConfig& config_;
  const ParameterStore<T>& parameters_;
  Names names_;
  std::string block_;  // of the parameter under way
  std::vector<StoredTensor> tensors_;
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
