#include "slalom/cli/explaining.hpp"

#include <algorithm>

namespace slalom {

// --- methods ----------------------------------------------------------------------------------------------

namespace {

constexpr std::string_view kSlalomScores[] = {"part", "linear", "value", "importance", "removal"};
constexpr const char* kLinearScore = "weight";

}  // namespace

std::string RankedMethod::ranking(const Explanation& e) const {
  if (!score.empty()) return score;
  return e.is_slalom() ? "part" : kLinearScore;
}

const std::vector<double>& RankedMethod::scores(const Explanation& e) const {
  const std::string wanted = ranking(e);
  if (e.is_slalom() != (wanted == kLinearScore)) return e.column(wanted);
  throw UsageError(e.is_slalom()
                       ? "--methods " + name + ", wanted " + listed(kSlalomScores) + " after the colon"
                       : "--methods " + name + ": the method has one score, " + kLinearScore);
}

std::vector<RankedMethod> ranked_methods(const std::string& list) {
  std::vector<RankedMethod> methods;
  for (const std::string& word : split_list(list)) {
    const std::size_t colon = word.find(':');
    const std::string score = colon == std::string::npos ? "" : word.substr(colon + 1);
    if (colon != std::string::npos && score != kLinearScore &&
        std::ranges::find(kSlalomScores, score) == std::end(kSlalomScores))
      throw UsageError(concat("--methods ", word, ", wanted ", listed(kSlalomScores), ", ", kLinearScore,
                              " after the colon"));
    if (std::ranges::find(methods, word, &RankedMethod::name) != methods.end())
      throw UsageError("--methods: " + word + " twice");
    methods.push_back({word, &method_named(word.substr(0, colon)), score});
  }
  if (methods.empty()) throw UsageError("--methods, wanted one or more");
  return methods;
}

// --- options ----------------------------------------------------------------------------------------------

namespace {

// What methods use has an effect where one of them is chosen; a published variant uses the budget alone.
OptionTable method_options(const std::string& methods) {
  const OptionTable first = {
      {"budget", "N", "", "queries (default: the method's; slalom-exact: extra pairs)"},
      {"background", "none|fitted", "", "SLALOM's background token (default: fitted for models)"}};
  const OptionTable others = {
      {"unit", "token|word", "token", "what is explained; without it, views join the tokens of a word"},
      {"absence", "delete|mask", "delete", "what happens to absent tokens"},
      {"mask-id", "N", "", "the mask (default: the folder's mask token)", "absence=mask baseline=mask"},
      {"baseline", "zero|pad|mask", "zero", "integrated-gradients: where the path begins", "",
       "classifier-command"},
      {"tolerance", "T", "1e-3", "integrated-gradients: completeness gap (nats)", "", "classifier-command"},
      {"short-length", "N", "2", "slalom-eff: tokens of a text"},
      {"most-deleted", "N", "10", "slalom-fidel, linear-deletion: tokens deleted at most"},
      {"prior", "none|gradient|attn-lrp", "",
       "what fitted values shrink towards (default: attn-lrp for models)"},
      {"positions", "none|fitted", "fitted", "effects of tokens' places in SLALOMs fitted to deletions"},
      {"calibrate", "N", "0", "deletions that turn scores into log-odds; 0: none"},
      {"flip", "", "", "SLALOM methods: also the fewest tokens whose removal changes the sign"},
      {"as-published", "", "",
       "as the published study's code has it: SLALOM, SHAP, LIME, gradients, LRP, linear-deletion"},
      {"held-out", "N", "5", "deletions of each size 1 to 10 that score it; 0: none"}};
  OptionTable options = joined({grouped("explanation", first), grouped("explanation", others, "aggregate")});
  for (Option& option : options) {
    const bool published_too =
        option.name == "as-published" || option.name == "budget" || option.name == "flip";
    for (const Method& m : slalom::methods())
      if (m.has(option.name))
        option.needs +=
            concat(" ", methods, "=", m.name, m.has("as-published") && !published_too ? "!as-published" : "");
  }
  return options;
}

ExplainOptions read_explain_options(const ParsedOptions& parsed, const CommonOptions& common,
                                    const OpenedClassifier& classifier) {
  const FolderTokens& tokens = classifier.tokenizer.tokens;
  const RowLimits& limits = classifier.model.limits;
  ExplainOptions o;
  o.seed = common.seed;
  if (parsed.count("budget") > 0) o.budget = integer_option(parsed, "budget", 0, 100'000'000);
  // Of a text's special tokens the explanation itself knows; the read-out of a decoder contributes, too.
  o.background = choice_option(parsed, "background", "fitted");
  if (!o.background && classifier.model.reads_end) o.background = true;
  const std::string& baseline = parsed["baseline"].word;
  o.baseline = baseline == "pad" ? Baseline::pad : baseline == "mask" ? Baseline::mask : Baseline::zero;
  o.mask_id = tokens.special.mask;
  if (parsed.count("mask-id") > 0)
    o.mask_id = static_cast<TokenId>(integer_option(parsed, "mask-id", 0, limits.vocabulary - 1));
  o.pad_id = tokens.padding;
  o.unk_id = tokens.special.unk;
  if (parsed["absence"].word == "mask") {
    o.masking.replacement = o.mask_id;
    if (!o.mask_id)
      throw UsageError("--absence mask: the folder names no mask token", "give its id: --mask-id N");
  }
  o.tolerance = number_option(parsed, "tolerance");
  if (o.tolerance <= 0) throw UsageError(concat("--tolerance ", o.tolerance, ", wanted more than 0"));
  o.short_length = integer_option(parsed, "short-length", 1, std::min<Index>(limits.longest, 100'000));
  o.most_deleted = integer_option(parsed, "most-deleted", 1, 1'000'000);
  o.held_out = integer_option(parsed, "held-out", 0, 10'000);
  o.flip = parsed.count("flip") > 0 ? kMostFlipped : 0;
  o.calibrate = integer_option(parsed, "calibrate", 0, 100'000);
  o.positions = parsed["positions"].word == "fitted";
  for (const Prior prior : {Prior::none, Prior::gradient, Prior::attn_lrp})
    if (parsed["prior"].word == kPriorNames[static_cast<int>(prior)]) o.prior = prior;
  o.as_published = parsed.count("as-published") > 0;
  return o;
}

// Gradients and relevance are computed in float32, and would be shown beside the log-odds of another model.
void check_queries_only(const ParsedOptions& parsed) {
  for (const Method& method : methods())
    if (method.queries == QueryKind::passes &&
        (parsed.holds(concat("method=", method.name)) || parsed.holds(concat("methods=", method.name))))
      throw UsageError(concat("--precision bf16 is of queries, and ", method.name, " looks inside the model"),
                       "--precision f32 or f64");
}

}  // namespace

OptionTable explaining_options(const std::string& methods) {
  const OptionTable windows = {
      {"max-length", "N", "0", "tokens, longer texts are cut into windows; 0: the model's"},
      {"stride", "N", "0", "tokens from one window to the next; 0: half a window", "", "strict"},
      {"strict", "", "", "a bad row ends the run, and a text too long fails instead of being cut"}};
  return joined({text_options(), shard_options(), grouped("text", windows, "aggregate"), classifier_options(),
                 method_options(methods)});
}

// --- texts ------------------------------------------------------------------------------------------------

Explaining::Explaining(const ParsedOptions& options_given, const CommonOptions& common_given)
    : parsed(options_given),
      common(common_given),
      classifier(open_classifier(parsed, common)),
      options(read_explain_options(parsed, common, classifier)),
      longest_(classifier.model.limits.longest) {
  if (common.precision == Precision::bf16) check_queries_only(parsed);
  if (const Index most = integer_option(parsed, "max-length", 0, 1'000'000'000); most > 0) {
    if (most > longest_)
      throw UsageError(concat("--max-length ", most, ", the model has ", longest_, " positions"));
    longest_ = most;
  }
  if (const Index stride = integer_option(parsed, "stride", 0, 1'000'000'000); stride > 0) stride_ = stride;
}

RowLimits Explaining::limits() const {
  RowLimits any_length = classifier.model.limits;
  any_length.longest = std::numeric_limits<Index>::max();
  any_length.empty_texts = true;
  return any_length;
}

TokenRows Explaining::rows(const std::string& progress) const {
  return token_rows(parsed, common, limits(), classifier.tokenizer.get(), progress, classifier.model.f.get());
}

std::vector<WindowText> Explaining::windows(const InputRow& row) const {
  const auto is_special = [this](TokenId id) { return classifier.tokenizer.tokens.is_special(id); };
  const Unit unit = parsed["unit"].word == "word" ? Unit::word : Unit::token;
  std::vector<RowWindow> windows = {{}};
  if (std::ssize(row.ids) > longest_) {
    if (parsed.count("strict") > 0)
      throw Error(concat("the text has ", row.ids.size(), " tokens, wanted at most ", longest_),
                  "without --strict it is cut into windows");
    windows =
        windows_of(row, longest_, stride_.value_or(default_stride(row, longest_, is_special)), is_special);
  }
  std::vector<WindowText> texts;
  for (const RowWindow& window : windows) {
    InputRow part = cut_window(row, window, is_special);
    ExplainedText text(part, is_special, unit);
    texts.push_back({std::move(part), window, std::move(text)});
  }
  return texts;
}

// --- explanations -----------------------------------------------------------------------------------------

namespace {

// Of a text of which half or more are words that the vocabulary does not have.
std::string unknown_warning(const ExplainedText& text, const FolderTokens& tokens) {
  if (!tokens.special.unk) return "";
  Index unknown = 0, all = 0;
  for (const ExplainedText::Range& unit : text.units())
    for (Index i = unit.first; i < unit.first + unit.size; ++i, ++all)
      if (text.ids()[static_cast<std::size_t>(i)] == *tokens.special.unk) ++unknown;
  if (2 * unknown < all) return "";
  return concat(unknown == all ? "every token of this text is" : "half or more of this text's tokens are",
                " unknown to the vocabulary: ", unknown, " of ", all, " are ",
                tokens.text(*tokens.special.unk));
}

}  // namespace

ExplainOptions Explaining::options_for(const Method& method) const {
  ExplainOptions own = options;
  own.as_published = own.as_published && method.has("as-published");
  own.tokenizer = classifier.tokenizer.get();
  return own;
}

Explanation Explaining::explain(const Method& method, const WindowText& text) const {
  Explanation explanation = slalom::explain(method, *classifier.model.f, text.text, options_for(method));
  const std::span<const double> differences = classifier.model.f->bf16_differences();
  explanation.bf16 = summarise_differences({differences.begin(), differences.end()});
  std::vector<std::string>& warnings = explanation.warnings;
  for (std::string& warning : classifier.model.f->warnings()) warnings.push_back(std::move(warning));
  warnings.push_back(unknown_warning(text.text, classifier.tokenizer.tokens));
  warnings.push_back(classifier.target.warning);
  if (text.window.of > 1)
    warnings.push_back(concat("the text is longer than ", longest_, " tokens: this is window ",
                              text.window.number + 1, " of ", text.window.of, ", from token ",
                              text.window.first, " on; the log-odds is the window's"));
  std::erase(warnings, "");
  return explanation;
}

std::string Explaining::parameters(const Method& method) const {
  const ExplainOptions& o = options;
  JsonRow row;
  for (const char* last_bits : {"batch-tokens", "max-memory"})
    if (!parsed[last_bits].usual) row.field(last_bits, parsed[last_bits].word);
  row.field("unit", parsed["unit"].word);
  if (method.has("budget")) row.field("budget", method.budget(o, 0));
  if (!o.budget && !o.as_published && method.budget_each > 0) row.field("budget_each", method.budget_each);
  const auto add_word = [&](const std::string& name) {
    const std::string& word = parsed[name].word;
    if (method.has(name)) row.field(name, word.empty() ? "default" : word);
  };
  add_word("background");
  add_word("absence");
  if (method.has("absence") && o.masking.replacement) row.field("mask_id", *o.masking.replacement);
  add_word("baseline");
  if (method.has("tolerance")) row.field("tolerance", o.tolerance);
  if (method.has("short-length")) row.field("short_length", o.short_length);
  if (method.has("most-deleted")) row.field("most_deleted", o.most_deleted);
  add_word("prior");
  add_word("positions");
  if (o.flip > 0 && method.has("flip")) row.field("flip", o.flip);
  if (o.calibrate > 0) row.field("calibrate", o.calibrate);
  if (method.has("as-published")) row.field("as_published", o.as_published);
  if (classifier.model.classes != nullptr) row.field("target", classifier.target.word);
  if (parsed.count("sigmoid") > 0) row.field("sigmoid", true);
  for (const auto& [name, field] : {std::pair{"classifier-command", "classifier_command"},
                                    {"tokenizer", "tokenizer"},
                                    {"special-ids", "special_ids"}})
    if (!parsed[name].word.empty()) row.field(field, parsed[name].word);
  if (longest_ < std::numeric_limits<Index>::max()) row.field("max_length", longest_);
  if (stride_) row.field("stride", *stride_);
  if (parsed.count("strict") > 0) row.field("strict", true);
  if (parsed.count("special") > 0 && parsed["special"].word == "show") row.field("special", "show");
  if (!classifier.tokenizer.fingerprint.empty()) row.field("folder", classifier.tokenizer.fingerprint);
  return row.field("held_out", o.held_out).field("precision", parsed["precision"].word).str();
}

}  // namespace slalom
