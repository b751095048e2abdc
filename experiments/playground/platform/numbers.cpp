// Numbers in messages, where the library has no std::from_chars of double.
#include "slalom/base/numbers.hpp"

#include <cstdio>

namespace slalom {

std::string significant(double x, int digits) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.*g", digits, x);
  return text;
}

}  // namespace slalom
