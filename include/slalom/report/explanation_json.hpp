// Explanations as JSON lines (README, "Command line": an explanation).
#pragma once

#include "slalom/base/json.hpp"
#include "slalom/report/reported_text.hpp"

namespace slalom {

/// What a line says beside the explanation.
struct ExplanationOrigin {
  std::string id_json;          // the input row's id as JSON
  Index row = 0;                // its number in the input, from 0
  std::string input;            // fingerprint of what the row has; or empty
  std::optional<Index> target;  // class number; empty for a program
  std::uint64_t seed = 0;
  std::string parameters;                    // of the method and the input, a JSON object
  std::optional<std::string> sha256;         // of the model's weights
  Index window = 0, windows = 1, first = 0;  // of a long text: number, of how many, first token
};

/// One line, without its end.
std::string explanation_json(const ReportedText& text, const ReportedExplanation& explanation,
                             const ExplanationOrigin& origin);

/// {"log_odds","scores","fidelity"} with all bits, as the line has them.
std::string result_json(const ReportedExplanation& explanation);

/// {"value","importance"}, or null.
std::string background_json(const std::optional<Background>& background);

/// The field bf16 {"n","median_difference","largest_difference"}, if n is not 0.
JsonRow& add_bf16(JsonRow& row, const Bf16Differences& found);

/// The fields queries, unique_queries and token_forwards.
JsonRow& add_cost(JsonRow& row, const QueryCost& cost);

}  // namespace slalom
