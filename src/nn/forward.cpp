// The forward pass, from token ids to logits. Post-norm blocks (BERT, DistilBERT, RoBERTa):
//   m = LN1(x + Attention(x)),  y = LN2(m + FeedForward(m));
// pre-norm blocks (GPT-2):
//   m = x + Attention(LN1(x)),  y = m + FeedForward(LN2(m)).
#include "slalom/nn/classifier.hpp"

#include <numeric>

#include "slalom/nn/distinct_rows.hpp"
#include "slalom/ops/attention.hpp"
#include "slalom/ops/dropout.hpp"
#include "slalom/ops/elementwise.hpp"
#include "slalom/ops/embedding.hpp"
#include "slalom/ops/gather_rows.hpp"
#include "slalom/ops/layer_norm.hpp"
#include "slalom/ops/linear.hpp"
#include "slalom/ops/rotary.hpp"

namespace slalom {

namespace {

// Places of dropout; a site is 4 · layer + place, layer −1 being outside the blocks.
enum class Place : std::uint32_t {
  attention = 0,
  attention_out = 1,
  mlp_out = 2,
  embedding = 0,
  head_input = 1,
  head = 3
};
constexpr int kOutside = -1;

template <class T>
struct Forward {
  Tape<T>& tape;
  Classifier<T>& model;
  const PackedTexts& texts;
  const ForwardOptions& pass;
  std::span<const Index> read_out{};              // (B) the row of each text that the head reads
  std::span<const RowOrigin> origins{};           // (N)
  std::span<const RowOrigin> read_out_origins{};  // (B)
  std::span<const TokenId> row_place{};           // (N) in its text, and of the read-out rows (B): rotary
  std::span<const TokenId> read_out_place{};      // positions only
  RowKeys keys{};                                 // (U) of the first block's input rows
  std::span<const Index> row_of{};                // (N) the input row that equals each row; empty: U = N
  std::span<const Index> read_out_row_of{};       // (B) the same of the read-out rows

  const ClassifierConfig& config() const { return model.config(); }

  Var parameter(ParameterId id) {
    if (!id.valid()) return {};
    return pass.frozen ? tape.constant(model.parameters().value(id)) : tape.parameter(model.parameters(), id);
  }

  bool shares_rows() const { return !row_of.empty(); }

  void name(const char* stem, int layer, Var v) { tape.name({stem, layer}, tape.value(v)); }

  Dropout dropout_at(Place place, int layer, double rate) const {
    if (pass.dropout_key == nullptr) return {};
    return {rate, *pass.dropout_key,
            static_cast<std::uint32_t>(4 * (layer + 1)) + static_cast<std::uint32_t>(place)};
  }

  Var drop(Var x, Place place, int layer, double rate) {
    const bool every_row = tape.value(x).rows() == texts.rows();
    return dropout(tape, x, dropout_at(place, layer, rate), every_row ? origins : read_out_origins);
  }

  Var apply(const LinearIds& ids, Var x, Activation f = Activation::none, Tensor<T>* pre = nullptr) {
    const auto number = static_cast<std::size_t>(ids.weight.index);
    const Bf16Weight* rounded = pass.bf16.empty() || pass.bf16[number].empty() ? nullptr : &pass.bf16[number];
    return linear(tape, x, parameter(ids.weight), parameter(ids.bias), f, pre, WeightLayout::out_in, rounded);
  }

  // LN(x + residual); without LayerNorm (a switch) just the sum.
  Var normalise(const LayerNormIds& ids, Var x, Var residual = {}) {
    if (ids.weight.valid())
      return layer_norm(tape, x, residual, parameter(ids.weight), parameter(ids.bias),
                        config().layer_norm_eps);
    return residual.valid() ? add(tape, x, residual) : x;
  }

