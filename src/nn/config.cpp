#include "slalom/nn/config.hpp"

#include <utility>

#include "slalom/base/error.hpp"

namespace slalom {

const char* name(Architecture architecture) {
  switch (architecture) {
    case Architecture::bert:
      return "bert";
    case Architecture::distilbert:
      return "distilbert";
    case Architecture::roberta:
      return "roberta";
    case Architecture::gpt2:
      return "gpt2";
  }
  return "unknown";
}

Architecture architecture_from_name(const std::string& wanted) {
  for (Architecture a :
       {Architecture::bert, Architecture::distilbert, Architecture::roberta, Architecture::gpt2})
    if (wanted == name(a)) return a;
  throw UsageError("architecture \"" + wanted + "\", wanted bert, distilbert, roberta or gpt2");
}

const ArchitectureTraits& traits(Architecture architecture) {
  static constexpr ArchitectureTraits kBert{.pre_norm = false,
                                            .causal = false,
                                            .has_types = true,
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
    t.head_dropout_first = true;
    return t;
  }();
  static constexpr ArchitectureTraits kGpt2{.pre_norm = true,
                                            .causal = true,
                                            .has_types = false,
                                            .embedding_norm = false,
                                            .attention_out_dropout = true,
                                            .special_tokens = false,
                                            .read_out = ReadOut::last,
                                            .final_norm = true,
                                            .head_hidden = false,
                                            .head_activation = Activation::none,
                                            .head_dropout_first = false,
                                            .head_bias = false};
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
  throw Error("[traits] unknown architecture");
}

std::vector<std::string> ClassifierConfig::class_names() const {
  if (!label_names.empty()) return label_names;
  std::vector<std::string> names(static_cast<std::size_t>(labels));
  for (std::size_t c = 0; c < names.size(); ++c) names[c] = text("LABEL_", c);
  return names;
}

void ClassifierConfig::validate(const std::string& where) const {
  const auto wants = [&](bool holds, const char* field, auto found, const char* wanted) {
    if (!holds) throw Error(text(where, ": field \"", field, "\": found ", found, ", wanted ", wanted));
  };
  const std::pair<const char*, Index> sizes[] = {{"layers", layers},
                                                 {"width", width},
                                                 {"heads", heads},
                                                 {"feed_forward", feed_forward},
                                                 {"vocabulary", vocabulary},
                                                 {"max_positions", max_positions},
                                                 {"types", types}};
  for (const auto& [field, size] : sizes)
    wants(size > 0 && size <= Index{1} << 31, field, size, "a positive number");
  wants(layers <= 1000, "layers", layers, "at most 1000");
  wants(width % heads == 0, "heads", heads, text("a divisor of the width ", width).c_str());
  wants(labels >= 2, "labels", labels, "at least 2");
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
  if (architecture == Architecture::distilbert) c.head_dropout = 0.2;
  if (architecture == Architecture::roberta) c.pad_id = 1;
  if (architecture == Architecture::gpt2) {
    c.max_positions = 1024;
    c.layer_norm_eps = 1e-5;
    c.activation = Activation::gelu_tanh;
    c.head_dropout = 0;
  }
  return c;
}

}  // namespace slalom
