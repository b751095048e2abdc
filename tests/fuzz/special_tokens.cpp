// libFuzzer: whatever a file of a folder's special tokens holds (the first byte chooses which, the others are
// harmless), its reader throws Error or gives tokens of the vocabulary, and a tokenizer that cuts texts.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "folder.hpp"
#include "slalom/base/error.hpp"
#include "slalom/model_io/folder_tokens.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"

namespace {

constexpr const char* kFiles[] = {"special_tokens_map.json", "tokenizer_config.json", "added_tokens.json"};

void check(const slalom::FolderTokens& tokens) {
  for (const slalom::TokenId id : tokens.special.ids())
    if (!tokens.vocabulary.contains(id)) std::abort();
  for (const slalom::AddedToken& token : tokens.named)
    if (tokens.vocabulary.find(token.content) != token.id) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const slalom::test::FuzzFolder folder;
  if (size == 0) return 0;
  folder.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n<s>\n</s>\na\n##b\n");
  for (std::size_t i = 0; i < std::size(kFiles); ++i)
    folder.write(kFiles[i], i == bytes[0] % std::size(kFiles)
                                ? std::string_view(reinterpret_cast<const char*>(bytes + 1), size - 1)
                                : std::string_view("{}"));
  try {
    check(slalom::read_folder_tokens(folder.path()));
    const auto tokenizer = slalom::load_tokenizer(folder.path());
    for (const slalom::TokenId id : tokenizer.value().encode("a ab [MASK]<s> x", "text").ids)
      tokenizer->readable(id);
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