  void lay_out_rows() {
    const Index B = texts.texts();
    const std::span<Index> rows = tape.arena().template array<Index>(B);
    const std::span<RowOrigin> their_origins = tape.arena().template array<RowOrigin>(B);
    origins = row_origins(tape.arena(), texts);
    for (Index b = 0; b < B; ++b) {
      const auto i = static_cast<std::size_t>(b);
      rows[i] = config().read_out == ReadOut::first ? texts.begin[i] : texts.begin[i + 1] - 1;
      their_origins[i] = origins[static_cast<std::size_t>(rows[i])];
    }
    read_out = rows;
    read_out_origins = their_origins;
  }

  std::span<const TokenId> type_ids() {
    if (!texts.types.empty()) return texts.types;
    const std::span<TokenId> zeros = tape.arena().template array<TokenId>(texts.rows());
    std::ranges::fill(zeros, TokenId{0});
    return zeros;
  }

  std::span<TokenId> places(std::span<const RowOrigin> rows) {
    const std::span<TokenId> list = tape.arena().template array<TokenId>(std::ssize(rows));
    std::ranges::transform(rows, list.begin(),
                           [](const RowOrigin& row) { return static_cast<TokenId>(row.position); });
    return list;
  }

  // Rows that are equal before the first block are computed once where nobody looks at them one by one.
  void find_rows() {
    const EmbeddingIds& ids = model.embedding();
    std::span<TokenId> positions;
    if (ids.position.valid()) {
      positions = tape.arena().template array<TokenId>(texts.rows());
      position_ids(config(), texts, positions);
    } else if (config().positions == Positions::rope) {
      row_place = positions = places(origins);
      read_out_place = places(read_out_origins);
    }
    keys = {texts.ids, positions, ids.type.valid() ? type_ids() : std::span<const TokenId>{}};
    if (tape.recording() == Recording::on || pass.last_block == ForwardOptions::LastBlock::all_rows ||
        pass.dropout_key != nullptr || pass.word_rows.valid())
      return;
    const DistinctRows distinct = distinct_rows(tape.arena(), keys);
    keys = distinct.keys;
    row_of = distinct.of_row;
    const std::span<Index> asked = tape.arena().template array<Index>(texts.texts());
    for (std::size_t b = 0; b < asked.size(); ++b) asked[b] = row_of[static_cast<std::size_t>(read_out[b])];
    read_out_row_of = asked;
  }

  // Given rows are a table of their own, summed in the same order as looked up ones, to the same bits.
  Gather word_embeddings() {
    if (!pass.word_rows.valid()) return {parameter(model.embedding().token), keys.token};
    const Shape wanted{texts.rows(), config().table_width()}, &found = tape.value(pass.word_rows).shape;
    if (found != wanted)
      throw Error(concat("[forward] word_rows is ", to_string(found), ", wanted ", to_string(wanted)));
    const std::span<TokenId> every_row = tape.arena().template array<TokenId>(texts.rows());
    std::iota(every_row.begin(), every_row.end(), TokenId{0});
    return {pass.word_rows, every_row};
  }

  Var embed() {
    const EmbeddingIds& ids = model.embedding();
    const Gather token_rows = word_embeddings();
    const Gather position_rows{parameter(ids.position), keys.position},
        type_rows{parameter(ids.type), keys.type};
    Var x;
    if (ids.position.valid() && ids.type.valid())
      x = embedding(tape, {token_rows, position_rows, type_rows});
    else if (ids.position.valid())
      x = embedding(tape, {token_rows, position_rows});
    else if (ids.type.valid())
      x = embedding(tape, {token_rows, type_rows});
    else
      x = embedding(tape, {token_rows});
    if (ids.norm.weight.valid()) x = normalise(ids.norm, x);
    x = drop(x, Place::embedding, kOutside, config().embedding_dropout);
    if (ids.map.weight.valid()) {
      name("embed.narrow", kOutside, x);
      x = apply(ids.map, x);
    }
    name("embed", kOutside, x);
    return x;
  }

