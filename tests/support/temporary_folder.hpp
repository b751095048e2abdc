// A folder below the system's temporary folder that lives as long as its object, with all that is in it.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"

namespace slalom::test {

struct TemporaryFolder {
  std::string path;

  /// `name` keeps apart the folders that one test has at a time.
  explicit TemporaryFolder(const char* name = "folder")
      : path(std::filesystem::temp_directory_path() / concat("slalom_", getpid(), "_", name)) {
    make_folders(path);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string file(std::string_view name) const { return concat(path, "/", name); }
  void write(std::string_view name, std::string_view bytes) const {
    OutputFile out(file(name));
    out.write(bytes);
    out.commit();
  }
};

}  // namespace slalom::test
