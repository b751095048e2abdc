// What a classifier is made of: the architectures as one table of differences, sizes, and switches for
// study.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/base/index.hpp"
#include "slalom/kernels/attention.hpp"
#include "slalom/kernels/math.hpp"
#include "slalom/nn/problem_type.hpp"

namespace slalom {

enum class Architecture { bert, distilbert, roberta, gpt2, xlm_roberta, camembert, electra, albert };

inline constexpr Architecture kEveryArchitecture[] = {
    Architecture::bert,        Architecture::distilbert, Architecture::roberta, Architecture::gpt2,
    Architecture::xlm_roberta, Architecture::camembert,  Architecture::electra, Architecture::albert};

/// As config.json has it in "model_type".
const char* name(Architecture architecture);
/// nullopt for a name that is none.
std::optional<Architecture> architecture_named(const std::string& name);
/// Of those that models are made from scratch as. Throws UsageError for anything but bert, distilbert,
/// roberta, gpt2.
Architecture architecture_from_name(const std::string& name);

enum class ReadOut { first, last };

/// In what they differ. Everything else is shared.
struct ArchitectureTraits {
  bool pre_norm;             // LayerNorm before attention and feed-forward (GPT-2) or after the residual sum
  bool causal;               // a row sees only itself and earlier rows
  bool has_types;            // segment embeddings
  bool positions_after_pad;  // the first pad_id + 1 positions are nobody's
  bool shared_blocks;        // all blocks have the parameters of the first
  bool embedding_norm;       // LayerNorm after the embeddings
  bool attention_out_dropout;  // dropout on the attention's output projection
  bool special_tokens;         // texts are wrapped in [CLS] … [SEP]
  ReadOut read_out;            // row of a text that the head reads
  bool final_norm;             // LayerNorm before the head
  bool head_hidden;            // a (D, D) layer before the classifier
  Activation head_activation;  // of that layer
  bool head_dropout_first;     // dropout before that layer too
  bool head_bias;
};
const ArchitectureTraits& traits(Architecture architecture);

enum class Positions { learned, rope, none };  // rope: rotary, of queries and keys
enum class Norm { layer, rms, none };

/// Words for the values of a switch, in their order, as options and config.json have them.
inline constexpr const char* kAttentionWords[] = {"softmax", "softmax-plus-one", "sigmoid", "linear", "sum"};
inline constexpr const char* kNormWords[] = {"layer", "rms", "none"};
inline constexpr const char* kPositionWords[] = {"learned", "rope", "none"};
inline constexpr const char* kReadOutWords[] = {"first", "last"};
inline constexpr const char* kHeadWords[] = {"linear", "hidden"};

template <std::size_t N, class Value>
const char* word_of(const char* const (&words)[N], Value value) {
  return words[static_cast<std::size_t>(value)];
}
/// nullopt for a word that is none of them.
template <class Value, std::size_t N>
std::optional<Value> value_of(const char* const (&words)[N], std::string_view word) {
  for (std::size_t i = 0; i < N; ++i)
    if (word == words[i]) return static_cast<Value>(i);
  return std::nullopt;
}

struct ClassifierConfig {
  Architecture architecture = Architecture::bert;
  Index layers = 1;
  Index width = 768;
  Index embedding_width = 0;  // of the embeddings, which are mapped to the width; 0: the width
  Index heads = 12;
  Index feed_forward = 3072;
  Index vocabulary = 0;
  Index max_positions = 512;  // longest text, in tokens
  Index types = 2;
  Index labels = 2;
  double layer_norm_eps = 1e-12;
  Activation activation = Activation::gelu_erf;
  double embedding_dropout = 0.1;
  double attention_dropout = 0.1;
  double hidden_dropout = 0.1;
  double head_dropout = 0.1;
  double initializer_range = 0.02;
  TokenId pad_id = 0;
  std::vector<std::string> label_names;  // "LABEL_0" … where empty
  std::optional<ProblemType> problem_type;

  // Switches for study and teaching.
  AttentionKind attention = AttentionKind::softmax;
  Norm norm = Norm::layer;
  Positions positions = Positions::learned;
  ReadOut read_out = ReadOut::first;
  bool head_hidden = true;  // a (D, D) layer before the classifier; without it the head is one linear map
  bool feed_forward_on = true;
  bool residual = true;

  /// Switches that Hugging Face's library has no setting for, as "norm rms". Without any it reads the model
  /// as we do; a model without positions is one whose table is zero.
  std::vector<std::string> unlike_hugging_face() const;

  /// problem_type; without it, and for a single class, that of the number of labels: one is a regression.
  ProblemType problem() const;
  const ArchitectureTraits& traits() const { return slalom::traits(architecture); }
  /// Columns E of the embedding tables.
  Index table_width() const { return embedding_width == 0 ? width : embedding_width; }
  bool maps_embedding() const { return table_width() != width || traits().shared_blocks; }
  /// Rows of the position table; RoBERTa's first pad_id + 1 rows belong to no position.
  Index position_rows() const { return max_positions + position_offset(); }
  Index position_offset() const { return traits().positions_after_pad ? Index{pad_id} + 1 : 0; }
  /// label_names, or "LABEL_0" … without them.
  std::vector<std::string> class_names() const;
  void set_dropout(double rate) {
    embedding_dropout = attention_dropout = hidden_dropout = head_dropout = rate;
  }

  /// Throws Error naming the field for sizes that are not positive, heads that do not divide the width,
  /// or rates outside [0, 1). `where` names the source of the values.
  void validate(const std::string& where) const;
};

/// The library's defaults for an architecture, as Hugging Face's configuration classes have them (dropout
/// 0.1, DistilBERT's head 0.2), with feed_forward = 4 · width.
ClassifierConfig default_config(Architecture architecture, Index layers, Index width, Index heads,
                                Index vocabulary);

}  // namespace slalom
