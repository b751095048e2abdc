// libFuzzer: whatever the bytes, parse_tokenizer throws Error or gives a tokenizer whose tokens are in its
// vocabulary and stand for bytes of the text. The JSON ends at the first zero byte, the text is what follows.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "slalom/base/error.hpp"
#include "slalom/text/tokenizer_json.hpp"

namespace {

void check(const slalom::Tokenizer& tokenizer, const slalom::Encoding& encoding, std::string_view text) {
  const auto size = static_cast<slalom::Index>(text.size());
  if (encoding.places.size() != encoding.ids.size() || encoding.types.size() != encoding.ids.size())
    std::abort();
  for (const slalom::TokenPlace& place : encoding.places)
    if (place.begin < 0 || place.begin > place.end || place.end > size) std::abort();
  for (const slalom::TokenId id : encoding.ids) tokenizer.readable(id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const std::string_view json = input.substr(0, input.find('\0'));
  const std::string_view text =
      json.size() < size ? input.substr(json.size() + 1) : std::string_view("a ab\u0301 É[MASK]<s> 中");
  try {
    const slalom::Tokenizer tokenizer = slalom::parse_tokenizer(json, "fuzz");
    check(tokenizer, tokenizer.encode(text, "text"), text);
    check(tokenizer, tokenizer.encode_pair(text, text, "text"), text);
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
