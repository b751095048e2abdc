#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/model_io/folder_file.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace slalom {

namespace {

constexpr const char* kClassifier = "ForSequenceClassification";  // ends the names of their classes
constexpr std::int64_t kLargest = std::int64_t{1} << 31;

// What config.json calls a size, and what Hugging Face's configuration classes fill in where it is not there.
struct Size {
  const char* name;
  Index usual;
};
// Of an architecture; nullptr where it has no such field. What has none, or shares one with another number
// and differs from it, goes into our object "slalom".
struct Fields {
  Size layers, width, heads, feed_forward, positions, vocabulary, embedding_width;
  const char *activation, *usual_activation, *embedding_dropout, *attention_dropout, *hidden_dropout,
      *head_dropout, *layer_norm_eps;
};

constexpr Fields kBert{.layers = {"num_hidden_layers", 12},
                       .width = {"hidden_size", 768},
                       .heads = {"num_attention_heads", 12},
                       .feed_forward = {"intermediate_size", 3072},
                       .positions = {"max_position_embeddings", 512},
                       .vocabulary = {"vocab_size", 30522},
                       .activation = "hidden_act",
                       .usual_activation = "gelu",
                       .embedding_dropout = "hidden_dropout_prob",
                       .attention_dropout = "attention_probs_dropout_prob",
                       .hidden_dropout = "hidden_dropout_prob",
                       .head_dropout = "classifier_dropout",
                       .layer_norm_eps = "layer_norm_eps"};
constexpr Fields kDistilbert{.layers = {"n_layers", 6},
                             .width = {"dim", 768},
                             .heads = {"n_heads", 12},
                             .feed_forward = {"hidden_dim", 3072},
                             .positions = {"max_position_embeddings", 512},
                             .vocabulary = {"vocab_size", 30522},
                             .activation = "activation",
                             .usual_activation = "gelu",
                             .embedding_dropout = "dropout",
                             .attention_dropout = "attention_dropout",
                             .hidden_dropout = "dropout",
                             .head_dropout = "seq_classif_dropout"};
constexpr Fields kGpt2{.layers = {"n_layer", 12},
                       .width = {"n_embd", 768},
                       .heads = {"n_head", 12},
                       .feed_forward = {"n_inner", 0},  // 4 times the width
                       .positions = {"n_positions", 1024},
                       .vocabulary = {"vocab_size", 50257},
                       .activation = "activation_function",
                       .usual_activation = "gelu_new",
                       .embedding_dropout = "embd_pdrop",
                       .attention_dropout = "attn_pdrop",
                       .hidden_dropout = "resid_pdrop",
                       .layer_norm_eps = "layer_norm_epsilon"};

Fields fields_of(Architecture architecture) {
  if (architecture == Architecture::distilbert) return kDistilbert;
  if (architecture == Architecture::gpt2) return kGpt2;
  Fields f = kBert;
  if (architecture == Architecture::roberta) f.vocabulary.usual = 50265;
  if (architecture == Architecture::electra || architecture == Architecture::albert)
    f.embedding_width = {"embedding_size", 128};
  if (architecture == Architecture::electra) {
    f.width.usual = 256;
    f.heads.usual = 4;
    f.feed_forward.usual = 1024;
  }
  if (architecture == Architecture::albert) {
    f.width.usual = 4096;
    f.heads.usual = 64;
    f.feed_forward.usual = 16384;
    f.vocabulary.usual = 30000;
    f.usual_activation = "gelu_new";
    f.head_dropout = "classifier_dropout_prob";
  }
  return f;
}

// (name in config.json, activation); the first name of an activation is the one written.
constexpr std::pair<const char*, Activation> kActivations[] = {{"gelu", Activation::gelu_erf},
                                                               {"gelu_new", Activation::gelu_tanh},
                                                               {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                                               {"relu", Activation::relu},
                                                               {"tanh", Activation::tanh},
                                                               {"linear", Activation::none},
                                                               {"gelu_python", Activation::gelu_erf},
                                                               {"gelu_fast", Activation::gelu_tanh},
                                                               {"gelu_accurate", Activation::gelu_tanh},
                                                               {"gelu_python_tanh", Activation::gelu_tanh}};

[[noreturn]] void refuse(const std::string& where, const char* field, const std::string& found,
                         const std::string& wanted) {
  throw Error(concat(where, ": field \"", field, "\": found ", found, ", wanted ", wanted));
}

Activation parse_activation(const Json& json, const Fields& f, const std::string& where) {
  const std::string found = optional_string(json, f.activation, where, f.usual_activation);
  for (const auto& [name, activation] : kActivations)
    if (found == name) return activation;
  refuse(where, f.activation, json_string(found), "gelu, gelu_new, relu, tanh or linear");
}

Architecture parse_architecture(const Json& json, const std::string& where) {
  const std::string type = require_string(json, "model_type", where);
  if (const std::optional<Architecture> architecture = architecture_named(type)) return *architecture;
  refuse(where, "model_type", json_string(type),
         "one of " + listed(kEveryArchitecture, [](Architecture a) { return name(a); }));
}

// Features of these families that would change the numbers and that no checkpoint we know of uses for
// classification.
void refuse_variants(const Json& json, Architecture architecture, const std::string& where) {
  const std::string kind = optional_string(json, "position_embedding_type", where, "absolute");
  if (kind != "absolute") refuse(where, "position_embedding_type", json_string(kind), "absolute");
  const auto require = [&](const char* field, bool wanted) {
    if (optional_boolean(json, field, where, wanted) != wanted)
      refuse(where, field, wanted ? "false" : "true", wanted ? "true" : "false");
  };
  require("add_cross_attention", false);
  if (architecture == Architecture::albert)
    for (const char* field : {"num_hidden_groups", "inner_group_num"})
      optional_integer(json, field, where, 1, 1, 1);
  if (architecture == Architecture::gpt2) {
    require("scale_attn_by_inverse_layer_idx", false);
    require("scale_attn_weights", true);
  } else {
    require("is_decoder", false);
  }
}

// A number in [low, high).
double number_within(const Json& json, const char* field, const std::string& where, double fallback,
                     double low, double high) {
  const double found = optional_number(json, field, where, fallback);
  if (!(found >= low && found < high))
    refuse(where, field, concat(found), concat("a number in [", low, ", ", high, ")"));
  return found;
}

// In one walk over the object: looking up each number in it would take time quadratic in their count.
void parse_labels(const Json& json, const std::string& where, ClassifierConfig& c) {
  const std::string type = optional_string(json, "problem_type", where, "");
  if (!type.empty() && !(c.problem_type = problem_type_named(type)))
    refuse(where, "problem_type", json_string(type),
           concat(name(ProblemType::single_label), ", ", name(ProblemType::multi_label), " or ",
                  name(ProblemType::regression)));
  c.labels = optional_integer(json, "num_labels", where, 2, 1, 1'000'000);
  const auto labels = json.find("id2label");
  if (labels == json.end() || labels->is_null()) return;
  const Json& names = require_object(json, "id2label", where);
  if (names.empty()) refuse(where, "id2label", "no labels", "at least 1");
  c.labels = static_cast<Index>(names.size());
  c.label_names = c.class_names();
  for (const auto& [key, label] : names.items()) {
    const auto number = parse_number<std::size_t>(key).value_or(SIZE_MAX);
    const bool is_name = label.is_string() || label.is_number() || label.is_null();
    if (key != std::to_string(number) || !is_name)
      refuse(where, "id2label", concat("\"", key, "\": ", label.dump().substr(0, 60)),
             concat("names for 0 to ", names.size() - 1));
    if (number < c.label_names.size() && !label.is_null())
      c.label_names[number] = label.is_string() ? label.get<std::string>() : label.dump();
  }
}

// Whose head the weights are ("architectures"); a folder of another task has no classifier to explain.
void require_classifier(const Json& json, const std::string& where) {
  if (!json.contains("architectures") || json["architectures"].is_null()) return;
  std::string found;
  for (const Json& name : require_array(json, "architectures", where)) {
    if (!name.is_string()) refuse(where, "architectures", name.type_name(), "names");
    found = name.get<std::string>();
    if (found.ends_with(kClassifier)) return;
  }
  if (!found.empty())
    refuse(where, "architectures", json_string(found), concat("a classifier, ...", kClassifier));
}

void parse_switches(const Json& own, const std::string& in, ClassifierConfig& c) {
  const auto choose = [&]<class Value>(const char* field, const auto& words, Value& value) {
    const std::string found = optional_string(own, field, in, word_of(words, value));
    const std::optional<Value> known = value_of<Value>(words, found);
    if (!known) refuse(in, field, json_string(found), "one of " + listed(words));
    value = *known;
  };
  if (!optional_boolean(own, "layer_norm", in, true)) c.norm = Norm::none;  // folders of earlier versions
  choose("attention", kAttentionWords, c.attention);
  choose("norm", kNormWords, c.norm);
  choose("positions", kPositionWords, c.positions);
  choose("read_out", kReadOutWords, c.read_out);
  choose("head", kHeadWords, c.head_hidden);
  c.feed_forward_on = optional_boolean(own, "feed_forward", in, true);
  c.residual = optional_boolean(own, "residual", in, true);
}

void parse_rates(const Json& json, const Json& own, const Fields& f, const std::string& where,
                 ClassifierConfig& c) {
  const auto rate = [&](const char* field, const char* own_field, double fallback) {
    const double theirs = field == nullptr ? fallback : number_within(json, field, where, fallback, 0, 1);
    return number_within(own, own_field, where + ": slalom", theirs, 0, 1);
  };
  const auto eps = [&](const Json& object, const char* field, const std::string& in, double fallback) {
    return number_within(object, field, in, fallback, std::numeric_limits<double>::min(), 1);
  };
  c.embedding_dropout = rate(f.embedding_dropout, "embedding_dropout", c.embedding_dropout);
  c.attention_dropout = rate(f.attention_dropout, "attention_dropout", c.attention_dropout);
  c.hidden_dropout = rate(f.hidden_dropout, "hidden_dropout", c.hidden_dropout);
  // BERT's head takes the hidden layers' rate unless it has its own.
  const bool inherits = f.head_dropout != nullptr && f.head_dropout == std::string_view("classifier_dropout");
  c.head_dropout = rate(f.head_dropout, "head_dropout", inherits ? c.hidden_dropout : c.head_dropout);
  c.layer_norm_eps = f.layer_norm_eps == nullptr
                         ? eps(own, "layer_norm_eps", where + ": slalom", c.layer_norm_eps)
                         : eps(json, f.layer_norm_eps, where, c.layer_norm_eps);
}

}  // namespace

ClassifierConfig parse_config(std::string_view source, const std::string& where) {
  const Json json = parse_json(source, where);
  const Architecture architecture = parse_architecture(json, where);
  require_classifier(json, where);
  if (const auto found = json.find("quantization_config"); found != json.end() && found->is_object())
    refuse(where, "quantization_config",
           json_string(optional_string(*found, "quant_method", where, "no name")),
           "weights that are not quantized");
  refuse_variants(json, architecture, where);
  const Fields f = fields_of(architecture);
  const bool gpt2 = architecture == Architecture::gpt2;
  const auto size = [&](const Size& of, std::int64_t most, std::int64_t least = 1) {
    return optional_integer(json, of.name, where, of.usual, least, most);
  };
  ClassifierConfig c = default_config(architecture, size(f.layers, 1000), size(f.width, 1 << 20),
                                      size(f.heads, 1 << 20), size(f.vocabulary, kLargest));
  if (f.embedding_width.name != nullptr) c.embedding_width = size(f.embedding_width, 1 << 20);
  if (c.width % c.heads != 0)
    refuse(where, f.heads.name, concat(c.heads), concat("a divisor of the width ", c.width));
  c.feed_forward = size({f.feed_forward.name, gpt2 ? c.feed_forward : f.feed_forward.usual}, 1 << 22);
  // GPT-2 has no use for a padding id, -1 is none; RoBERTa keeps positions up to it free, so one more must be
  // an id, too.
  const Index pad = optional_integer(json, "pad_token_id", where, c.pad_id, -1, kLargest - 2);
  if (!gpt2 && pad >= c.vocabulary)
    refuse(where, "pad_token_id", concat(pad), concat("an id below ", c.vocabulary));
  c.pad_id = pad < 0 || pad >= c.vocabulary ? 0 : static_cast<TokenId>(pad);
  c.max_positions = size(f.positions, 1 << 24, 1 + c.position_offset()) - c.position_offset();
  if (c.traits().has_types) c.types = size({"type_vocab_size", 2}, 1 << 20);
  c.activation = parse_activation(json, f, where);
  c.initializer_range = number_within(json, "initializer_range", where, c.initializer_range, 0, 1e6);
  parse_labels(json, where, c);
  const Json none = Json::object();
  const Json& own = json.contains("slalom") ? require_object(json, "slalom", where) : none;
  parse_rates(json, own, f, where, c);
  parse_switches(own, where + ": slalom", c);
  c.validate(where);
  return c;
}

ClassifierConfig read_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  if (!is_there(path) && is_there(folder + "/adapter_config.json"))
    throw Error(folder + ": found an adapter (adapter_config.json), wanted a model",
                "merge it into its base model first: peft's merge_and_unload()");
  if (!is_there(path))
    throw Error(
        path + ": cannot open: No such file or directory",
        "a model folder has config.json and model.safetensors; a killed training is ended by train --resume");
  return parse_config(read_file(path), path);
}

