// Sentences and the table of scores that all views of an explanation share.
#pragma once

#include <string>
#include <vector>

#include "slalom/report/reported_text.hpp"
#include "slalom/report/table.hpp"

namespace slalom {

/// The token without the spaces before it, visible; "↵" or "␣" if it has nothing else.
std::string token_name(const ReportedToken& token);

/// " nats" behind a number of the text's scale; nothing of a model whose answer is a number.
std::string unit_of(const ReportedText& text);

/// What a column of scores means, and which way its signs point.
struct ScoreMeaning {
  std::string label;               // "value"
  std::string meaning;             // "log-odds that the token alone would give, nats"
  std::string positive, negative;  // "for POSITIVE", "against POSITIVE"; empty for a standard error
};
ScoreMeaning score_meaning(const std::string& column, const ReportedText& text);
/// A cell of a table: with its sign, but for standard errors.
std::string score_text(const std::string& column, double score, int decimals);
/// "part: its share …, nats. Orange: for POSITIVE; blue: against POSITIVE.", or other words for the colours.
std::string colour_sentence(const ReportedText& text, const ReportedExplanation& explanation,
                            const char* positive = "Orange", const char* negative = "blue");

/// "log-odds +2.31 for POSITIVE against the rest, probability .91"; "output +2.31 of LABEL_0" of a
/// regression.
std::string target_sentence(const ReportedText& text);

/// How far a fidelity lets one trust an explanation: R² > .9, > .5, below, undefined, not measured.
enum class Trust { high, medium, low, undefined, unmeasured };
Trust trust(const Explanation& explanation);
/// "close", "in outline", "poor", "undefined", "not measured".
std::string trust_word(Trust trust);
/// "R² .96, correlation .98, root mean squared error 0.45 nats on 98 deletions, 90 of them used for the
/// explanation: predicts the model's answers to deletions of this text closely", or that nothing was
/// measured.
std::string fidelity_sentence(const ReportedText& text, const Explanation& explanation);
/// "348 queries (346 different), 4,512 token-forwards, 0.02 s".
std::string cost_sentence(const Explanation& explanation);
/// "greedy: without “wooden”, “plot” the log-odds is +0.31 (52 queries)".
std::string flip_sentence(const Flip& flip, const std::vector<std::string>& removed, ProblemType problem);
/// "wonderful ×2": its name of at most so many columns, and its number of occurrences.
std::string token_label(const ReportedText& text, const DistinctToken& token, Index longest);
/// The background of a SLALOM in words; empty without one.
std::string background_sentence(const Explanation& explanation);

/// The fitted background; null without one.
const Background* background_of(const Explanation& explanation);

struct ScoreTable {
  Table table;
  bool uncertain;  // some score is less than its standard error; it stands in brackets
};

/// A row for each of these tokens: its name of at most so many columns, its number of occurrences behind ×,
/// and these columns of scores.
ScoreTable score_table(const ReportedText& text, const ReportedExplanation& explanation,
                       const std::vector<DistinctToken>& tokens, const std::vector<std::string>& columns,
                       Index longest_name);

/// The explanation's columns, that of the ranking first.
std::vector<std::string> score_columns(const ReportedExplanation& explanation);

}  // namespace slalom
