#include <nlohmann/json.hpp>

#include "slalom/base/files.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace slalom {

namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 31;

// What config.json calls the sizes and rates of an architecture.
struct Fields {
  const char *layers, *width, *heads, *feed_forward, *positions, *activation, *embedding_dropout,
      *attention_dropout, *hidden_dropout, *layer_norm_eps;
};

const Fields& fields_of(Architecture architecture) {
  static constexpr Fields kBert{
      "num_hidden_layers",       "hidden_size",   "num_attention_heads", "intermediate_size",
      "max_position_embeddings", "hidden_act",    "hidden_dropout_prob", "attention_probs_dropout_prob",
      "hidden_dropout_prob",     "layer_norm_eps"};
  static constexpr Fields kDistilbert{
      "n_layers",   "dim",     "n_heads",           "hidden_dim", "max_position_embeddings",
      "activation", "dropout", "attention_dropout", "dropout",    nullptr};
  static constexpr Fields kGpt2{
      "n_layer",    "n_embd",     "n_head",      "n_inner",           "n_positions", "activation_function",
      "embd_pdrop", "attn_pdrop", "resid_pdrop", "layer_norm_epsilon"};
  switch (architecture) {
    case Architecture::distilbert:
      return kDistilbert;
    case Architecture::gpt2:
      return kGpt2;
    default:
      return kBert;
  }
}

// (name in config.json, activation); the first name of an activation is the one written.
constexpr std::pair<const char*, Activation> kActivations[] = {{"gelu", Activation::gelu_erf},
                                                               {"gelu_new", Activation::gelu_tanh},
                                                               {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                                               {"relu", Activation::relu},
                                                               {"tanh", Activation::tanh},
                                                               {"gelu_python", Activation::gelu_erf}};

Activation parse_activation(const Json& json, const char* field, const std::string& where) {
  const std::string found = require_string(json, field, where);
  for (const auto& [name, activation] : kActivations)
    if (found == name) return activation;
  throw Error(
      text(where, ": field \"", field, "\": found \"", found, "\", wanted gelu, gelu_new, relu or tanh"));
}

Architecture parse_architecture(const Json& json, const std::string& where) {
  const std::string type = require_string(json, "model_type", where);
  for (Architecture a :
       {Architecture::bert, Architecture::distilbert, Architecture::roberta, Architecture::gpt2})
    if (type == name(a)) return a;
  throw Error(
      text(where, ": field \"model_type\": found \"", type, "\", wanted bert, distilbert, roberta or gpt2"));
}

// Features of these families that would change the numbers and that no checkpoint we know of uses for
// classification.
void refuse_variants(const Json& json, Architecture architecture, const std::string& where) {
  const std::string kind = optional_string(json, "position_embedding_type", where, "absolute");
  if (kind != "absolute")
    throw Error(text(where, ": field \"position_embedding_type\": found \"", kind, "\", wanted absolute"));
  const auto refuse = [&](const char* field, bool wanted) {
    if (optional_boolean(json, field, where, wanted) != wanted)
      throw Error(text(where, ": field \"", field, "\": found ", wanted ? "false" : "true", ", wanted ",
                       wanted ? "true" : "false"));
  };
  refuse("add_cross_attention", false);
  if (architecture == Architecture::gpt2) {
    refuse("scale_attn_by_inverse_layer_idx", false);
    refuse("scale_attn_weights", true);
  } else {
    refuse("is_decoder", false);
  }
}

void parse_labels(const Json& json, const std::string& where, ClassifierConfig& c) {
  c.labels = optional_integer(json, "num_labels", where, 2, 2, 1'000'000);
  const auto labels = json.find("id2label");
  if (labels == json.end() || labels->is_null()) return;
  const Json& names = require_object(json, "id2label", where);
  c.labels = static_cast<Index>(names.size());
  for (Index i = 0; i < c.labels; ++i)
    c.label_names.push_back(require_string(names, std::to_string(i), where + ": id2label"));
  if (c.labels < 2)
    throw Error(text(where, ": field \"id2label\": found ", c.labels, " labels, wanted at least 2"));
}

void parse_switches(const Json& json, const std::string& where, ClassifierConfig& c) {
  if (!json.contains("slalom")) return;
  const Json& own = require_object(json, "slalom", where);
  const std::string in = where + ": slalom";
  const auto choose = [&](const char* field, const char* first, const char* second, bool fallback) {
    const std::string found = optional_string(own, field, in, fallback ? first : second);
    if (found != first && found != second)
      throw Error(text(in, ": field \"", field, "\": found \"", found, "\", wanted ", first, " or ", second));
    return found == first;
  };
  c.positions = choose("positions", "learned", "none", true) ? Positions::learned : Positions::none;
  c.read_out =
      choose("read_out", "first", "last", c.read_out == ReadOut::first) ? ReadOut::first : ReadOut::last;
  c.layer_norm = optional_boolean(own, "layer_norm", in, true);
  c.feed_forward_on = optional_boolean(own, "feed_forward", in, true);
  c.residual = optional_boolean(own, "residual", in, true);
}

}  // namespace

