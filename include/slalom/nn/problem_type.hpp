// What the outputs of a classifier mean ("problem_type" in config.json).
#pragma once

#include <optional>
#include <string>

namespace slalom {

enum class ProblemType {
  single_label,  // classes that exclude each other: softmax
  multi_label,   // each label is a yes or no of its own: its sigmoid
  regression     // the outputs are the answer
};

/// As config.json has it: "single_label_classification", "multi_label_classification", "regression".
const char* name(ProblemType type);
std::optional<ProblemType> problem_type_named(const std::string& name);

/// What F is measured in: "log-odds" (nats), or "output" of a regression.
const char* scale_name(ProblemType type);

}  // namespace slalom
