// Explained texts as one page of HTML, and the parts that pages are made of. All of them are HTML in which
// every word of a text, a model or a method is escaped.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/report/reported_text.hpp"
#include "slalom/report/svg.hpp"
#include "slalom/report/table.hpp"

namespace slalom {

/// A page that needs nothing but itself: no file, no network; a content security policy forbids both, and
/// every script but the page's own, which only sorts tables. It can be read without script, in light and
/// dark, on paper, on a phone, and with a screen reader: a number or a line stands beside every colour. The
/// same texts give the same bytes. Throws Error without texts.
std::string page_html(const std::vector<ReportedText>& texts, const std::string& title);

/// From the doctype to the end of the head: no request leaves the page, and its one script is page_script().
std::string page_head(const std::string& title, std::string_view more_style = "");
/// From the end of the main part on, with the script.
std::string page_end();
std::string_view page_script();
/// What the content security policy calls the script: "sha256-" and its hash in base 64.
std::string script_hash();
std::string base64(std::string_view bytes);

/// A figure with its caption; it scrolls where the page is narrow if `wide`.
std::string figure_html(const Drawing& drawing, const std::string& label, const std::string& caption,
                        bool wide = false);

/// A cell as HTML; without one, `<td>` with the cell.
using CellHtml = std::function<std::string(const std::string& cell, Table::Align align)>;
/// A table that scrolls and is sorted by a click on a head; the first cell of a row is its head.
std::string table_html(const Table& table, const std::string& caption, const CellHtml& cell_html = {});

/// The running text on the colours of its scores, with a caption that says what they mean.
std::string highlighted_text(const ReportedText& text, const ReportedExplanation& explanation);
/// The plane or the bars; nothing if no token has a score.
std::string explanation_picture(const ReportedText& text, const ReportedExplanation& explanation);
/// Insertion, deletion and errors by number of removed tokens, as far as they were measured.
std::string curves(const ReportedText& text, const ReportedExplanation& explanation);

/// A row for each distinct token, with all scores.
std::string token_table(const ReportedText& text, const ReportedExplanation& explanation);
/// Fidelity and cost of the methods, and Spearman correlations between their rankings.
std::string method_comparison(const ReportedText& text);

/// Attention of all layers and heads as small pictures, closed at first; nothing if there is none. Texts of
/// more than kAttentionCells tokens are averaged over square blocks.
std::string attention_maps(const ReportedText& text);
inline constexpr Index kAttentionCells = 64;

}  // namespace slalom
