// Normalisation of a text before it is cut into words, with the way back to the original bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slalom {

/// One pass over all characters. NFC is decompose and compose, NFKC decompose_compatible and compose.
enum class NormalizerStep {
  clean,                   // control characters, U+0000 and U+FFFD go, white space becomes " "
  space_ideographs,        // a space before and after each
  decompose,               // NFD
  decompose_compatible,    // NFKD
  compose,                 // canonical composition of decomposed text
  strip_nonspacing_marks,  // category Mn
  strip_marks,             // categories Mn, Mc, Me
  lower_case,              // by the character: no final sigma
  strip_left,              // white space at the beginning goes
  strip_right,
  join_spaces,    // two spaces or more become `to`
  replace,        // each `from` becomes `to`
  character_map,  // SentencePiece's map, `from` as its files hold it
};

/// A step with what it needs.
struct NormalizerRule {
  NormalizerStep step;
  std::string from{}, to{};
  NormalizerRule(NormalizerStep of, std::string what = {}, std::string by = {})
      : step(of), from(std::move(what)), to(std::move(by)) {}
};

/// The rule of such a map: a double-array trie of byte strings and what they become. Throws Error naming
/// `where` unless its places lie in it.
NormalizerRule character_map_rule(std::string map, const std::string& where);

struct BertNormalizer {
  bool clean = true, space_ideographs = true, strip_accents = true, lower_case = true;
};
/// In BERT's order; accents go as category Mn of decomposed text.
std::vector<NormalizerRule> bert_steps(const BertNormalizer& normalizer);

/// Bytes [begin, end) of the original.
struct SourceRange {
  std::uint32_t begin = 0, end = 0;
};

struct NormalizedText {
  std::string bytes;                // UTF-8, N bytes
  std::vector<SourceRange> source;  // (N) what each byte stands for
};

/// `text` is valid UTF-8 and lies at byte `offset` of the original. Without steps each byte stands for
/// itself; otherwise for the whole of its original character, a stripped mark belonging to the character
/// before it, and an added space for nothing (begin = end).
NormalizedText normalize(std::string_view text, std::uint32_t offset, std::span<const NormalizerRule> steps);

}  // namespace slalom
