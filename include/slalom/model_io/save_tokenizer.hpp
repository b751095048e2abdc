// The tokenizer files of a model folder, written as load_tokenizer() and Hugging Face's library read them.
#pragma once

#include <string>

#include "slalom/text/train_vocabulary.hpp"

namespace slalom {

/// vocab.txt, or vocab.json and merges.txt, with tokenizer_config.json and special_tokens_map.json. Makes the
/// folder. Throws Error if a file cannot be written.
void save_tokenizer(const TrainedVocabulary& trained, const VocabularyTraining& training,
                    const std::string& folder);

/// tokenizer.json and tokenizer_config.json for whole words, and removes other tokenizer files: a text of
/// words of the vocabulary, one space apart, reads as their ids, between [CLS] and [SEP] if `wrapped`. Texts
/// are lower-cased and split as BERT does it, unless that would change a word. `segments`: the model reads
/// token_type_ids. Throws Error if a file cannot be written.
void save_word_tokenizer(const Vocabulary& vocabulary, bool wrapped, bool segments,
                         const std::string& folder);

/// Copies the tokenizer files of a folder, and removes others of theirs: texts read there as they do here,
/// whatever model that folder holds. Throws Error as read_file() and write_file() do.
void copy_tokenizer(const std::string& from, const std::string& to);

}  // namespace slalom
