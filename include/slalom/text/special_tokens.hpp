// Tokens that are no part of a text but stand around it, and those that stand for something in it.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "slalom/text/vocabulary.hpp"

namespace slalom {

/// Their ids; a model has some of them or none.
struct SpecialTokens {
  std::optional<TokenId> cls{}, sep{}, pad{}, unk{}, mask{};
  std::optional<TokenId> begin{}, end{};  // of a text: <|endoftext|>
  std::vector<TokenId> others{};

  /// Whether the token is no part of a text. An unknown-word or mask token is one: it stands for something.
  bool is_special(TokenId id) const;
  /// All that are no part of a text, ascending.
  std::vector<TokenId> ids() const;
};

/// What the files of a model folder call one of them, and the names that it usually has.
struct SpecialTokenField {
  const char* name;
  std::optional<TokenId> SpecialTokens::*id;
  std::array<const char*, 2> usual;
};
inline constexpr SpecialTokenField kSpecialTokenFields[] = {
    {"cls_token", &SpecialTokens::cls, {"[CLS]", "<s>"}},
    {"sep_token", &SpecialTokens::sep, {"[SEP]", "</s>"}},
    {"pad_token", &SpecialTokens::pad, {"[PAD]", "<pad>"}},
    {"unk_token", &SpecialTokens::unk, {"[UNK]", "<unk>"}},
    {"mask_token", &SpecialTokens::mask, {"[MASK]", "<mask>"}},
    {"bos_token", &SpecialTokens::begin, {"<|endoftext|>", "<|endoftext|>"}},
    {"eos_token", &SpecialTokens::end, {"<|endoftext|>", "<|endoftext|>"}}};

/// The first of the field's usual names that the vocabulary has.
std::optional<TokenId> find_usual(const SpecialTokenField& field, const Vocabulary& vocabulary);
/// All of them by their usual names.
SpecialTokens usual_special_tokens(const Vocabulary& vocabulary);

/// What a model reads: [CLS] text [SEP], or the bare text for a model without these tokens. `out` is
/// overwritten and keeps its memory.
void wrap(std::span<const TokenId> text, const SpecialTokens& special, std::vector<TokenId>& out);
std::vector<TokenId> wrap(std::span<const TokenId> text, const SpecialTokens& special);

}  // namespace slalom
