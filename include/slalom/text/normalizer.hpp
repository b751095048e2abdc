// Normalisation of a text before it is cut into words, with the way back to the original bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slalom {

/// Bytes [begin, end) of the original.
struct SourceRange {
  std::uint32_t begin = 0, end = 0;
};
struct SourcedCharacter {
  char32_t code;
  SourceRange source;
};
using Characters = std::vector<SourcedCharacter>;

/// One pass over all characters.
using NormalizerStep = std::function<void(Characters&)>;

namespace normalizer {

void clean(Characters& text);             // control characters, U+0000 and U+FFFD go, white space becomes " "
void space_ideographs(Characters& text);  // a space before and after each
void decompose(Characters& text);         // NFD
void decompose_compatible(Characters& text);    // NFKD
void compose(Characters& text);                 // canonical composition of decomposed text: NFC, NFKC
void strip_nonspacing_marks(Characters& text);  // category Mn
void strip_marks(Characters& text);             // categories Mn, Mc, Me
void lower_case(Characters& text);              // by the character: no final sigma
void strip_left(Characters& text);              // white space at the beginning goes
void strip_right(Characters& text);
NormalizerStep join_spaces(std::string to);  // two spaces or more become this
NormalizerStep replace(std::string_view from, std::string to);
/// SentencePiece's map of characters, as its files hold it: a double-array trie of byte strings and what they
/// become. Throws Error naming `where` unless its places lie in it.
NormalizerStep map_characters(std::string map, const std::string& where);

}  // namespace normalizer

struct BertNormalizer {
  bool clean = true, space_ideographs = true, strip_accents = true, lower_case = true;
};
/// In BERT's order; accents go as category Mn of decomposed text.
std::vector<NormalizerStep> bert_steps(const BertNormalizer& normalizer);

struct NormalizedText {
  std::string bytes;                // UTF-8, N bytes
  std::vector<SourceRange> source;  // (N) what each byte stands for
};

/// `text` is valid UTF-8 and lies at byte `offset` of the original. Without steps each byte stands for
/// itself; otherwise for the whole of its original character, a stripped mark belonging to the character
/// before it, and an added space for nothing (begin = end).
NormalizedText normalize(std::string_view text, std::uint32_t offset, std::span<const NormalizerStep> steps);

}  // namespace slalom
