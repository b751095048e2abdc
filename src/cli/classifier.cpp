#include "slalom/cli/classifier.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "slalom/base/numbers.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/cli/messages.hpp"
#include "slalom/kernels/gemm.hpp"
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

template <class T>
void open_model(const ParsedOptions& parsed, const CommonOptions& common, OpenedClassifier& opened,
                std::unique_ptr<TextClassifier<T>>& place) {
  LoadedModel<T> loaded = load_model<T>(common.model);
  check_memory_of_products();
  const ClassifierConfig config = loaded.model->config();
  opened.labels = config.class_names();
  opened.target = read_target(parsed, common, opened.labels);
  opened.problem = read_problem(parsed, config);
  opened.limits = row_limits(config);
  opened.reads_end = config.read_out == ReadOut::last;
  opened.sha256 = sha256_of_files(loaded.files);
  const Index rows = batch_rows(parsed, config, loaded.model->parameters().scalars(), sizeof(T));
  place = std::move(loaded.model);
  auto box = std::make_unique<ModelBlackBox<T>>(*place, opened.target.one, rows);
  opened.classes = box.get();
  opened.f = std::move(box);
}

}  // namespace

Tokenizer required_tokenizer(const std::string& folder) {
  std::optional<Tokenizer> tokenizer = load_tokenizer(folder);
  if (!tokenizer)
    throw Error(folder +
                ": found no tokenizer.json, vocab.txt, vocab.json with merges.txt, or SentencePiece model");
  return std::move(*tokenizer);
}

namespace {

Target target_named(const std::string& word, const std::vector<std::string>& labels) {
  const Index named = std::ranges::find(labels, word) - labels.begin(),
              number = whole_number<Index>(word).value_or(-1);
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

}  // namespace

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
  const std::string word = parsed["target"].as<std::string>();
  if (word.empty() && labels.size() > 2) return {TargetChoice::predicted, 0, "pred", ""};
  if (word.empty()) return {TargetChoice::one, std::ssize(labels) - 1, std::to_string(labels.size() - 1), ""};
  Target target = target_named(word, labels);
  if (!target.warning.empty() && !common.quiet) say("warning: " + target.warning);
  return target;
}

Index read_one_target(const ParsedOptions& parsed, const CommonOptions& common,
                      const std::vector<std::string>& labels, const char* what) {
  const Target target = read_target(parsed, common, labels);
  if (target.choice == TargetChoice::one) return target.one;
  throw UsageError(
      concat("--target ", target.word, ": ", what, " is of one class, the model has ", labels.size()),
      "name it, or give its number: --target CLASS");
}

ProblemType read_problem(const ParsedOptions& parsed, const ClassifierConfig& config) {
  if (parsed.count("sigmoid") == 0) return config.problem();
  if (config.labels != 1)
    throw UsageError(concat("--sigmoid has no effect: the model has ", config.labels, " outputs"));
  return ProblemType::multi_label;
}

RowLimits OpenedClassifier::any_length() const {
  RowLimits any = limits;
  any.longest = std::numeric_limits<Index>::max();
  any.empty_texts = true;
  return any;
}

ExplainedText OpenedClassifier::explained(const Encoding& text) const {
  return ExplainedText(
      text, [this](TokenId id) { return tokens.is_special(id); }, unit);
}

std::string OpenedClassifier::readable(TokenId id) const {
  const bool known = tokenizer && tokenizer->vocabulary().contains(id);
  return known ? tokenizer->readable(id) : tokens.text(id);
}

std::vector<Index> OpenedClassifier::targets_of(const ExplainedText& text) const {
  if (classes == nullptr) return {0};
  if (target.choice == TargetChoice::one) return {classes->target()};
  if (target.choice == TargetChoice::predicted) {
    PackedBatch one;
    text.add_whole(one);
    return classes->predicted(one);
  }
  std::vector<Index> every(static_cast<std::size_t>(classes->classes()));
  std::iota(every.begin(), every.end(), Index{0});
  return every;
}

void OpenedClassifier::choose(Index one) const {
  if (classes != nullptr && one != classes->target()) classes->set_target(one);
}

std::string OpenedClassifier::label() const {
  return classes == nullptr ? "" : labels[static_cast<std::size_t>(classes->target())];
}

ExplainOptions OpenedClassifier::options_for(const ExplainedText& text, const Method& method,
                                             ExplainOptions options) const {
  options.as_published = options.as_published && method.has("as-published");
  options.tokenizer = tokenizer_or_null();
  if (!options.background) options.background = reads_end || text.has_empty_text();
  return options;
}

