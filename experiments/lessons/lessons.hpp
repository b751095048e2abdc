// Exercises whose answers are files of "key: value", with "?" where something is to be found.
#pragma once

#include <string>
#include <vector>

namespace slalom::lessons {

inline constexpr int kLessons = 8, kCompiledLesson = 3;  // whose answer is a function

/// What is wrong with the answer, or nothing. Throws Error for a file that cannot be read, and for a lesson
/// that is none or is compiled.
std::vector<std::string> problems_of(int lesson, const std::string& answer_file);

/// What the lesson's classifier says to a text, ready to print. Throws UsageError for a lesson without one
/// and for words that it does not know.
std::string ask(int lesson, const std::string& text);

}  // namespace slalom::lessons
