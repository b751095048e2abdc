// The texts that a command works on: rows of a file or one text of the command line, cut into windows where
// they are too long.
#pragma once

#include "slalom/cli/classifier.hpp"
#include "slalom/data/windows.hpp"

namespace slalom {

/// --text, --text-pair, --format.
void add_text_options(cxxopts::Options& options);
/// What explain, compare and evaluate share: options of texts, the classifier, the explanation, and
/// --max-length, --stride, --strict.
void add_explaining_options(cxxopts::Options& options);

/// Rows as `parsed` asks for them.
class InputTexts {
 public:
  /// `tokenizer` may be null, and must outlive this. Throws UsageError for options that do not go together.
  InputTexts(const cxxopts::ParseResult& parsed, const CommonOptions& common, RowLimits limits,
             const Tokenizer* tokenizer);
  /// False at the end. Throws Error with file, line and field.
  bool next(InputRow& row);
  /// "reviews.tsv" or "--text", for messages.
  const std::string& name() const { return name_; }

 private:
  RowLimits limits_;
  const Tokenizer* tokenizer_;
  std::string name_;
  std::optional<std::string> text_, pair_;  // of the command line, until it is given
  std::optional<RowReader> rows_;
};

/// How long texts are cut.
struct WindowOptions {
  Index longest = 0;
  std::optional<Index> stride;  // empty: half of what a window holds
  bool strict = false;          // a text that is too long is an error

  /// The row's windows. Throws Error for a row that is too long under `strict`, and as windows_of() does.
  std::vector<RowWindow> windows(const InputRow& row, const OpenedClassifier& classifier) const;
  /// One of them as a row.
  InputRow cut(const InputRow& row, const RowWindow& window, const OpenedClassifier& classifier) const;

  /// Calls body(part, window, text) for each window of the row, as a row and as an explained text, and each
  /// class that is explained of it, having chosen that class.
  template <class Body>
  void each_text(const InputRow& row, const OpenedClassifier& classifier, const Body& body) const {
    for (const RowWindow& window : windows(row, classifier)) {
      const InputRow part = cut(row, window, classifier);
      const ExplainedText text = classifier.explained(part);
      for (const Index target : classifier.targets_of(text)) {
        classifier.choose(target);
        body(part, window, text);
      }
    }
  }
};
WindowOptions read_window_options(const cxxopts::ParseResult& parsed, const OpenedClassifier& classifier);

}  // namespace slalom
