// A file below the system's temporary folder that lives as long as its object.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"

namespace slalom::test {

struct TemporaryFile {
  std::string path;

  /// `name` keeps apart the files that one test has at a time.
  explicit TemporaryFile(std::string_view bytes, const char* name = "file")
      : path(std::filesystem::temp_directory_path() / concat("slalom_", getpid(), "_", name)) {
    write(bytes);
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::string_view bytes) const {
    OutputFile file(path);
    file.write(bytes);
    file.commit();
  }
};

}  // namespace slalom::test
