// SHA-256 (FIPS 180-4): says for certain which weights an explanation is of, or which question was asked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slalom {

/// 64 hexadecimal digits.
std::string sha256_of(std::string_view bytes);

/// The same, of the bytes of the files one after the other as they are stored. Throws Error if
/// one cannot be read.
std::string sha256_of_files(const std::vector<std::string>& paths);

}  // namespace slalom
