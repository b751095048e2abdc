// The classifier that a command queries: a model or a program, its tokenizer, and the class that is
// explained.
#pragma once

#include <memory>

#include "slalom/cli/input_rows.hpp"
#include "slalom/explain/explained_text.hpp"
#include "slalom/model_io/folder_tokens.hpp"
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

/// The model of a folder, or a program, which has no classes.
struct OpenedModel {
  std::variant<std::unique_ptr<TextClassifier<float>>, std::unique_ptr<TextClassifier<double>>> weights;
  std::unique_ptr<BlackBox> f;
  ClassBlackBox* classes = nullptr;                 // f where it is a model
  RowLimits limits;                                 // longest: the model's positions
  std::vector<std::string> labels;                  // names of the classes
  ProblemType problem = ProblemType::single_label;  // what F is: with --sigmoid a label of its own
  bool reads_end = false;                           // GPT-2: the read-out is the text's last token
  std::string sha256;                               // of the weights

  /// The name of the class that F is of; "" for a program.
  std::string label() const;
};

/// What is known of the tokens.
struct OpenedTokenizer {
  std::optional<Tokenizer> tokenizer;
  FolderTokens tokens;
  std::string fingerprint;  // of the folder's configuration and tokenizer files; empty without a folder

  const Tokenizer* get() const { return tokenizer ? &*tokenizer : nullptr; }
  /// The token as readers want it. A model may have more ids than its vocabulary has tokens.
  std::string readable(TokenId id) const;
};

struct OpenedClassifier {
  OpenedModel model;
  OpenedTokenizer tokenizer;
  Target target;

  /// Calls body() for each class that is explained of this text, F being of that class; once for a program.
  template <class Body>
  void each_target(const ExplainedText& text, const Body& body) const {
    for (const Index one : targets_of(text)) {
      if (model.classes != nullptr && one != model.classes->target()) model.classes->set_target(one);
      body();
    }
  }

 private:
  std::vector<Index> targets_of(const ExplainedText& text) const;
};

/// Of a folder's configuration and tokenizer files.
std::string fingerprint_of_folder(const std::string& folder);

/// The folder's tokenizer. Throws Error if it has none.
Tokenizer required_tokenizer(const std::string& folder);

/// --target: a class by name or number, pred or all; without it class 1 of two, and the predicted one of
/// more. Throws UsageError naming the classes there are, and for --sigmoid with a model of more outputs than
/// one.
OptionTable target_options();
Target read_target(const ParsedOptions& parsed, const CommonOptions& common,
                   const std::vector<std::string>& labels);
/// The class where one is wanted for all texts, `what` being what wants it.
Index one_class(const Target& target, const std::vector<std::string>& labels, const char* what);
Index read_one_target(const ParsedOptions& parsed, const CommonOptions& common,
                      const std::vector<std::string>& labels, const char* what);
/// What F is measured as: the model's, or with --sigmoid a label of its own.
ProblemType read_problem(const ParsedOptions& parsed, const ClassifierConfig& config);

/// How --precision has the linear maps of a model's blocks computed.
inline BlockMaps block_maps(Precision precision) {
  return precision == Precision::bf16 ? BlockMaps::bf16 : BlockMaps::full;
}

/// Which classifier is queried, what of it, and how.
OptionTable classifier_options();
/// Throws UsageError unless exactly one of --model and --classifier-command is given, and if --max-memory
/// does not hold the model and its longest text.
OpenedClassifier open_classifier(const ParsedOptions& parsed, const CommonOptions& common);

}  // namespace slalom
