#include "slalom/cli/classifier.hpp"

#include <algorithm>

#include "slalom/base/sha256.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/cost.hpp"

namespace slalom {

namespace {

constexpr Index kBatchTokens = 4096;

// Rows of a batch that keep the whole program within --max-memory.
Index batch_rows(const cxxopts::ParseResult& parsed, const ClassifierConfig& config, Index parameters,
                 Index scalar_bytes) {
  const Index wanted = integer_option(parsed, "batch-tokens", 1, Index{1} << 30);
  const Index megabytes = integer_option(parsed, "max-memory", 0, Index{1} << 30);
  if (megabytes == 0) return wanted;
  const Index longest =
      config.positions == Positions::learned ? std::min(config.max_positions, wanted) : wanted;
  const Index row = forward_scalars_per_row(config, longest) * scalar_bytes;
  const Index left = (megabytes << 20) - parameters * scalar_bytes - (Index{64} << 20);
  if (left < row * longest)
    throw UsageError(text("--max-memory ", megabytes, ": the model and a text of ", longest, " tokens need ",
                          megabytes + ((row * longest - left) >> 20) + 1, " MiB"));
  return std::min(wanted, left / row);
}

template <class T>
void open_model(const cxxopts::ParseResult& parsed, const CommonOptions& common, OpenedClassifier& opened,
                std::unique_ptr<TextClassifier<T>>& place) {
  LoadedModel<T> loaded = load_model<T>(common.model);
  const ClassifierConfig config = loaded.model->config();
  if (opened.target >= config.labels)
    throw UsageError(text("--target ", opened.target, ", the model has classes 0 to ", config.labels - 1));
  opened.limits = row_limits(config);
  opened.reads_end = config.read_out == ReadOut::last;
  opened.sha256 = sha256_of_files(loaded.files);
  const Index rows = batch_rows(parsed, config, loaded.model->parameters().scalars(), sizeof(T));
  place = std::move(loaded.model);
  opened.f = std::make_unique<ModelBlackBox<T>>(*place, opened.target, rows);
}

}  // namespace

ExplainedText OpenedClassifier::explained(const InputRow& row) const {
  return ExplainedText(row.ids, [this](TokenId id) { return tokens.is_marker(id); });
}

ExplainOptions OpenedClassifier::options_for(const ExplainedText& text, const Method& method,
                                             ExplainOptions options) const {
  options.as_published = options.as_published && method.has("as-published");
  if (!options.background) options.background = !options.as_published && (reads_end || text.has_empty_text());
  return options;
}

void add_classifier_options(cxxopts::Options& options) {
  options.add_options("classifier")("target", "class whose log-odds against the rest are explained",
                                    cxxopts::value<std::int64_t>()->default_value("1"), "CLASS")(
      "classifier-command",
      "program to ask instead of a model: reads {\"input_ids\"} and answers {\"log_odds\"} lines",
      cxxopts::value<std::string>()->default_value(""),
      "CMD")("timeout", "seconds that the program may stay silent",
             cxxopts::value<std::string>()->default_value("60"),
             "S")("special-ids", "ids that belong to no text, beside those the folder names",
                  cxxopts::value<std::string>()->default_value(""),
                  "A,B")("batch-tokens", "tokens of a batch",
                         cxxopts::value<std::int64_t>()->default_value(std::to_string(kBatchTokens)),
                         "N")("max-memory", "MiB that batches keep to, 0: no bound",
                              cxxopts::value<std::int64_t>()->default_value("0"), "N");
}

OpenedClassifier open_classifier(const cxxopts::ParseResult& parsed, const CommonOptions& common) {
  const std::string command = parsed["classifier-command"].as<std::string>();
  if (common.model.empty() == command.empty())
    throw UsageError(command.empty() ? "--model is missing, or --classifier-command"
                                     : "--model and --classifier-command, wanted one of them");
  OpenedClassifier opened;
  opened.target = integer_option(parsed, "target", 0, 1'000'000);
  if (command.empty()) {
    refuse_options(parsed, {"timeout"}, "without --classifier-command");
    opened.tokens = read_folder_tokens(common.model);
    if (!opened.tokens.unresolved.empty() && parsed.count("special-ids") == 0)
      throw UsageError(text(common.model, ": found no vocab.txt or vocab.json with the special token \"",
                            opened.tokens.unresolved.front(), "\""),
                       "name the ids of special tokens: --special-ids A,B, or \"\" for none");
    if (common.precision == Precision::f64)
      open_model(parsed, common, opened, opened.exact);
    else
      open_model(parsed, common, opened, opened.single);
  } else {
    refuse_options(parsed, {"target", "batch-tokens", "max-memory", "precision"},
                   "with --classifier-command");
    opened.limits = {.vocabulary = Index{1} << 31};
    const double timeout = number_option(parsed, "timeout");
    if (timeout <= 0 || timeout > 86400) throw UsageError(text("--timeout ", timeout, ", wanted 0 to 86400"));
    opened.f = std::make_unique<CommandBlackBox>(command, timeout);
  }
  for (const TokenId id : id_list("special-ids", parsed["special-ids"].as<std::string>()))
    opened.tokens.markers.push_back(id);
  std::ranges::sort(opened.tokens.markers);
  return opened;
}

void add_explain_options(cxxopts::Options& options) {
  const auto integer = [](const char* fallback) {
    return cxxopts::value<std::int64_t>()->default_value(fallback);
  };
  const auto word = [](const char* fallback) {
    return cxxopts::value<std::string>()->default_value(fallback);
  };
  options.add_options("explanation")("budget", "queries (default: the method's; slalom-exact: extra pairs)",
                                     cxxopts::value<std::int64_t>(), "QUERIES")(
      "background", "SLALOM's background token: none or fitted (default: fitted for models)", word(""), "B")(
      "absence", "absent tokens are deleted or replaced by the mask: delete or mask", word("delete"), "A")(
      "mask-id", "the mask's id (default: the folder's mask token)", integer("-1"), "ID")(
      "short-length", "slalom-eff: tokens of a text", integer("2"), "N")(
      "most-deleted", "slalom-fidel, linear-deletion: tokens deleted at most", integer("5"), "N")(
      "as-published", "slalom-eff, slalom-fidel: the published optimiser settings")(
      "held-out", "deletions that score an explanation, for each of 1 to 10 removed tokens; 0: none",
      integer("10"), "N");
}

ExplainOptions read_explain_options(const cxxopts::ParseResult& parsed, const CommonOptions& common,
                                    const OpenedClassifier& classifier) {
  ExplainOptions o;
  o.seed = common.seed;
  if (parsed.count("budget") > 0) o.budget = integer_option(parsed, "budget", 0, 100'000'000);
  o.background = choice_option(parsed, "background", "none", "fitted");
  const std::string absence = parsed["absence"].as<std::string>();
  if (absence != "delete" && absence != "mask")
    throw UsageError("--absence " + absence + ", wanted delete or mask");
  if (absence == "delete") refuse_options(parsed, {"mask-id"}, "without --absence mask");
  if (absence == "mask") {
    const auto id =
        static_cast<TokenId>(integer_option(parsed, "mask-id", -1, classifier.limits.vocabulary - 1));
    o.absence.filler = id >= 0 ? id : classifier.tokens.special.mask;
    if (!o.absence.filler)
      throw UsageError("--absence mask: the folder names no mask token", "give its id: --mask-id N");
  }
  o.short_length =
      integer_option(parsed, "short-length", 1, std::min<Index>(classifier.limits.longest, 100'000));
  o.most_deleted = integer_option(parsed, "most-deleted", 1, 1'000'000);
  o.held_out = integer_option(parsed, "held-out", 0, 10'000);
  o.as_published = parsed.count("as-published") > 0;
  if (o.as_published && o.background == true)
    throw UsageError("--background fitted: the published fits have no background");
  return o;
}

}  // namespace slalom
