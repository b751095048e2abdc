// A folder in memory whose files a fuzzer writes.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace slalom::test {

class FuzzFolder {
 public:
  FuzzFolder() : path_("/dev/shm/slalom_fuzz_" + std::to_string(getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~FuzzFolder() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  /// Not renamed and not flushed to a disk, as OutputFile does it: a fuzzer writes thousands a second.
  void write(std::string_view name, std::string_view bytes) const {
    const int file = open(this->file(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || ::write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
      std::abort();
    close(file);
  }

 private:
  std::string path_;
};

}  // namespace slalom::test
