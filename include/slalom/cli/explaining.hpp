// What explain, compare and evaluate share: the methods and their options, and the texts they are applied to.
#pragma once

#include "slalom/cli/classifier.hpp"
#include "slalom/data/windows.hpp"
#include "slalom/explain/methods.hpp"

namespace slalom {

/// A method as --methods lists it: "slalom-fidel:value" is a method and which of its scores rank the tokens.
struct RankedMethod {
  std::string name;  // as it was given
  const Method* method;
  std::string score;  // after the colon, or empty

  /// The name of the scores that rank: "part" or "weight" unless others were named.
  std::string ranking(const Explanation& e) const;
  /// These scores (n). Throws UsageError if the method has none of that name.
  const std::vector<double>& scores(const Explanation& e) const;
};
/// Throws UsageError for an empty list, for a method or a score that there is not, and for what is there
/// twice.
std::vector<RankedMethod> ranked_methods(const std::string& list);

/// Options of texts, of windows, of the classifier and of the explanation by methods that the option
/// `methods` names.
OptionTable explaining_options(const std::string& methods);

/// A text that is explained: all of a row, or a window of one that is too long.
struct WindowText {
  InputRow row;
  RowWindow window;
  ExplainedText text;
};

class Explaining {
 public:
  const ParsedOptions& parsed;
  const CommonOptions& common;
  OpenedClassifier classifier;
  ExplainOptions options;

  /// Opens the classifier. Throws UsageError for values out of range.
  Explaining(const ParsedOptions& parsed, const CommonOptions& common);

  /// What rows must keep to; empty and too long ones may be among them.
  RowLimits limits() const;
  /// The rows of the input.
  TokenRows rows(const std::string& progress) const;
  /// Throws Error for a row that is too long under --strict, and as windows_of() does.
  std::vector<WindowText> windows(const InputRow& row) const;
  /// Calls body(window_text) for each window of the row, and each class that is explained of it, F being of
  /// that class.
  template <class Body>
  void each_text(const InputRow& row, const Body& body) const {
    for (const WindowText& text : windows(row)) classifier.each_target(text.text, [&] { body(text); });
  }

  /// The options as far as the method has them.
  ExplainOptions options_for(const Method& method) const;
  /// slalom::explain() with these options, and warnings of windows, of f's, and of words that the vocabulary
  /// does not have.
  Explanation explain(const Method& method, const WindowText& text) const;
  /// The options that make a difference to the method, as a JSON object.
  std::string parameters(const Method& method) const;

 private:
  Index longest_ = 0;            // tokens of a window
  std::optional<Index> stride_;  // empty: half of what a window holds
};

}  // namespace slalom