  // Which rows of a block's input go through all of it, and who asks and is asked in its attention.
  struct BlockRows {
    std::span<const Index> through;  // of the block's input; empty: all of them
    QueryRows queries;
    KeyRows keys;
    std::span<const TokenId> query_place, key_place;
  };
  BlockRows block_rows(int layer, bool read_out_only) const {
    const QueryRows queries{read_out_only ? read_out : std::span<const Index>{}};
    const std::span<const TokenId> query_place = read_out_only ? read_out_place : row_place;
    if (layer > 0 || !shares_rows()) return {queries.rows, queries, {}, query_place, row_place};
    return {read_out_only ? read_out_row_of : row_of, queries, {row_of}, query_place, keys.position};
  }
  Var picked(Var x, const BlockRows& rows) {
    return rows.through.empty() ? x : gather_rows(tape, x, rows.through);
  }

  // What the block's attention adds to the residual stream of the rows that go through. `source` is what keys
  // and values are made of, `asked` the rows of it that go through.
  Var attend(const BlockIds& ids, int layer, Var asked, Var source, const BlockRows& rows) {
    const Index D = config().width;
    const bool few = tape.value(source).rows() < tape.value(asked).rows();  // rows are shared
    const auto turned = [&](Var x, std::span<const TokenId> at) {
      return row_place.empty() ? x : rotary(tape, x, at, D, D / config().heads);
    };
    const Var q =
        turned(few ? picked(apply(ids.query, source), rows) : apply(ids.query, asked), rows.query_place);
    const Var kv = turned(apply(ids.keys_values, source), rows.key_place);
    Tensor<T> pattern;
    const Mask mask = config().traits().causal ? Mask::causal : Mask::bidirectional;
    const Var z = attention(tape, q, kv, texts, config().heads, {mask, config().attention},
                            dropout_at(Place::attention, layer, config().attention_dropout), rows.queries,
                            pass.patterns ? &pattern : nullptr, rows.keys);
    const Var out = apply(ids.attention_out, z);
    name("attn.q", layer, q);
    tape.name_columns({"attn.k", layer}, tape.value(kv), 0, D);
    tape.name_columns({"attn.v", layer}, tape.value(kv), D, D);
    if (pass.patterns) tape.name({"attn.pattern", layer}, pattern);
    name("attn.z", layer, z);
    name("attn.out", layer, out);
    const double rate = config().traits().attention_out_dropout ? config().hidden_dropout : 0;
    return drop(out, Place::attention_out, layer, rate);
  }

  Var feed_forward(const BlockIds& ids, int layer, Var x) {
    Tensor<T> pre;
    const bool keep = tape.recording() == Recording::on;
    const Var post = apply(ids.feed_forward_in, x, config().activation, keep ? &pre : nullptr);
    const Var out = apply(ids.feed_forward_out, post);
    if (keep) tape.name({"mlp.pre", layer}, pre);
    name("mlp.post", layer, post);
    name("mlp.out", layer, out);
    return drop(out, Place::mlp_out, layer, config().hidden_dropout);
  }

  // The whole block, or, with read_out_only, its output at the read-out rows: keys and values still come from
  // all rows. Rows are picked before full-width work, so that on the way back the full gradient is written
  // first and the rows' share is added to it.
  Var block(int layer, Var x, bool read_out_only) {
    const BlockIds& ids = model.blocks()[static_cast<std::size_t>(layer)];
    const bool pre_norm = config().traits().pre_norm;
    const BlockRows rows = block_rows(layer, read_out_only);
    const auto residual = [&](Var v) { return config().residual ? v : Var{}; };
    const auto plus = [&](Var a, Var b) { return b.valid() ? add(tape, a, b) : a; };

    const Var stream = picked(x, rows);
    Var m;
    if (pre_norm) {
      const Var n = normalise(ids.norm1, x);
      if (ids.norm1.weight.valid()) name("norm1", layer, n);
      m = plus(attend(ids, layer, picked(n, rows), n, rows), residual(stream));
    } else {
      m = normalise(ids.norm1, attend(ids, layer, stream, x, rows), residual(stream));
    }
    name("resid_mid", layer, m);
    Var y = m;
    if (config().feed_forward_on) {
      const Var n = pre_norm ? normalise(ids.norm2, m) : m;
      if (pre_norm && ids.norm2.weight.valid()) name("norm2", layer, n);
      const Var out = feed_forward(ids, layer, n);
      y = pre_norm ? plus(out, residual(m)) : normalise(ids.norm2, out, residual(m));
    }
    name("resid_post", layer, y);
    return y;
  }