namespace {

// Of a text of which half or more are words that the vocabulary does not have.
std::string unknown_warning(const ExplainedText& text, const FolderTokens& tokens) {
  if (!tokens.special.unk) return "";
  Index unknown = 0, all = 0;
  for (const ExplainedText::Range& unit : text.units())
    for (Index i = unit.first; i < unit.first + unit.size; ++i, ++all)
      if (text.ids()[static_cast<std::size_t>(i)] == *tokens.special.unk) ++unknown;
  if (2 * unknown < all) return "";
  return slalom::concat(
      unknown == all ? "every token of this text is" : "half or more of this text's tokens are",
      " unknown to the vocabulary: ", unknown, " of ", all, " are ", tokens.text(*tokens.special.unk));
}

}  // namespace

Explanation OpenedClassifier::explain(const Method& method, const ExplainedText& text,
                                      const ExplainOptions& options) const {
  Explanation explanation = slalom::explain(method, *f, text, options_for(text, method, options));
  for (std::string& warning : f->warnings()) explanation.warnings.push_back(std::move(warning));
  if (std::string warning = unknown_warning(text, tokens); !warning.empty())
    explanation.warnings.push_back(std::move(warning));
  if (!target.warning.empty()) explanation.warnings.push_back(target.warning);
  return explanation;
}

OptionTable classifier_options() {
  const std::string program = "classifier-command";
  return joined(
      {target_options(),
       grouped(
           "classifier",
           {{program, "CMD", "", "program to ask instead of a model: {\"input_ids\"} in, {\"log_odds\"} out"},
            {"tokenizer", "DIR", "", "folder of the program's tokenizer: rows may be text", program},
            {"timeout", "S", "60", "seconds that an answer of the program may take", program},
            {"special-ids", "A,B", "", "ids that belong to no text, beside those the folder names"},
            {"batch-tokens", "N", std::to_string(kBatchTokens), "tokens of a batch", "", program},
            {"max-memory", "N", "0", "MiB that batches keep to, 0: no bound", "", program},
            {"precision", "f32|f64", "f32", "of the arithmetic", "", program}})});
}

namespace {

std::string fingerprint_of_folder(const std::string& folder) {
  std::vector<std::string> names(std::begin(kTokenizerFiles), std::end(kTokenizerFiles));
  names.emplace_back("config.json");
  std::string all;
  for (const std::string& name : names)
    if (const std::string path = concat(folder, "/", name); file_exists(path))
      all = fingerprint(read_file(path), fingerprint(name, all));
  return all;
}

void read_tokens(const std::string& folder, const ParsedOptions& parsed, OpenedClassifier& opened) {
  opened.tokens = read_folder_tokens(folder);
  opened.folder = fingerprint_of_folder(folder);
  if (!opened.tokens.unresolved.empty() && parsed.count("special-ids") == 0)
    throw UsageError(concat(folder, ": found no vocab.txt or vocab.json with the special token \"",
                            opened.tokens.unresolved.front().name, "\""),
                     "name the ids of special tokens: --special-ids A,B, or \"\" for none");
}

}  // namespace

OpenedClassifier open_classifier(const ParsedOptions& parsed, const CommonOptions& common) {
  const std::string command = parsed["classifier-command"].as<std::string>();
  if (common.model.empty() == command.empty())
    throw UsageError(command.empty() ? "--model is missing, or --classifier-command"
                                     : "--model and --classifier-command, wanted one of them");
  OpenedClassifier opened;
  opened.command = command;
  opened.special_ids = parsed["special-ids"].as<std::string>();
  if (command.empty()) {
    read_tokens(common.model, parsed, opened);
    opened.tokenizer = load_tokenizer(common.model);
    if (common.precision == Precision::f64)
      open_model(parsed, common, opened, opened.exact);
    else
      open_model(parsed, common, opened, opened.single);
  } else {
    opened.limits = {.vocabulary = Index{1} << 31};
    opened.tokenizer_folder = parsed["tokenizer"].as<std::string>();
    if (!opened.tokenizer_folder.empty()) {
      opened.tokenizer = required_tokenizer(opened.tokenizer_folder);
      opened.limits.vocabulary = opened.tokenizer->vocabulary().size();
      read_tokens(opened.tokenizer_folder, parsed, opened);
    }
    const double timeout = number_option(parsed, "timeout");
    if (timeout <= 0 || timeout > 86400)
      throw UsageError(concat("--timeout ", timeout, ", wanted 0 to 86400"));
    opened.f = std::make_unique<CommandBlackBox>(command, timeout);
  }
  for (const TokenId id : id_list("special-ids", opened.special_ids)) opened.tokens.special_ids.push_back(id);
  std::ranges::sort(opened.tokens.special_ids);
  return opened;
}

