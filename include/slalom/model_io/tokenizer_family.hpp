// Whose tokenizer the vocabulary file of a model folder makes.
#pragma once

#include <optional>
#include <string>

namespace slalom {

enum class TokenizerFamily { bert, gpt2, roberta, xlm_roberta, albert, camembert };

/// That of Hugging Face's class, such as "BertTokenizerFast"; nullopt for one that is not known.
std::optional<TokenizerFamily> tokenizer_family_of_class(std::string name);

/// The class that has the family's tokenizer.
std::string tokenizer_class(TokenizerFamily family);

/// Of those that can have `file` (vocab.txt, vocab.json, sentencepiece.bpe.model, spiece.model) the one that
/// tokenizer_config.json's "tokenizer_class" says, else config.json's "model_type", else the usual one.
/// Throws Error naming the class or type of another family.
TokenizerFamily read_tokenizer_family(const std::string& folder, const std::string& file);

}  // namespace slalom