  Var head(Var x) {
    const HeadIds& ids = model.head();
    name("read_out", kOutside, x);
    if (ids.norm.weight.valid()) {
      x = normalise(ids.norm, x);
      name("head.norm", kOutside, x);
    }
    if (ids.hidden.weight.valid()) {
      if (config().traits().head_dropout_first)
        x = drop(x, Place::head_input, kOutside, config().head_dropout);
      x = apply(ids.hidden, x, config().traits().head_activation);
      name("head.hidden", kOutside, x);
    }
    const Var logits = apply(ids.out, drop(x, Place::head, kOutside, config().head_dropout));
    name("logits", kOutside, logits);
    return logits;
  }

  Var run() {
    lay_out_rows();
    find_rows();
    Var x = embed();
    const int L = static_cast<int>(config().layers);
    for (int l = 0; l < L; ++l) {
      const bool last = l == L - 1;
      const bool read_out_only = last && pass.last_block == ForwardOptions::LastBlock::read_out_rows;
      const bool rewinds = tape.recording() == Recording::off && !last;
      // Where the block's output goes, which has more rows than its input if that is shared.
      const Var place = rewinds && l == 0 && shares_rows()
                            ? tape.constant(tape.allocate({texts.rows(), config().width}))
                            : x;
      const auto mark = tape.mark();
      const Var y = block(l, x, read_out_only);
      if (rewinds) tape.rewind_into(mark, place, y);
      x = rewinds ? place : y;
    }
    if (pass.last_block == ForwardOptions::LastBlock::all_rows) x = gather_rows(tape, x, read_out);
    return head(x);
  }
};

}  // namespace

template <class T>
void Classifier<T>::check(const PackedTexts& texts) const {
  if (texts.begin.size() < 2) throw Error("[forward] a batch without texts");
  if (texts.begin.front() != 0 || texts.begin.back() != texts.rows())
    throw Error(concat("[forward] texts begin at row ", texts.begin.front(), " and end at row ",
                       texts.begin.back(), ", wanted 0 and ", texts.rows()));
  for (Index b = 0; b < texts.texts(); ++b) {
    const Index n = texts.length(b);
    if (n <= 0) throw Error(concat("[forward] text ", b, " is empty"));
    if (config_.positions == Positions::learned && n > config_.max_positions)
      throw Error(concat("[forward] text ", b, " has ", n, " tokens, the model has ", config_.max_positions,
                         " positions"));
  }
  for (std::size_t r = 0; r < texts.ids.size(); ++r)
    if (texts.ids[r] < 0 || texts.ids[r] >= config_.vocabulary)
      throw Error(
          concat("[forward] row ", r, " has id ", texts.ids[r], ", the vocabulary has ", config_.vocabulary));
}

template <class T>
Var Classifier<T>::forward(Tape<T>& tape, const PackedTexts& texts, const ForwardOptions& pass) {
  check(texts);
  return Forward<T>{tape, *this, texts, pass}.run();
}

template void Classifier<float>::check(const PackedTexts&) const;
template void Classifier<double>::check(const PackedTexts&) const;
template Var Classifier<float>::forward(Tape<float>&, const PackedTexts&, const ForwardOptions&);
template Var Classifier<double>::forward(Tape<double>&, const PackedTexts&, const ForwardOptions&);

}  // namespace slalom
