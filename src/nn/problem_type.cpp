#include "slalom/nn/problem_type.hpp"

namespace slalom {

const char* name(ProblemType type) {
  switch (type) {
    case ProblemType::single_label:
      return "single_label_classification";
    case ProblemType::multi_label:
      return "multi_label_classification";
    case ProblemType::regression:
      return "regression";
  }
  return "unknown";
}

std::optional<ProblemType> problem_type_named(const std::string& wanted) {
  for (const ProblemType type :
       {ProblemType::single_label, ProblemType::multi_label, ProblemType::regression})
    if (wanted == name(type)) return type;
  return std::nullopt;
}

const char* scale_name(ProblemType type) {
  return type == ProblemType::regression ? "output" : "log-odds";
}

}  // namespace slalom
