#include "slalom/base/error.hpp"

#include "slalom/base/numbers.hpp"

namespace slalom::detail {

void Part::append_to(std::string& out) const {
  switch (kind_) {
    case Kind::text:
      out += text_;
      break;
    case Kind::character:
      out += static_cast<char>(integer_);
      break;
    case Kind::integer:
      out += std::to_string(integer_);
      break;
    case Kind::natural:
      out += std::to_string(static_cast<std::uint64_t>(integer_));
      break;
    case Kind::real:
      out += significant(real_, 6);
      break;
  }
}

std::string joined(std::initializer_list<Part> parts) {
  std::string out;
  for (const Part& part : parts) part.append_to(out);
  return out;
}

}  // namespace slalom::detail
