#include "slalom/base/sha256.hpp"

#include <fcntl.h>
#include <nettle/sha2.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "slalom/base/files.hpp"

namespace slalom {

namespace {

class Sha256 {
 public:
  Sha256() { sha256_init(&state_); }
  void add(const void* bytes, std::size_t count) {
    sha256_update(&state_, count, static_cast<const std::uint8_t*>(bytes));
  }
  std::string hexadecimal() {
    std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest{};
    sha256_digest(&state_, digest.size(), digest.data());
    std::string hex;
    for (std::uint8_t byte : digest)
      for (int shift : {4, 0}) hex += "0123456789abcdef"[byte >> shift & 15];
    return hex;
  }

 private:
  sha256_ctx state_{};
};

}  // namespace

std::string sha256_of(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes.data(), bytes.size());
  return hash.hexadecimal();
}

std::string sha256_of_files(const std::vector<std::string>& paths) {
  Sha256 hash;
  std::vector<std::uint8_t> bytes(std::size_t{1} << 20);
  for (const std::string& path : paths) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) throw_file_error(path, "open", errno);
    for (ssize_t n; (n = ::read(file.get(), bytes.data(), bytes.size())) != 0;) {
      if (n > 0)
        hash.add(bytes.data(), static_cast<std::size_t>(n));
      else if (errno != EINTR)
        throw_file_error(path, "read", errno);
    }
  }
  return hash.hexadecimal();
}

}  // namespace slalom
