// libFuzzer: whatever the bytes, load_merges throws Error or gives merges that byte pairs can be made of,
// whose pieces cover a word.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "memory_file.hpp"
#include "slalom/base/error.hpp"
#include "slalom/text/byte_pairs.hpp"

namespace {

/// All bytes, and all tokens of the merges.
slalom::Vocabulary vocabulary_of(const slalom::Merges& merges) {
  std::set<std::string> tokens;
  for (int b = 0; b < 256; ++b)
    tokens.insert(slalom::to_byte_characters(std::string(1, static_cast<char>(b))));
  for (const auto& [left, right] : merges) tokens.insert({left, right, left + right});
  return slalom::Vocabulary({tokens.begin(), tokens.end()});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    const slalom::Merges merges = slalom::load_merges(slalom::test::memory_file(bytes, size));
    const slalom::Vocabulary vocabulary = vocabulary_of(merges);
    const slalom::BytePairs pairs(vocabulary, merges, {}, "fuzz");
    std::vector<slalom::Piece> pieces;
    pairs.cut_word({reinterpret_cast<const char*>(bytes), size}, vocabulary, pieces);
    std::size_t at = 0;
    for (const slalom::Piece& piece : pieces) {
      if (piece.begin != at || piece.end <= at) std::abort();
      at = piece.end;
    }
    if (at != size) std::abort();
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