std::string config_json(const ClassifierConfig& c, DType dtype) {
  static constexpr const char* kClasses[] = {"Bert",       "DistilBert", "Roberta", "GPT2",
                                             "XLMRoberta", "Camembert",  "Electra", "Albert"};
  const Fields f = fields_of(c.architecture);
  Json json;
  json["architectures"] = {concat(kClasses[static_cast<int>(c.architecture)], kClassifier)};
  json["model_type"] = name(c.architecture);
  json[f.layers.name] = c.layers;
  json[f.width.name] = c.width;
  json[f.heads.name] = c.heads;
  json[f.feed_forward.name] = c.feed_forward;
  json[f.positions.name] = c.position_rows();
  if (f.embedding_width.name != nullptr) json[f.embedding_width.name] = c.table_width();
  json[f.vocabulary.name] = c.vocabulary;
  if (c.traits().has_types) json["type_vocab_size"] = c.types;
  for (const auto& [label, activation] : kActivations)
    if (activation == c.activation) {
      json[f.activation] = label;
      break;
    }
  json[f.embedding_dropout] = c.embedding_dropout;
  json[f.attention_dropout] = c.attention_dropout;
  json[f.hidden_dropout] = c.hidden_dropout;
  if (f.head_dropout != nullptr) json[f.head_dropout] = c.head_dropout;
  if (f.layer_norm_eps != nullptr) json[f.layer_norm_eps] = c.layer_norm_eps;
  json["initializer_range"] = c.initializer_range;
  json["pad_token_id"] = c.pad_id;
  if (c.problem_type) json["problem_type"] = name(*c.problem_type);
  const std::vector<std::string> labels = c.class_names();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    json["id2label"][std::to_string(i)] = labels[i];
    json["label2id"][labels[i]] = i;
  }
  json["torch_dtype"] = dtype == DType::f64    ? "float64"
                        : dtype == DType::f16  ? "float16"
                        : dtype == DType::bf16 ? "bfloat16"
                                               : "float32";
  json["slalom"] = {{"attention", word_of(kAttentionWords, c.attention)},
                    {"norm", word_of(kNormWords, c.norm)},
                    {"positions", word_of(kPositionWords, c.positions)},
                    {"read_out", word_of(kReadOutWords, c.read_out)},
                    {"head", word_of(kHeadWords, c.head_hidden)},
                    {"feed_forward", c.feed_forward_on},
                    {"residual", c.residual}};
  if (c.embedding_dropout != json[f.embedding_dropout])
    json["slalom"]["embedding_dropout"] = c.embedding_dropout;
  if (f.head_dropout == nullptr) json["slalom"]["head_dropout"] = c.head_dropout;
  if (f.layer_norm_eps == nullptr) json["slalom"]["layer_norm_eps"] = c.layer_norm_eps;
  return json.dump(2) + "\n";
}

}  // namespace slalom
