// What the views of an explained text show: the terminal view, the SVG pictures and the HTML page all draw
// this.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "slalom/explain/explanation.hpp"
#include "slalom/metrics/removal.hpp"

namespace slalom {

/// A token of the text, or a word where words are explained.
struct ReportedToken {
  std::string text;                              // as it is read, UTF-8: "ing", " the"
  std::string piece;                             // as the vocabulary spells it: "##ing", "Ġthe"
  std::vector<TokenId> ids;                      // of a token one, of a word its pieces
  int part = 0;                                  // 1: of the second text of a pair
  std::optional<std::pair<Index, Index>> bytes;  // in the text, if that is known
  bool special = false;
};

/// One explanation with its scores in the places of all tokens.
struct ReportedExplanation {
  Explanation explanation;
  /// Scores by name ("value", "importance", "linear", "removal" or "weight" …), each (S), NaN for tokens
  /// without a score.
  std::vector<std::pair<std::string, std::vector<double>>> columns;
  std::string ranking;  // the column that colours and ranks the tokens
  std::optional<RankingCurve> insertion, deletion;

  const std::vector<double>& column(const std::string& name) const;
  const std::vector<double>& ranking_scores() const { return column(ranking); }
};

/// pattern (S, S), row-major: row i holds the weights with which query i reads the keys.
struct ReportedPattern {
  Index layer = 0, head = 0;
  std::vector<float> pattern;
};

struct ReportedText {
  std::string id;
  std::string text[2];                // the original text, and the second one of a pair; may be empty
  std::vector<ReportedToken> tokens;  // (S)
  std::string target;                 // name of the explained class
  double log_odds = 0;                // F(t), nats
  std::vector<ReportedExplanation> explanations;  // at least one
  std::vector<ReportedPattern> attention;         // may be empty
  std::vector<std::pair<std::string, std::string>> parameters;  // name and value: model, seed, budget …
};

}  // namespace slalom
