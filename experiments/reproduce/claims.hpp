// What is claimed of the studies' numbers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom::reproduce {

struct Claim {
  std::string claim, published;
  std::string results;               // folder of the study's results.json, below the program's --input
  std::vector<std::string> numbers;  // names of its estimates; "*" stands for any characters but a dot
  bool above;                        // all of them are claimed to be above `bound`, else below it
  double bound;

  std::string wanted() const { return concat(above ? "> " : "< ", shortest(bound)); }
};

/// Lines "claim<TAB>published<TAB>results<TAB>numbers<TAB>wanted" below such a header, numbers with commas,
/// wanted as "> NUMBER" or "< NUMBER"; empty lines and lines that begin with # are skipped.
std::vector<Claim> read_claims(const std::string& path);

/// The parts between separators, without the spaces around them.
std::vector<std::string> trimmed_parts(std::string_view line, char separator);

}  // namespace slalom::reproduce
