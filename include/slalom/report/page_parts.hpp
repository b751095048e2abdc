// The parts that a page of explained texts is made of. All of them return HTML in which every word of a text,
// a model or a method is escaped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "slalom/report/reported_text.hpp"

namespace slalom {

/// From the doctype to the end of the head: no request leaves the page, and its one script is page_script().
std::string page_head(const std::string& title, std::string_view more_style = "");
std::string_view page_style();
std::string_view page_script();
/// What the content security policy calls the script: "sha256-" and its hash in base 64.
std::string script_hash();
std::string base64(std::string_view bytes);

/// The running text on the colours of its scores, with a caption that says what they mean.
std::string highlighted_text(const ReportedText& text, const ReportedExplanation& explanation);
/// The plane or the bars; nothing if no token has a score.
std::string explanation_picture(const ReportedText& text, const ReportedExplanation& explanation);
/// Insertion, deletion and errors by number of removed tokens, as far as they were measured.
std::string curves(const ReportedExplanation& explanation);

/// A sortable row for each distinct token, with all scores.
std::string token_table(const ReportedText& text, const ReportedExplanation& explanation);
/// Fidelity and cost of the methods, and Spearman correlations between their rankings.
std::string method_comparison(const ReportedText& text);
/// The method's own numbers, by name; nothing if there are none.
std::string check_table(const Explanation& explanation);
/// Names and values in two columns; nothing if there are none.
std::string parameter_table(const std::vector<std::pair<std::string, std::string>>& parameters);

/// Attention of all layers and heads as small pictures, closed at first; nothing if there is none. Texts of
/// more than kAttentionCells tokens are averaged over square blocks.
std::string attention_maps(const ReportedText& text);
inline constexpr Index kAttentionCells = 64;

}  // namespace slalom
