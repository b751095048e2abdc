// libFuzzer: whatever the bytes, parse_sentence_pieces throws Error or gives pieces that cut a text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "slalom/base/error.hpp"
#include "slalom/model_io/sentence_pieces.hpp"
#include "slalom/text/tokenizer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace slalom;
  try {
    const SentencePieces model = parse_sentence_pieces({reinterpret_cast<const char*>(bytes), size}, "fuzz");
    std::vector<std::string> tokens;
    std::vector<double> scores;
    for (const auto& [piece, score] : model.pieces) {
      tokens.push_back(piece);
      scores.push_back(score);
    }
    TokenizerParts parts{
        .vocabulary = Vocabulary(std::move(tokens)),
        .scheme = UnigramScheme{
            .model = Unigram(std::move(scores), static_cast<TokenId>(model.unk), model.byte_fallback)}};
    if (!model.character_map.empty())
      parts.normalizer = {normalizer::map_characters(model.character_map, "fuzz")};
    const std::string text = "the e\u0301te\u0301 \uFB01ne 中国 \U0001F600 \u00BD";
    const Encoding encoding = Tokenizer(std::move(parts)).encode(text, "fuzz");
    for (const TokenPlace& place : encoding.places)
      if (place.begin < 0 || place.begin > place.end || place.end > static_cast<Index>(text.size()))
        std::abort();
  } catch (const Error&) {
    return 0;
  }
  return 0;
}
