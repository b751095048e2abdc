// Where explanations are shown beside the JSON lines: the terminal, a page, pictures.
#pragma once

#include "slalom/cli/classifier.hpp"
#include "slalom/report/reported_text.hpp"

namespace slalom {

/// --view, --color, --special, --html, --svg.
OptionTable view_options();

class Views {
 public:
  /// Texts of a page; further ones are left out, and it says so.
  static constexpr Index kMostTexts = 100;
  /// The first of them have their attention patterns, which are a page's largest part.
  static constexpr Index kMostAttention = 5;

  /// Throws UsageError for files that cannot be written.
  Views(const ParsedOptions& parsed, const CommonOptions& common);

  /// The output is for a reader at a terminal, not JSON lines.
  bool terminal() const { return terminal_; }
  bool show_special() const { return show_special_; }
  std::string terminal_view(const ReportedText& text) const;
  /// A page or picture is wanted of this text; a text that is left out of the page is counted.
  bool wants_page();
  bool wants_attention() const { return !html_.empty() && std::ssize(texts_) < kMostAttention; }
  void add(ReportedText text, const OpenedClassifier& classifier, const CommonOptions& common,
           const std::string& parameters);
  /// Writes the files. Nothing is written of a run without texts.
  void commit();

 private:
  bool terminal_ = false, colour_ = false, show_special_ = false, quiet_ = false;
  bool words_ = false;  // the tokens of a word are shown as one
  std::string html_, svg_;
  std::vector<ReportedText> texts_;
  Index left_out_ = 0;
};

}  // namespace slalom