OptionTable explain_options() {
  return grouped(
      "explanation",
      {{"unit", "token|word", "token", "what is explained; without it, views join the tokens of a word"},
       {"budget", "N", "", "queries (default: the method's; slalom-exact: extra pairs)"},
       {"background", "none|fitted", "", "SLALOM's background token (default: fitted for models)"},
       {"absence", "delete|mask", "delete", "what happens to absent tokens"},
       {"mask-id", "N", "", "the mask (default: the folder's mask token)", "absence=mask baseline=mask"},
       {"baseline", "zero|pad|mask", "zero", "integrated-gradients: where the path begins"},
       {"tolerance", "T", "1e-3", "integrated-gradients: completeness gap (nats)"},
       {"short-length", "N", "2", "slalom-eff: tokens of a text"},
       {"most-deleted", "N", "10", "slalom-fidel, linear-deletion: tokens deleted at most"},
       {"prior", "none|gradient|attn-lrp", "",
        "what fitted values shrink towards (default: attn-lrp for models)"},
       {"positions", "none|fitted", "fitted", "effects of tokens' places in SLALOMs fitted to deletions"},
       {"calibrate", "N", "0", "deletions that turn scores into log-odds; 0: none"},
       {"flip", "", "", "SLALOM methods: also the fewest tokens whose removal changes the sign"},
       {"as-published", "", "",
        "as the published study's code has it: SLALOM, SHAP, LIME, gradients, LRP, linear-deletion"},
       {"held-out", "N", "5", "deletions of each size 1 to 10 that score it; 0: none", "", "aggregate"}});
}

namespace {

void refuse_without_effect(const ParsedOptions& parsed, const std::vector<const Method*>& methods) {
  const bool as_published = parsed.count("as-published") > 0;
  for (const std::string option : {"as-published", "budget", "background", "absence", "baseline", "tolerance",
                                   "short-length", "most-deleted", "prior", "positions"}) {
    const bool replaced = as_published && option != "as-published" && option != "budget";
    if (parsed.count(option) > 0 && std::ranges::none_of(methods, [&](const Method* m) {
          return m->has(option) && !(replaced && m->has("as-published"));
        }))
      throw UsageError(concat("--", option, " has no effect with ",
                              methods.size() == 1 ? concat("--method ", methods[0]->name) : "these methods",
                              replaced ? " --as-published" : ""));
  }
}

std::optional<Prior> prior_named(const std::string& name) {
  for (const Prior prior : {Prior::none, Prior::gradient, Prior::attn_lrp})
    if (name == kPriorNames[static_cast<int>(prior)]) return prior;
  return std::nullopt;
}

}  // namespace

ExplainOptions read_explain_options(const ParsedOptions& parsed, const CommonOptions& common,
                                    const std::vector<const Method*>& methods, OpenedClassifier& classifier) {
  refuse_without_effect(parsed, methods);
  ExplainOptions o;
  o.seed = common.seed;
  if (parsed["unit"].as<std::string>() == "word") classifier.unit = Unit::word;
  if (parsed.count("budget") > 0) o.budget = integer_option(parsed, "budget", 0, 100'000'000);
  o.background = choice_option(parsed, "background", "fitted");
  const std::string absence = parsed["absence"].as<std::string>(),
                    baseline = parsed["baseline"].as<std::string>();
  o.baseline = baseline == "pad" ? Baseline::pad : baseline == "mask" ? Baseline::mask : Baseline::zero;
  o.mask_id = classifier.tokens.special.mask;
  if (parsed.count("mask-id") > 0)
    o.mask_id = static_cast<TokenId>(integer_option(parsed, "mask-id", 0, classifier.limits.vocabulary - 1));
  o.pad_id = classifier.tokens.padding;
  o.unk_id = classifier.tokens.special.unk;
  if (absence == "mask") {
    o.masking.replacement = o.mask_id;
    if (!o.mask_id)
      throw UsageError("--absence mask: the folder names no mask token", "give its id: --mask-id N");
  }
  o.tolerance = number_option(parsed, "tolerance");
  if (o.tolerance <= 0) throw UsageError(concat("--tolerance ", o.tolerance, ", wanted more than 0"));
  o.short_length =
      integer_option(parsed, "short-length", 1, std::min<Index>(classifier.limits.longest, 100'000));
  o.most_deleted = integer_option(parsed, "most-deleted", 1, 1'000'000);
  o.held_out = integer_option(parsed, "held-out", 0, 10'000);
  o.flip = parsed.count("flip") > 0 ? kMostFlipped : 0;
  o.calibrate = integer_option(parsed, "calibrate", 0, 100'000);
  o.positions = parsed["positions"].as<std::string>() == "fitted";
  o.prior = prior_named(parsed["prior"].as<std::string>());
  o.as_published = parsed.count("as-published") > 0;
  return o;
}

}  // namespace slalom
