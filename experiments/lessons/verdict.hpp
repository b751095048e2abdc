// How the check of an answer ends.
#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace slalom::lessons {

/// Prints what is wrong, as text or as a JSON object; 0 if nothing is, else 1.
inline int tell(int lesson, const std::vector<std::string>& problems, bool json) {
  if (json) {
    const nlohmann::ordered_json verdict = {
        {"lesson", lesson}, {"passed", problems.empty()}, {"problems", problems}};
    std::printf("%s\n", verdict.dump().c_str());
  } else {
    for (const std::string& problem : problems) std::printf("lesson %d: %s\n", lesson, problem.c_str());
    if (problems.empty()) std::printf("lesson %d: right\n", lesson);
  }
  return problems.empty() ? 0 : 1;
}

}  // namespace slalom::lessons
