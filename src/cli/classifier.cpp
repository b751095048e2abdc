#include "slalom/cli/classifier.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "slalom/base/numbers.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/model_io/folder_file.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/cost.hpp"

namespace slalom {

namespace {

constexpr Index kBatchTokens = 4096;

// Rows of a batch that keep the whole program within --max-memory.
Index batch_rows(const ParsedOptions& parsed, const ClassifierConfig& config, Index parameters,
                 Index scalar_bytes) {
  const Index wanted = integer_option(parsed, "batch-tokens", 1, Index{1} << 30);
  const Index megabytes = integer_option(parsed, "max-memory", 0, Index{1} << 30);
  if (megabytes == 0) return wanted;
  const Index longest =
      config.positions == Positions::learned ? std::min(config.max_positions, wanted) : wanted;
  const Index row = forward_scalars_per_row(config, longest) * scalar_bytes;
  const Index left = (megabytes << 20) - parameters * scalar_bytes - (Index{64} << 20);
  if (left < row * longest)
    throw UsageError(concat("--max-memory ", megabytes, ": the model and a text of ", longest,
                            " tokens need ", megabytes + ((row * longest - left) >> 20) + 1, " MiB"));
  return std::min(wanted, left / row);
}

Target target_named(const std::string& word, const std::vector<std::string>& labels) {
  const Index named = std::ranges::find(labels, word) - labels.begin(),
              number = parse_number<Index>(word).value_or(-1);
  const bool is_label = named < std::ssize(labels), is_number = number >= 0 && number < std::ssize(labels);
  if (is_label && is_number && named != number)
    return {TargetChoice::one, named, word,
            concat("--target ", word, " was taken as the name of class ", named, "; class ", number,
                   " is named ", json_string(labels[static_cast<std::size_t>(number)]))};
  if (is_label || is_number) return {TargetChoice::one, is_label ? named : number, word, ""};
  if (word == "pred") return {TargetChoice::predicted, 0, word, ""};
  if (word == "all") return {TargetChoice::all, 0, word, ""};
  constexpr std::size_t kMostShown = 20;
  std::string list;
  for (std::size_t c = 0; c < std::min(labels.size(), kMostShown); ++c)
    list += concat(c == 0 ? "" : ", ", c, " ", labels[c]);
  throw UsageError(concat("--target ", word, ", the model has classes 0 to ", labels.size() - 1, ": ", list,
                          labels.size() > kMostShown ? ", ..." : ""));
}

// F is of the target's class at first.
template <class T>
OpenedModel open_model(const ParsedOptions& parsed, const CommonOptions& common, Target& target) {
  LoadedModel<T> loaded = load_model<T>(common.model);
  check_memory_of_products();
  const ClassifierConfig config = loaded.model->config();
  OpenedModel opened;
  opened.labels = config.class_names();
  target = read_target(parsed, common, opened.labels);
  opened.problem = read_problem(parsed, config);
  opened.limits = row_limits(config);
  opened.reads_end = config.read_out == ReadOut::last;
  opened.sha256 = sha256_of_files(loaded.files);
  const Index rounded = common.precision == Precision::bf16 ? sizeof(Bf16) : 0;  // beside each number
  const Index rows =
      batch_rows(parsed, config, loaded.model->parameters().scalars(), Index{sizeof(T)} + rounded);
  auto f = std::make_unique<ModelBlackBox<T>>(*loaded.model, target.one, rows, block_maps(common.precision));
  opened.weights = std::unique_ptr<TextClassifier<T>>(std::move(loaded.model));
  opened.classes = f.get();
  opened.f = std::move(f);
  return opened;
}

OpenedModel open_program(const ParsedOptions& parsed, const OpenedTokenizer& tokenizer) {
  const double timeout = number_option(parsed, "timeout");
  if (timeout <= 0 || timeout > 86400) throw UsageError(concat("--timeout ", timeout, ", wanted 0 to 86400"));
  OpenedModel opened;
  opened.limits.vocabulary = tokenizer.get() ? tokenizer.get()->vocabulary().size() : Index{1} << 31;
  opened.f = std::make_unique<CommandBlackBox>(parsed["classifier-command"].word, timeout);
  return opened;
}

// A folder that is named for its tokenizer must have one.
OpenedTokenizer open_tokenizer(const ParsedOptions& parsed, const std::string& folder, bool is_program) {
  OpenedTokenizer opened;
  if (!folder.empty()) {
    opened.tokenizer = is_program ? required_tokenizer(folder) : load_tokenizer(folder);
    opened.tokens = read_folder_tokens(folder);
    opened.fingerprint = fingerprint_of_folder(folder);
  }
  if (!opened.tokens.unresolved.empty() && parsed.count("special-ids") == 0)
    throw UsageError(concat(folder, ": found no vocab.txt or vocab.json with the special token \"",
                            opened.tokens.unresolved.front().name, "\""),
                     "name the ids of special tokens: --special-ids A,B, or \"\" for none");
  for (const TokenId id : id_list("special-ids", parsed["special-ids"].word))
    opened.tokens.special.others.push_back(id);
  return opened;
}

}  // namespace

std::string OpenedModel::label() const {
  return classes == nullptr ? "" : labels[static_cast<std::size_t>(classes->target())];
}

std::string OpenedTokenizer::readable(TokenId id) const {
  const bool known = tokenizer && tokenizer->vocabulary().contains(id);
  return known ? tokenizer->readable(id) : tokens.text(id);
}

std::vector<Index> OpenedClassifier::targets_of(const ExplainedText& text) const {
  if (model.classes == nullptr) return {0};
  if (target.choice == TargetChoice::one) return {target.one};
  if (target.choice == TargetChoice::predicted) return model.classes->predicted(text.whole());
  std::vector<Index> every(static_cast<std::size_t>(model.classes->classes()));
  std::iota(every.begin(), every.end(), Index{0});
  return every;
}

std::string fingerprint_of_folder(const std::string& folder) {
  std::vector<std::string> names(std::begin(kTokenizerFiles), std::end(kTokenizerFiles));
  names.emplace_back("config.json");
  std::string all;
  for (const std::string& name : names)
    if (const std::string path = concat(folder, "/", name); file_exists(path))
      all = fingerprint(read_file(path), fingerprint(name, all));
  return all;
}

Tokenizer required_tokenizer(const std::string& folder) {
  std::optional<Tokenizer> tokenizer = load_tokenizer(folder);
  if (!tokenizer)
    throw Error(folder +
                ": found no tokenizer.json, vocab.txt, vocab.json with merges.txt, or SentencePiece model");
  return std::move(*tokenizer);
}

OptionTable target_options() {
  return grouped(
      "classifier",
      {{"target", "CLASS", "",
        "name, number, pred (each text's) or all (default: class 1 of two, pred of more)", "",
        "classifier-command"},
       {"sigmoid", "", "", "the model's one output is a logit, not a number", "", "classifier-command"}});
}

Target read_target(const ParsedOptions& parsed, const CommonOptions& common,
                   const std::vector<std::string>& labels) {
  const std::string word = parsed["target"].word;
  if (word.empty() && labels.size() > 2) return {TargetChoice::predicted, 0, "pred", ""};
  if (word.empty()) return {TargetChoice::one, std::ssize(labels) - 1, std::to_string(labels.size() - 1), ""};
  Target target = target_named(word, labels);
  if (!target.warning.empty() && !common.quiet) say("warning: " + target.warning);
  return target;
}

Index one_class(const Target& target, const std::vector<std::string>& labels, const char* what) {
  if (target.choice == TargetChoice::one) return target.one;
  throw UsageError(
      concat("--target ", target.word, ": ", what, " is of one class, the model has ", labels.size()),
      "name it, or give its number: --target CLASS");
}

Index read_one_target(const ParsedOptions& parsed, const CommonOptions& common,
                      const std::vector<std::string>& labels, const char* what) {
  return one_class(read_target(parsed, common, labels), labels, what);
}

ProblemType read_problem(const ParsedOptions& parsed, const ClassifierConfig& config) {
  if (parsed.count("sigmoid") == 0) return config.problem();
  if (config.labels != 1)
    throw UsageError(concat("--sigmoid has no effect: the model has ", config.labels, " outputs"));
  return ProblemType::multi_label;
}

OptionTable classifier_options() {
  const std::string program = "classifier-command";
  return joined(
      {target_options(),
       grouped("classifier",
               {{program, "CMD", "",
                 "program to query instead of a model: {\"input_ids\"} in, {\"log_odds\"} out"},
                {"tokenizer", "DIR", "", "folder of the program's tokenizer: rows may be text", program},
                {"timeout", "S", "60", "seconds that an output of the program may take", program},
                {"special-ids", "A,B", "", "ids that belong to no text, beside those the folder names"},
                {"batch-tokens", "N", std::to_string(kBatchTokens), "tokens of a batch", "", program},
                {"max-memory", "N", "0", "MiB that batches keep to, 0: no bound", "", program},
                {"precision", "f32|f64|bf16", "f32", "of the arithmetic (bf16: of products in blocks)", "",
                 program}})});
}

OpenedClassifier open_classifier(const ParsedOptions& parsed, const CommonOptions& common) {
  const bool is_program = !parsed["classifier-command"].word.empty();
  if (common.model.empty() != is_program)
    throw UsageError(is_program ? "--model and --classifier-command, wanted one of them"
                                : "--model is missing, or --classifier-command");
  OpenedClassifier opened;
  const std::string folder = is_program ? parsed["tokenizer"].word : common.model;
  opened.tokenizer = open_tokenizer(parsed, folder, is_program);
  if (is_program)
    opened.model = open_program(parsed, opened.tokenizer);
  else
    opened.model = common.precision == Precision::f64 ? open_model<double>(parsed, common, opened.target)
                                                      : open_model<float>(parsed, common, opened.target);
  return opened;
}

}  // namespace slalom
