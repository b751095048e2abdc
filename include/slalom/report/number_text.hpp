// Numbers as people read them: with the true minus sign, and as many digits as they need.
#pragma once

#include <span>
#include <string>

#include "slalom/base/parallel.hpp"

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
/// "1 query", "2,000 queries".
std::string count_text(Index count, const char* singular, const char* plural);

}  // namespace slalom
