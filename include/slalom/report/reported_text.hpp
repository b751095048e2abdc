// What the views of an explained text show: the terminal view, the SVG pictures and the HTML page all draw
// this.
#pragma once

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
  Index word = -1;                               // of its text, from 0; −1: not known
  std::optional<std::pair<Index, Index>> bytes;  // in the text, if that is known
  bool special = false;
};

/// An explanation with its columns in the places of all tokens: (S), NaN for tokens without a score.
struct ReportedExplanation : Explanation {
  std::string ranking;  // the column that colours and ranks the tokens
  std::optional<RankingCurve> insertion, deletion;
  std::vector<std::vector<Index>> flipped;  // the tokens that each of the explanation's flips removes
  std::vector<std::string> flip_sentences;  // the same in words

  const std::vector<double>& ranking_scores() const { return column(ranking); }
  /// Value and importance are there: it can be drawn as a plane.
  bool has_plane() const { return find("value") != nullptr && find("importance") != nullptr; }
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
  ProblemType problem = ProblemType::single_label;
  double log_odds = 0;                                          // F(t), in scale_name(problem)
  std::vector<ReportedExplanation> explanations;                // at least one
  std::vector<ReportedPattern> attention;                       // may be empty
  std::vector<std::pair<std::string, std::string>> parameters;  // name and value: model, seed, budget …
};

/// A token in the running text: what comes before it (spaces, line ends, characters that no token covers) and
/// what is shown for it. The token begins the second text of a pair if `new_part`.
struct ShownToken {
  Index token = 0;
  std::string before, text;
  bool new_part = false;
};

/// The tokens as they are read one after the other, in the original's own letters and spaces where their
/// bytes are known, from the first token to the last. Otherwise words are one space apart: a "##ing" belongs
/// to the word before it, and where tokens bring their spaces (" the") no others are added. Special tokens
/// that are no part of the text are left out unless `show_special`. Tokens of nothing but spaces are shown as
/// ↵ or ␣.
std::vector<ShownToken> shown_tokens(const ReportedText& text, bool show_special = false);

/// Tokens that an explanation does not tell apart: the same ids and, up to rounding, the same scores.
struct DistinctToken {
  Index first = 0;               // their first position
  std::vector<Index> positions;  // all of them
};
/// Those with a finite score in the ranking's column, from the largest absolute one to the smallest; equal
/// ones in order of position.
std::vector<DistinctToken> distinct_tokens(const ReportedText& text, const ReportedExplanation& explanation);

/// The tokens of each word as one: importances log Σ exp(s), values weighted by exp(s), parts, linear scores
/// and weights added, standard errors as if tokens' were independent; a word is read by as much attention as
/// its tokens together, and reads with their mean. What has a word of its own, or none, stays.
ReportedText by_words(ReportedText text);

/// The column of a column's standard errors.
std::string error_column(const std::string& column);
/// The score is less than its standard error.
bool is_uncertain(const ReportedExplanation& explanation, const std::string& column, Index token);
/// The largest absolute score in the ranking's column; 0 without any.
double largest_score(const ReportedExplanation& explanation);
/// Scores of the ranking's column over their largest absolute value: (S), in [−1, 1], 0 without a score; a
/// quarter of that where is_uncertain().
std::vector<double> shades(const ReportedExplanation& explanation);
/// The tokens that views mark with their numbers: the largest absolute scores, at least a third of the
/// largest; at most 4 and one more for every 12 tokens, up to 16. (S)
std::vector<bool> strongest(const ReportedExplanation& explanation);

/// Part of a line: of a token, of the mark behind one, or, with token −1, of what stands between tokens. Only
/// a token itself has a shade, is strong or uncertain.
struct TextRun {
  Index token = -1;
  bool is_mark = false;
  double shade = 0;
  bool strong = false, uncertain = false;
  std::string text;
};

/// Lines of at most so many columns. The strongest tokens are followed by "[+2.31]"; with `signs` others of
/// at least a quarter of the largest score by "[+]" or "[−]".
std::vector<std::vector<TextRun>> running_text(const ReportedText& text,
                                               const ReportedExplanation& explanation, Index columns,
                                               bool show_special, bool signs);

}  // namespace slalom
