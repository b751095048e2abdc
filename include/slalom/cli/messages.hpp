// What is said on stderr. It may hold names and texts of anybody's files: nothing in it controls a terminal.
#pragma once

#include <string>

#include "slalom/base/error.hpp"

namespace slalom {

/// A line on stderr as visible() has it; of one of more than 1,000 characters the middle is left out.
void say(const std::string& line);

/// "error: …", and "hint: …" if there is one, whose line ends stay.
void say_error(const Error& error);

}  // namespace slalom
