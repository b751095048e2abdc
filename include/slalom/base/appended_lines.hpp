// A file that grows line by line: whatever ends the process, the lines before stay.
#pragma once

#include <functional>

#include "slalom/base/files.hpp"

namespace slalom {

class AppendedLines {
 public:
  /// Calls each(line, "FILE: line N") for the lines that are there; without a file makes one. It stays
  /// locked. A last line without its end, which a killed process leaves, is cut off. Throws Error naming the
  /// file, also if another process has it open, and what each() throws: then nothing is cut off.
  AppendedLines(const std::string& path,
                const std::function<void(const std::string&, const std::string&)>& each);
  /// Hands the lines, which have their ends, to the system together. Throws Error.
  void add(std::string_view lines);

 private:
  std::string path_;
  FileDescriptor file_;
};

}  // namespace slalom
