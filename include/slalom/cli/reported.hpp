// From an explained row to what the views and the JSON lines show of it.
#pragma once

#include "slalom/cli/texts.hpp"
#include "slalom/report/explanation_json.hpp"

namespace slalom {

/// The text with its tokens (or words), without explanations. The name and log-odds of the class come with
/// add_explanation().
ReportedText reported_text(const InputRow& row, const ExplainedText& text,
                           const OpenedClassifier& classifier);

/// Adds an explanation, its scores in the places of the tokens, ranked by its linear scores or weights.
/// Special tokens have the scores that the method gives them if `show_special`, else none.
void add_explanation(Explanation explanation, const ExplainedText& text, const OpenedClassifier& classifier,
                     bool show_special, ReportedText& to);

/// Adds what only a page shows: curves of insertion and deletion (about 25 points each), which ask the
/// classifier, and the attention patterns of a transformer where tokens are explained.
void add_page_details(const ExplainedText& text, const OpenedClassifier& classifier,
                      const ExplainOptions& options, bool with_attention, ReportedText& to);

/// Of a long text: says so in the explanation's warnings and in what names the text.
void note_window(const RowWindow& window, Index longest, Explanation& explanation);
std::string with_window(const std::string& id, const RowWindow& window);

/// What a line says of where its explanation is from; its parameters are empty.
ExplanationOrigin origin_of(const InputRow& row, const RowWindow& window, Index number,
                            const OpenedClassifier& classifier, const CommonOptions& common);

/// The options that make a difference to the method, as a JSON object.
std::string parameters_json(const Method& method, const ExplainOptions& options, const WindowOptions& windows,
                            bool show_special, const OpenedClassifier& classifier,
                            const CommonOptions& common);

}  // namespace slalom
