// libFuzzer: whatever the bytes, Vocabulary::load throws Error or gives distinct tokens, of which WordPiece
// makes the first line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "memory_file.hpp"
#include "slalom/base/error.hpp"
#include "slalom/text/word_pieces.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    const auto vocabulary = slalom::Vocabulary::load(slalom::test::memory_file(bytes, size));
    for (slalom::TokenId id = 0; id < vocabulary.size(); ++id)
      if (vocabulary.find(vocabulary.token(id)) != id) std::abort();
    std::vector<slalom::Piece> pieces;
    const std::string& word = vocabulary.token(0);
    slalom::WordPieces{.unk = 0, .longest_word = 1000}.cut_word(word, vocabulary, pieces);
    if (!word.empty() && (pieces.size() != 1 || pieces[0].id != 0)) std::abort();
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
