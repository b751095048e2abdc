#include "slalom/nn/config.hpp"

#include <utility>

#include "slalom/base/error.hpp"

namespace slalom {

const char* name(Architecture architecture) {
  static constexpr const char* kNames[] = {"bert",        "distilbert", "roberta", "gpt2",
                                           "xlm-roberta", "camembert",  "electra", "albert"};
  return kNames[static_cast<int>(architecture)];
}

std::optional<Architecture> architecture_named(const std::string& wanted) {
  for (const Architecture a : kEveryArchitecture)
    if (wanted == name(a)) return a;
  return std::nullopt;
}

Architecture architecture_from_name(const std::string& wanted) {
  const std::optional<Architecture> found = architecture_named(wanted);
  if (found && *found <= Architecture::gpt2) return *found;
  throw UsageError("architecture \"" + wanted + "\", wanted bert, distilbert, roberta or gpt2");
}

const ArchitectureTraits& traits(Architecture architecture) {
  static constexpr ArchitectureTraits kBert{.pre_norm = false,
                                            .causal = false,
                                            .has_types = true,
                                            .positions_after_pad = false,
                                            .shared_blocks = false,
                                            .embedding_norm = true,
                                            .attention_out_dropout = true,
                                            .special_tokens = true,
                                            .read_out = ReadOut::first,
                                            .final_norm = false,
                                            .head_hidden = true,
                                            .head_activation = Activation::tanh,
                                            .head_dropout_first = false,
                                            .head_bias = true};
  static constexpr ArchitectureTraits kDistilbert = [] {
    ArchitectureTraits t = kBert;
    t.has_types = false;
    t.attention_out_dropout = false;
    t.head_activation = Activation::relu;
    return t;
  }();
  static constexpr ArchitectureTraits kRoberta = [] {
    ArchitectureTraits t = kBert;
    t.positions_after_pad = true;
    t.head_dropout_first = true;
    return t;
  }();
  static constexpr ArchitectureTraits kElectra = [] {
    ArchitectureTraits t = kBert;
    t.head_activation = Activation::gelu_erf;
    t.head_dropout_first = true;
    return t;
  }();
  static constexpr ArchitectureTraits kAlbert = [] {
    ArchitectureTraits t = kBert;
    t.shared_blocks = true;
    return t;
  }();
  static constexpr ArchitectureTraits kGpt2{.pre_norm = true,
                                            .causal = true,
                                            .has_types = false,
                                            .positions_after_pad = false,
                                            .shared_blocks = false,
                                            .embedding_norm = false,
                                            .attention_out_dropout = true,
                                            .special_tokens = false,
                                            .read_out = ReadOut::last,
                                            .final_norm = true,
                                            .head_hidden = false,
                                            .head_activation = Activation::tanh,
                                            .head_dropout_first = false,
                                            .head_bias = false};
  switch (architecture) {
    case Architecture::bert:
      return kBert;
    case Architecture::distilbert:
      return kDistilbert;
    case Architecture::roberta:
    case Architecture::xlm_roberta:
    case Architecture::camembert:
      return kRoberta;
    case Architecture::electra:
      return kElectra;
    case Architecture::albert:
      return kAlbert;
    case Architecture::gpt2:
      return kGpt2;
  }
  throw Error("[traits] unknown architecture");
}

ProblemType ClassifierConfig::problem() const {
  const ProblemType usual = labels == 1 ? ProblemType::regression : ProblemType::single_label;
  const ProblemType type = problem_type.value_or(usual);
  return type == ProblemType::single_label ? usual : type;
}

std::vector<std::string> ClassifierConfig::class_names() const {
  if (!label_names.empty()) return label_names;
  std::vector<std::string> names(static_cast<std::size_t>(labels));
  for (std::size_t c = 0; c < names.size(); ++c) names[c] = concat("LABEL_", c);
  return names;
}

std::vector<std::string> ClassifierConfig::unlike_hugging_face() const {
  std::vector<std::string> list;
  const auto add = [&](bool differs, const auto&... words) {
    if (differs) list.push_back(concat(words...));
  };
  add(attention != AttentionKind::softmax, "attention ", word_of(kAttentionWords, attention));
  add(norm != Norm::layer, "norm ", word_of(kNormWords, norm));
  add(positions == Positions::rope, "positions rope");
  add(read_out != traits().read_out, "read-out ", word_of(kReadOutWords, read_out));
  add(head_hidden != traits().head_hidden, "head ", word_of(kHeadWords, head_hidden));
  add(!feed_forward_on, "no feed-forward");
  add(!residual, "no residual");
  return list;
}

void ClassifierConfig::validate(const std::string& where) const {
  const auto wants = [&](bool holds, const char* field, auto found, const char* wanted) {
    if (!holds) throw Error(concat(where, ": field \"", field, "\": found ", found, ", wanted ", wanted));
  };
  const std::pair<const char*, Index> sizes[] = {{"layers", layers},
                                                 {"width", width},
                                                 {"embedding_width", table_width()},
                                                 {"heads", heads},
                                                 {"feed_forward", feed_forward},
                                                 {"vocabulary", vocabulary},
                                                 {"max_positions", max_positions},
                                                 {"types", types},
                                                 {"labels", labels}};
  for (const auto& [field, size] : sizes)
    wants(size > 0 && size <= Index{1} << 31, field, size, "a positive number");
  wants(layers <= 1000, "layers", layers, "at most 1000");
  wants(width % heads == 0, "heads", heads, concat("a divisor of the width ", width).c_str());
  wants(positions != Positions::rope || width / heads % 2 == 0, "heads", heads,
        concat("heads of an even width of the ", width, ", which rotary positions turn in pairs").c_str());
  wants(layer_norm_eps > 0 && layer_norm_eps < 1, "layer_norm_eps", layer_norm_eps, "a number in (0, 1)");
  const std::pair<const char*, double> rates[] = {{"embedding_dropout", embedding_dropout},
                                                  {"attention_dropout", attention_dropout},
                                                  {"hidden_dropout", hidden_dropout},
                                                  {"head_dropout", head_dropout}};
  for (const auto& [field, rate] : rates) wants(rate >= 0 && rate < 1, field, rate, "a rate in [0, 1)");
  wants(pad_id >= 0 && pad_id < vocabulary, "pad_id", pad_id, "an id of the vocabulary");
  wants(label_names.empty() || static_cast<Index>(label_names.size()) == labels, "label_names",
        label_names.size(), "one name a label");
}

ClassifierConfig default_config(Architecture architecture, Index layers, Index width, Index heads,
                                Index vocabulary) {
  ClassifierConfig c;
  c.architecture = architecture;
  c.layers = layers;
  c.width = width;
  c.heads = heads;
  c.feed_forward = 4 * width;
  c.vocabulary = vocabulary;
  c.read_out = c.traits().read_out;
  c.head_hidden = c.traits().head_hidden;
  if (architecture == Architecture::distilbert) c.head_dropout = 0.2;
  if (architecture == Architecture::albert) c.embedding_dropout = c.attention_dropout = c.hidden_dropout = 0;
  if (c.traits().positions_after_pad) c.pad_id = 1;
  if (architecture == Architecture::gpt2) {
    c.max_positions = 1024;
    c.layer_norm_eps = 1e-5;
    c.activation = Activation::gelu_tanh;
    c.head_dropout = 0;
  }
  return c;
}

}  // namespace slalom
