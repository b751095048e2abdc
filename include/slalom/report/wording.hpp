// Numbers and sentences that all views of an explanation share.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/report/reported_text.hpp"

namespace slalom {

/// "+2.31", "−0.50"; NaN is "–". A number that rounds to 0 has no sign, one from 1000 on no decimals.
std::string signed_number(double x, int decimals);
/// "2.31", "−0.5": at most `digits` significant digits; NaN is "–".
std::string plain_number(double x, int digits = 3);
/// "0.50", for numbers without direction.
std::string unsigned_number(double x, int decimals);
/// Decimals for a column of scores: 2, and as many as the largest needs for three digits, at most 6.
int score_decimals(std::span<const double> scores);
/// ".91", beyond .99 and .01 ".997" and ".003", then "> .999" and "< .001".
std::string probability_text(double probability);
/// ".96", "−.37", "−12.30", "1.00".
std::string r2_text(double r2);
/// "12,345".
std::string count_text(Index count);
double probability(double log_odds);

/// The token without the spaces before it, visible; "↵" or "␣" if it has nothing else.
std::string token_name(const ReportedToken& token);

/// What a column of scores means, and which way its signs point.
struct ScoreMeaning {
  std::string label;               // "value"
  std::string meaning;             // "log-odds that the token alone would give, nats"
  std::string positive, negative;  // "for POSITIVE", "against POSITIVE"; empty for a standard error
};
/// A cell of a table: with its sign, but for standard errors.
std::string score_text(const std::string& column, double score, int decimals);
ScoreMeaning score_meaning(const std::string& column, const std::string& target);

/// "log-odds +2.31 for POSITIVE against the rest, probability .91"; "output +2.31 of LABEL_0" of a
/// regression.
std::string target_sentence(const ReportedText& text);

/// How far a fidelity lets one trust an explanation: R² > .9, > .5, below, undefined, not measured.
enum class Trust { high, medium, low, undefined, unmeasured };
Trust trust(const Explanation& explanation);
/// "close", "in outline", "poor", "undefined", "not measured".
std::string trust_word(Trust trust);
/// "predicts this model's answers to deletions of this text closely" and so on.
std::string trust_sentence(Trust trust);
/// "R² .96, correlation .98, root mean squared error 0.45 nats on 98 deletions, 90 of them not used for the
/// explanation"; empty if not measured.
std::string fidelity_numbers(const Explanation& explanation);
/// "348 queries (346 different), 4,512 token-forwards, 0.02 s".
std::string cost_sentence(const Explanation& explanation);
/// "greedy: without “wooden”, “plot” the log-odds is +0.31 (52 queries)".
std::string flip_sentence(const Flip& flip, const std::vector<std::string>& removed);
/// The background of a SLALOM in words; empty without one.
std::string background_sentence(const Explanation& explanation);

/// The fitted background; null without one.
const Background* background_of(const Explanation& explanation);
/// Value and importance are there: the explanation can be drawn as a plane.
bool has_plane(const ReportedExplanation& explanation);

}  // namespace slalom
