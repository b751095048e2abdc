// Explanations on their way to the reader: JSON lines or the terminal's view, and beside them a page and
// pictures.
#pragma once

#include "slalom/cli/explaining.hpp"
#include "slalom/report/explanation_json.hpp"

namespace slalom {

/// --view, --color, --special, --html, --svg.
OptionTable view_options();
/// The output is for a reader at a terminal, not JSON lines. Throws UsageError for options that contradict.
bool wants_terminal_view(const ParsedOptions& parsed, const CommonOptions& common);

class ExplanationOutput {
 public:
  /// Throws UsageError for files that cannot be written.
  explicit ExplanationOutput(const Explaining& run);

  /// Of the row with that number: its tokens (or words), without explanations.
  ReportedText begin(const WindowText& text) const;
  /// Adds an explanation to what is begun, its scores in the places of the tokens; the JSON line. `input` is
  /// the fingerprint of the row, or empty.
  std::string add(Explanation explanation, const RankedMethod& method, const WindowText& text, Index row,
                  const std::string& input, ReportedText& to) const;
  /// Shows a text with its explanations: on the page, if it is wanted there, with these parameters; returns
  /// what the terminal's view has.
  std::string show(ReportedText reported, const WindowText& text, const std::string& parameters);
  /// Writes the files. Nothing is written of a run without texts.
  void commit() const;

  bool terminal() const { return terminal_; }

 private:
  /// Texts of a page; further ones are left out, and it says so. The first of them have their attention
  /// patterns, which are a page's largest part.
  static constexpr Index kMostTexts = 100, kMostAttention = 5;

  bool wants_page();
  void add_curves(const WindowText& text, ReportedText& to) const;
  void add_attention(const WindowText& text, ReportedText& to) const;
  void add_parameters(const std::string& parameters, ReportedText& to) const;

  const Explaining& run_;
  bool terminal_, show_special_, join_words_;
  std::string html_, svg_;
  std::vector<ReportedText> texts_;
  Index left_out_ = 0;
};

}  // namespace slalom
