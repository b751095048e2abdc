// SHA-256 (FIPS 180-4) of files: says for certain which weights an explanation is of.
#pragma once

#include <string>
#include <vector>

namespace slalom {

/// 64 hexadecimal digits, of the bytes of the files one after the other as they are stored. Throws Error if
/// one cannot be read.
std::string sha256_of_files(const std::vector<std::string>& paths);

}  // namespace slalom
