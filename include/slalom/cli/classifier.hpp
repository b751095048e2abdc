// The classifier that a command asks: a model folder or a program, and what is known of its tokens.
#pragma once

#include <memory>

#include "slalom/cli/options.hpp"
#include "slalom/explain/explanation.hpp"
#include "slalom/model_io/special_tokens.hpp"
#include "slalom/nn/classifier.hpp"

namespace slalom {

struct OpenedClassifier {
  std::unique_ptr<TextClassifier<float>> single;  // one of these two for a model folder
  std::unique_ptr<TextClassifier<double>> exact;
  std::unique_ptr<BlackBox> f;
  FolderTokens tokens;
  RowLimits limits;
  Index target = 1;
  bool reads_end = false;  // GPT-2: the read-out is the text's last token
  std::string sha256;      // of the weights; empty for a program

  ExplainedText explained(const InputRow& row) const;
  /// The options with what the text and the method decide: a background token stands for what [CLS], [SEP] or
  /// the read-out contributes; the published settings are for the methods that have them.
  ExplainOptions options_for(const ExplainedText& text, const Method& method, ExplainOptions options) const;
};

/// --target, --classifier-command, --timeout, --special-ids, --batch-tokens, --max-memory.
void add_classifier_options(cxxopts::Options& options);
/// Throws UsageError unless exactly one of --model and --classifier-command is given, for options that have
/// no effect, and if --max-memory does not hold the model and its longest text.
OpenedClassifier open_classifier(const cxxopts::ParseResult& parsed, const CommonOptions& common);

/// --method's options that explain, compare and evaluate share: --budget, --background, --absence, --mask-id,
/// --short-length, --most-deleted, --as-published, --held-out.
void add_explain_options(cxxopts::Options& options);
ExplainOptions read_explain_options(const cxxopts::ParseResult& parsed, const CommonOptions& common,
                                    const OpenedClassifier& classifier);

/// Runs body() on a row; its Error gets the row's file and line in front.
template <class Body>
void with_row(const std::string& input, const InputRow& row, const Body& body) {
  try {
    body();
  } catch (const Error& e) {
    if (e.status() != ExitStatus::bad_input) throw;
    throw Error(text(input_name(input), ": line ", row.line, ": ", e.what()), e.hint());
  }
}

}  // namespace slalom
