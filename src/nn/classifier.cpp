#include "slalom/nn/classifier.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/parallel.hpp"
#include "slalom/base/random.hpp"

namespace slalom {

template <class T>
Classifier<T>::Classifier(const ClassifierConfig& config) : config_(config) {
  config_.validate("configuration");
  const Index D = config_.width, E = config_.table_width();
  const ArchitectureTraits& t = config_.traits();
  embedding_.token = parameters_.add("embed.token.weight", {config_.vocabulary, E}, GradientKind::row_sparse);
  if (config_.positions == Positions::learned)
    embedding_.position =
        parameters_.add("embed.position.weight", {config_.position_rows(), E}, GradientKind::row_sparse);
  if (t.has_types) embedding_.type = parameters_.add("embed.type.weight", {config_.types, E});
  if (t.embedding_norm) embedding_.norm = add_layer_norm("embed.norm", E);
  if (config_.maps_embedding()) embedding_.map = add_linear("embed.map", D, E);
  for (Index l = 0; l < config_.layers; ++l)
    if (t.shared_blocks && l > 0)
      blocks_.push_back(blocks_.front());
    else
      add_block(concat("blocks.", l));
  if (t.final_norm) head_.norm = add_layer_norm("head.norm", D);
  if (config_.head_hidden) head_.hidden = add_linear("head.hidden", D, D);
  head_.out = add_linear("head.out", config_.labels, D, t.head_bias);
  parameters_.allocate();
}

template <class T>
LinearIds Classifier<T>::add_linear(const std::string& prefix, Index out, Index in, bool bias) {
  LinearIds ids;
  ids.weight = parameters_.add(prefix + ".weight", {out, in});
  if (bias) ids.bias = parameters_.add(prefix + ".bias", {out});
  return ids;
}

template <class T>
LayerNormIds Classifier<T>::add_layer_norm(const std::string& prefix, Index width) {
  LayerNormIds ids;
  if (config_.norm != Norm::none) ids.weight = parameters_.add(prefix + ".weight", {width});
  if (config_.norm == Norm::layer) ids.bias = parameters_.add(prefix + ".bias", {width});
  return ids;
}

template <class T>
void Classifier<T>::add_block(const std::string& prefix) {
  const Index D = config_.width, F = config_.feed_forward;
  BlockIds b;
  b.query = add_linear(prefix + ".attn.q", D, D);
  b.keys_values = add_linear(prefix + ".attn.kv", 2 * D, D);
  b.attention_out = add_linear(prefix + ".attn.out", D, D);
  b.norm1 = add_layer_norm(prefix + ".norm1", D);
  if (config_.feed_forward_on) {
    b.feed_forward_in = add_linear(prefix + ".mlp.in", F, D);
    b.feed_forward_out = add_linear(prefix + ".mlp.out", D, F);
    b.norm2 = add_layer_norm(prefix + ".norm2", D);
  }
  blocks_.push_back(b);
}

template <class T>
void Classifier<T>::initialise(std::uint64_t seed) {
  const double range = config_.initializer_range;
  const double projection = range / std::sqrt(2.0 * static_cast<double>(config_.layers));
  const auto is = [](const std::string& name, const char* ending) { return name.ends_with(ending); };
  for (int i = 0; i < parameters_.count(); ++i) {
    const std::string& name = parameters_.name({i});
    const Tensor<T> value = parameters_.value({i});
    if (is(name, ".bias") || name.find("norm") != std::string::npos) {
      std::ranges::fill(value.span(), is(name, ".bias") ? T{0} : T{1});
      continue;
    }
    const bool scaled =
        config_.architecture == Architecture::gpt2 && is(name, "out.weight") && name.starts_with("blocks");
    const double deviation = scaled ? projection : range;
    // Each row has a stream of its own, so that the draw does not depend on the split.
    parallel_ranges(value.rows(), 64, [&](Index first, Index last) {
      for (Index r = first; r < last; ++r) {
        Rng rng(seed, Purpose::initialisation,
                static_cast<std::uint64_t>(i) << 32 | static_cast<std::uint64_t>(r));
        for (Index j = 0; j < value.columns(); ++j)
          value.row(r)[j] = static_cast<T>(deviation * rng.normal());
      }
    });
  }
  if (config_.architecture != Architecture::gpt2)
    std::fill_n(parameters_.value(embedding_.token).row(config_.pad_id), config_.table_width(), T{0});
  if (config_.traits().positions_after_pad && embedding_.position.valid())
    std::fill_n(parameters_.value(embedding_.position).row(config_.pad_id), config_.table_width(), T{0});
}

template <class T>
void Classifier<T>::rows_read(const PackedTexts& texts, ParameterId table, std::vector<Index>& rows) const {
  rows.clear();
  if (table == embedding_.token) rows.assign(texts.ids.begin(), texts.ids.end());
  if (table != embedding_.position) return;
  Index longest = 0;
  for (Index b = 0; b < texts.texts(); ++b) longest = std::max(longest, texts.length(b));
  for (Index r = 0; r < config_.position_offset() + longest; ++r) rows.push_back(r);
}

void position_ids(const ClassifierConfig& config, const PackedTexts& texts, std::span<TokenId> positions) {
  const bool after_pad = config.traits().positions_after_pad;
  for (Index b = 0, r = 0; b < texts.texts(); ++b) {
    TokenId next = static_cast<TokenId>(config.position_offset());
    for (Index s = 0; s < texts.length(b); ++s, ++r) {
      const auto i = static_cast<std::size_t>(r);
      positions[i] = after_pad && texts.ids[i] == config.pad_id ? config.pad_id : next++;
    }
  }
}

std::vector<ActivationInfo> activation_names(const ClassifierConfig& config) {
  const ArchitectureTraits& t = config.traits();
  std::vector<ActivationInfo> list = {
      {"embed", "(S, D)", "sum of the embeddings, after LayerNorm and dropout"}};
  if (config.maps_embedding())
    list = {{"embed.narrow", "(S, E)", "sum of the embeddings, after LayerNorm and dropout"},
            {"embed", "(S, D)", "the same, mapped to the width of the blocks"}};
  for (Index l = 0; l < config.layers; ++l) {
    const auto add = [&](const char* stem, const char* shape, const char* meaning) {
      list.push_back({concat("blocks.", l, ".", stem), shape, meaning});
    };
    if (t.pre_norm && config.norm != Norm::none) add("norm1", "(S, D)", "what attention reads");
    add("attn.q", "(S, D)", "queries, head h in columns h d to (h + 1) d");
    add("attn.k", "(S, D)", "keys");
    add("attn.v", "(S, D)", "values");
    add("attn.pattern", "(H, S, S)",
        config.attention == AttentionKind::softmax ? "softmax(q k^T / sqrt(d)), a row for each query"
                                                   : "weights of the keys, a row for each query");
    add("attn.z", "(S, D)", "pattern times values, heads side by side");
    add("attn.out", "(S, D)", "z after the output projection");
    add("resid_mid", "(S, D)", t.pre_norm ? "residual stream after attention" : "the same after LayerNorm 1");
    if (config.feed_forward_on) {
      if (t.pre_norm && config.norm != Norm::none)
        add("norm2", "(S, D)", "what the feed-forward network reads");
      add("mlp.pre", "(S, F)", "hidden layer before its activation");
      add("mlp.post", "(S, F)", "hidden layer after it");
      add("mlp.out", "(S, D)", "output of the feed-forward network");
    }
    add("resid_post", "(S, D)", "output of the block");
  }
  list.push_back({"read_out", "(D)", "the row that the head reads"});
  if (t.final_norm && config.norm != Norm::none)
    list.push_back({"head.norm", "(D)", "the same after LayerNorm"});
  if (config.head_hidden) list.push_back({"head.hidden", "(D)", "hidden layer of the head"});
  list.push_back({"logits", "(C)", "log-odds of class c against d: logits[c] - logits[d]"});
  return list;
}

std::vector<Bf16Weight> bf16_weights(const Classifier<float>& model) {
  const ParameterStore<float>& parameters = model.parameters();
  std::vector<Bf16Weight> rounded(static_cast<std::size_t>(parameters.count()));
  for (const BlockIds& block : model.blocks())
    for (const LinearIds& map : {block.query, block.keys_values, block.attention_out, block.feed_forward_in,
                                 block.feed_forward_out}) {
      if (!map.weight.valid()) continue;
      Bf16Weight& to = rounded[static_cast<std::size_t>(map.weight.index)];
      const Tensor<float> w = parameters.value(map.weight);
      if (to.empty()) to = Bf16Weight(w.rows(), w.columns(), w.data);  // blocks may share it
    }
  return rounded;
}

template class Classifier<float>;
template class Classifier<double>;

}  // namespace slalom
