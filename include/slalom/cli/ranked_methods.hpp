// Methods as --methods lists them: "slalom-fidel:value" is a method and which of its scores rank the tokens.
#pragma once

#include <string>
#include <vector>

#include "slalom/explain/methods.hpp"

namespace slalom {

struct RankedMethod {
  std::string name;  // as it was given
  const Method* method;
  std::string score;  // after the colon, or empty
};

/// Throws UsageError for an empty list, for a method or a score that there is not, and for what is there
/// twice.
std::vector<RankedMethod> ranked_methods(const std::string& list);
std::vector<const Method*> methods_of(const std::vector<RankedMethod>& methods);

/// The name of the scores that rank: "linear" or "weight" unless others were named.
std::string ranking_of(const Explanation& e, const RankedMethod& method);
/// These scores (n). Throws UsageError if the method has none of that name.
const std::vector<double>& scores_of(const Explanation& e, const RankedMethod& method);

}  // namespace slalom
