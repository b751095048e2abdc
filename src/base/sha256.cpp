#include "slalom/base/sha256.hpp"

#include <fcntl.h>
#include <nettle/sha2.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "slalom/base/files.hpp"

namespace slalom {

std::string sha256_of_files(const std::vector<std::string>& paths) {
  sha256_ctx state;
  sha256_init(&state);
  std::vector<std::uint8_t> bytes(std::size_t{1} << 20);
  for (const std::string& path : paths) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) throw_file_error(path, "open", errno);
    for (ssize_t n; (n = ::read(file.get(), bytes.data(), bytes.size())) != 0;) {
      if (n > 0)
        sha256_update(&state, static_cast<std::size_t>(n), bytes.data());
      else if (errno != EINTR)
        throw_file_error(path, "read", errno);
    }
  }
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest{};
  sha256_digest(&state, digest.size(), digest.data());
  std::string hex;
  for (std::uint8_t byte : digest)
    for (int shift : {4, 0}) hex += "0123456789abcdef"[byte >> shift & 15];
  return hex;
}

}  // namespace slalom