ClassifierConfig parse_config(std::string_view source, const std::string& where) {
  const Json json = parse_json(source, where);
  ClassifierConfig c;
  c.architecture = parse_architecture(json, where);
  refuse_variants(json, c.architecture, where);
  const Fields& f = fields_of(c.architecture);
  const bool gpt2 = c.architecture == Architecture::gpt2;
  c.read_out = c.traits().read_out;
  c.layers = require_integer(json, f.layers, where, 1, 1000);
  c.width = require_integer(json, f.width, where, 1, 1 << 20);
  c.heads = require_integer(json, f.heads, where, 1, 1 << 20);
  c.feed_forward = gpt2 ? optional_integer(json, f.feed_forward, where, 4 * c.width, 1, 1 << 22)
                        : require_integer(json, f.feed_forward, where, 1, 1 << 22);
  c.vocabulary = require_integer(json, "vocab_size", where, 1, kLargest);
  // RoBERTa keeps positions up to its padding id free, so the next number must be an id too; other
  // architectures may have no padding id at all.
  c.pad_id = static_cast<TokenId>(optional_integer(
      json, "pad_token_id", where, c.architecture == Architecture::roberta ? 1 : 0, -1, kLargest - 2));
  if (c.pad_id < 0 || (gpt2 && c.pad_id >= c.vocabulary)) c.pad_id = 0;
  c.max_positions = require_integer(json, f.positions, where, 1, 1 << 24) - c.position_offset();
  if (c.traits().has_types) c.types = optional_integer(json, "type_vocab_size", where, 2, 1, 1 << 20);
  c.activation = parse_activation(json, f.activation, where);
  c.layer_norm_eps = f.layer_norm_eps == nullptr
                         ? 1e-12
                         : optional_number(json, f.layer_norm_eps, where, gpt2 ? 1e-5 : 1e-12);
  c.embedding_dropout = optional_number(json, f.embedding_dropout, where, 0.1);
  c.attention_dropout = optional_number(json, f.attention_dropout, where, 0.1);
  c.hidden_dropout = optional_number(json, f.hidden_dropout, where, 0.1);
  if (gpt2)
    c.head_dropout = 0;
  else if (c.architecture == Architecture::distilbert)
    c.head_dropout = optional_number(json, "seq_classif_dropout", where, 0.2);
  else
    c.head_dropout = optional_number(json, "classifier_dropout", where, c.hidden_dropout);
  c.initializer_range = optional_number(json, "initializer_range", where, 0.02);
  parse_labels(json, where, c);
  parse_switches(json, where, c);
  c.validate(where);
  return c;
}

ClassifierConfig read_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  return parse_config(read_file(path), path);
}

std::string config_json(const ClassifierConfig& c) {
  static constexpr const char* kClasses[] = {
      "BertForSequenceClassification", "DistilBertForSequenceClassification",
      "RobertaForSequenceClassification", "GPT2ForSequenceClassification"};
  const Fields& f = fields_of(c.architecture);
  Json json;
  json["architectures"] = {kClasses[static_cast<int>(c.architecture)]};
  json["model_type"] = name(c.architecture);
  json[f.layers] = c.layers;
  json[f.width] = c.width;
  json[f.heads] = c.heads;
  json[f.feed_forward] = c.feed_forward;
  json[f.positions] = c.position_rows();
  json["vocab_size"] = c.vocabulary;
  if (c.traits().has_types) json["type_vocab_size"] = c.types;
  for (const auto& [label, activation] : kActivations)
    if (activation == c.activation) {
      json[f.activation] = label;
      break;
    }
  json[f.embedding_dropout] = c.embedding_dropout;
  json[f.attention_dropout] = c.attention_dropout;
  json[f.hidden_dropout] = c.hidden_dropout;
  if (c.architecture == Architecture::distilbert)
    json["seq_classif_dropout"] = c.head_dropout;
  else if (c.architecture != Architecture::gpt2)
    json["classifier_dropout"] = c.head_dropout;
  if (f.layer_norm_eps != nullptr) json[f.layer_norm_eps] = c.layer_norm_eps;
  json["initializer_range"] = c.initializer_range;
  json["pad_token_id"] = c.pad_id;
  json["problem_type"] = "single_label_classification";
  for (Index i = 0; i < c.labels; ++i) {
    const std::string number = std::to_string(i);
    const std::string label =
        c.label_names.empty() ? "LABEL_" + number : c.label_names[static_cast<std::size_t>(i)];
    json["id2label"][number] = label;
    json["label2id"][label] = i;
  }
  json["torch_dtype"] = "float32";
  json["slalom"] = {{"positions", c.positions == Positions::learned ? "learned" : "none"},
                    {"read_out", c.read_out == ReadOut::first ? "first" : "last"},
                    {"layer_norm", c.layer_norm},
                    {"feed_forward", c.feed_forward_on},
                    {"residual", c.residual}};
  return json.dump(2) + "\n";
}

}  // namespace slalom
