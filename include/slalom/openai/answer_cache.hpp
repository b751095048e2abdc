// Answers that were paid for, by the key of their request; in a file, so that nothing is asked twice.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "slalom/base/appended_lines.hpp"
#include "slalom/openai/chat.hpp"

namespace slalom {

/// The file has one JSON object a line, appended as answers come in and handed to the system line by line:
/// {"request": 64 hexadecimal digits, "log_probabilities": [first, second], "bounds": [false, false]}.
class AnswerCache {
 public:
  /// Reads the file, makes it if there is none, and keeps it locked; a last line without its end, which a
  /// killed process leaves, is cut off. An empty path: nothing is kept beyond this object's life. Throws
  /// Error naming file and line for any other line that is none, and if another process has it open.
  explicit AnswerCache(const std::string& path);

  /// nullptr if there is none; good until the next add().
  const LabelLogProbabilities* find(const std::string& key) const;
  /// Throws Error if the file cannot be written.
  void add(const std::string& key, const LabelLogProbabilities& answer);

 private:
  std::optional<AppendedLines> file_;
  std::unordered_map<std::string, LabelLogProbabilities> answers_;
};

}  // namespace slalom
