// pytorch_model.bin: a zip archive of plain bytes, one file a storage, and a pickle that says which tensors
// they hold. A pickle is a program. This one is run by a machine that knows the steps of a dictionary of
// tensors and no other: it can make numbers, texts, tuples, dictionaries and tensors, and calls nothing.
// Files are not trusted: every place and size is checked against the file before it is used.
#pragma once

#include <string>
#include <string_view>

#include "slalom/model_io/tensor_file.hpp"

namespace slalom {

/// How such files begin.
inline constexpr std::string_view kZipMagic = "PK\x03\x04";
/// How the format before it began, which is a bare pickle.
inline constexpr std::string_view kLegacyMagic = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20";

/// The tensors in the order of the pickle. Throws Error("WHERE: …") for compressed or encrypted archives and
/// those beyond 4 GiB, for any step or name in the pickle that a dictionary of tensors does not need, for
/// entries that are no tensors, and for what does not fit the file.
TensorHeader read_pytorch_header(const ReadBytes& read, std::uint64_t file_bytes, const std::string& where);

}  // namespace slalom
