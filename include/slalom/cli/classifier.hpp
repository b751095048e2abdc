// The classifier that a command asks: a model folder or a program, and what is known of its tokens.
#pragma once

#include <memory>

#include "slalom/cli/options.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/model_io/special_tokens.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"

namespace slalom {

/// Which classes are explained (--target): one, the one that the model predicts, or each.
enum class TargetChoice { one, predicted, all };
struct Target {
  TargetChoice choice = TargetChoice::one;
  Index one = 0;
  std::string word;     // as --target would say it
  std::string warning;  // empty if there is no other reading
};

struct OpenedClassifier {
  std::unique_ptr<TextClassifier<float>> single;  // one of these two for a model folder
  std::unique_ptr<TextClassifier<double>> exact;
  std::unique_ptr<BlackBox> f;
  ClassBlackBox* classes = nullptr;  // f where it is a model
  FolderTokens tokens;
  std::optional<Tokenizer> tokenizer;
  RowLimits limits;                 // longest: the model's positions
  std::vector<std::string> labels;  // names of the classes; empty for a program
  Target target;
  ProblemType problem = ProblemType::single_label;     // what F is: with --sigmoid a label of its own
  std::string command, tokenizer_folder, special_ids;  // as they were given
  bool reads_end = false;                              // GPT-2: the read-out is the text's last token
  std::string sha256;                                  // of the weights; empty for a program
  std::string folder;  // fingerprint of its configuration and its tokenizer's files; empty without one
  Unit unit = Unit::token;

  /// Limits for a reader of rows that may be too long, or empty: each is an error of its own.
  RowLimits any_length() const;
  const Tokenizer* tokenizer_or_null() const { return tokenizer ? &*tokenizer : nullptr; }
  ExplainedText explained(const Encoding& text) const;
  /// The token as readers want it. A model may have more ids than its vocabulary has tokens.
  std::string readable(TokenId id) const;
  /// The classes that are explained of this text, in order; {0} for a program, which has none.
  std::vector<Index> targets_of(const ExplainedText& text) const;
  /// From now on F is that class's; nothing for a program.
  void choose(Index target) const;
  /// The name of the class that F is of; "" for a program.
  std::string label() const;
  /// The options with what the text and the method decide: a background token stands for what [CLS], [SEP] or
  /// the read-out contributes; the published settings are for the methods that have them.
  ExplainOptions options_for(const ExplainedText& text, const Method& method, ExplainOptions options) const;
  /// slalom::explain() with these options, and warnings of f's and of words that the vocabulary does not
  /// have.
  Explanation explain(const Method& method, const ExplainedText& text, const ExplainOptions& options) const;
};

/// The folder's tokenizer. Throws Error if it has none.
Tokenizer required_tokenizer(const std::string& folder);

/// --target: a class by name or number, pred or all; without it class 1 of two, and the predicted one of
/// more. Throws UsageError naming the classes there are, and for --sigmoid with a model of more outputs than
/// one.
OptionTable target_options();
Target read_target(const ParsedOptions& parsed, const CommonOptions& common,
                   const std::vector<std::string>& labels);
/// The same where one class is wanted for all texts, `what` being what wants it.
Index read_one_target(const ParsedOptions& parsed, const CommonOptions& common,
                      const std::vector<std::string>& labels, const char* what);
/// What F is measured as: the model's, or with --sigmoid a label of its own.
ProblemType read_problem(const ParsedOptions& parsed, const ClassifierConfig& config);

/// Which classifier is asked, what of it, and how.
OptionTable classifier_options();
/// Throws UsageError unless exactly one of --model and --classifier-command is given, for options that have
/// no effect, and if --max-memory does not hold the model and its longest text.
OpenedClassifier open_classifier(const ParsedOptions& parsed, const CommonOptions& common);

/// The methods' options.
OptionTable explain_options();
/// Throws UsageError for options that make no difference to any of the methods. Sets the classifier's unit.
ExplainOptions read_explain_options(const ParsedOptions& parsed, const CommonOptions& common,
                                    const std::vector<const Method*>& methods, OpenedClassifier& classifier);

}  // namespace slalom
