// slalom fit: a surrogate of rows that carry a classifier's log-odds, scored on rows held out.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "slalom/cli/input_rows.hpp"
#include "slalom/model_io/folder_tokens.hpp"
#include "slalom/surrogate/gam.hpp"
#include "slalom/surrogate/linear.hpp"
#include "slalom/surrogate/published.hpp"

namespace slalom {

namespace {

struct Rows {
  std::vector<TokenId> ids;  // (K) ascending
  Sample fit, held_out;
};

// All rows, numbered tokens, and the last `holdout` of them apart. A text may be empty if its surrogate has
// an output for that.
Rows read_rows(const std::string& path, const FolderTokens& folder, bool skip_special, bool empty_texts,
               Index holdout) {
  RowReader reader(path, {.vocabulary = Index{1} << 31, .classes = INT32_MAX});
  std::vector<std::vector<TokenId>> texts;
  std::vector<double> targets;
  std::map<TokenId, Sample::Token> place;
  for (InputRow row; reader.next(row);) {
    if (!row.log_odds)
      throw Error(concat(input_name(path), ": line ", row.line, ": field \"log_odds\" is missing"),
                  "slalom predict writes log-odds; a row to fit needs input_ids and log_odds");
    if (skip_special) std::erase_if(row.ids, [&](TokenId id) { return folder.is_special(id); });
    if (row.ids.empty() && !empty_texts)
      throw Error(concat(input_name(path), ": line ", row.line, ": the text has special tokens only"),
                  "a SLALOM without background has no log-odds for it: --background fitted");
    for (TokenId id : row.ids) place.emplace(id, 0);
    texts.push_back(row.ids);
    targets.push_back(*row.log_odds);
  }
  if (std::ssize(texts) <= holdout)
    throw Error(concat(input_name(path), ": found ", texts.size(), " rows, wanted more than the ", holdout,
                       " held out"));
  Rows rows;
  for (auto& [id, number] : place) {
    number = static_cast<Sample::Token>(rows.ids.size());
    rows.ids.push_back(id);
  }
  rows.fit.tokens = rows.held_out.tokens = std::ssize(rows.ids);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<Sample::Token> tokens;
    for (TokenId id : texts[i]) tokens.push_back(place.at(id));
    (std::ssize(texts) - static_cast<Index>(i) > holdout ? rows.fit : rows.held_out).add(tokens, targets[i]);
  }
  return rows;
}

// What all surrogates report; each adds its own fields.
struct Fitted {
  JsonRow row;
  std::vector<double> on_fit, on_held_out;  // predictions
  std::vector<JsonRow> tokens;
  std::string background = "null";
  Index iterations = 0;
  std::vector<std::string> warnings;

  template <class Model>
  void predict_all(const Model& model, const Rows& rows) {
    on_fit = predict(model, rows.fit);
    on_held_out = predict(model, rows.held_out);
  }
  Fitted(const Rows& rows, const FolderTokens& folder) {
    for (TokenId id : rows.ids) tokens.push_back(JsonRow().field("id", id).field("text", folder.text(id)));
  }
};

void fit_linear_rows(const Rows& rows, Fitted& fitted) {
  const LinearFit fit = fit_linear(rows.fit);
  for (std::size_t k = 0; k < rows.ids.size(); ++k)
    fitted.tokens[k].field("weight", fit.model.weight[k]).field("weight_se", fit.weight_se[k]);
  fitted.row.field("intercept", fit.model.intercept).field("rank", fit.rank);
  fitted.predict_all(fit.model, rows);
}

void fit_gam_rows(const Rows& rows, bool lasso, Fitted& fitted) {
  const GamFit fit = lasso ? fit_gam_lasso(rows.fit) : fit_gam(rows.fit);
  for (std::size_t k = 0; k < rows.ids.size(); ++k) {
    std::vector<double> weights;  // of one token at each position
    for (Index p = 0; p < fit.model.positions; ++p)
      weights.push_back(fit.model.weight[static_cast<std::size_t>(p * fit.model.tokens) + k]);
    fitted.tokens[k].field("weight", weights);
  }
  fitted.row.field("intercept", fit.model.intercept).field("positions", fit.model.positions);
  if (lasso)
    fitted.row.field("duality_gap", fit.gap);
  else
    fitted.row.field("rank", fit.rank);
  fitted.iterations = fit.iterations;
  fitted.predict_all(fit.model, rows);
}

SlalomFit slalom_fit(const Sample& sample, const SlalomOptions& options, const std::string& how) {
  if (how == "published-fidel") return fit_slalom_deletions(sample);
  if (how == "published-eff") return fit_slalom_adam(sample, kPublishedEff);
  if (how == "published-texts") return fit_slalom_adam(sample, kPublishedTexts);
  return fit_slalom(sample, options);
}

void fit_slalom_rows(const Rows& rows, const SlalomOptions& options, const std::string& how, Fitted& fitted) {
  const SlalomFit fit = slalom_fit(rows.fit, options, how);
  for (std::size_t k = 0; k < rows.ids.size(); ++k)
    fitted.tokens[k]
        .field("value", fit.model.value[k])
        .field("importance", fit.model.importance[k])
        .field("value_se", fit.value_se[k])
        .field("importance_se", fit.importance_se[k]);
  if (fit.model.background)
    fitted.background = JsonRow()
                            .field("importance", fit.model.background->importance)
                            .field("value", fit.model.background->value)
                            .field("importance_se", fit.background_se.importance)
                            .field("value_se", fit.background_se.value)
                            .str();
  fitted.row.field("chosen", fit.chosen)
      .field("cross_validated_mse", fit.cross_validated_mse)
      .field("importance_deviation", fit.importance_deviation)
      .field("part_deviation", fit.part_deviation)
      .field("converged", fit.converged);
  fitted.iterations = fit.iterations;
  fitted.warnings = fit.warnings;
  fitted.predict_all(fit.model, rows);
}

std::string fitted_json(const std::string& surrogate, const std::string& how, const Rows& rows,
                        const Fitted& fitted, double seconds, std::uint64_t seed) {
  std::vector<std::string> tokens;
  for (const JsonRow& token : fitted.tokens) tokens.push_back(token.str());
  const bool scored = rows.held_out.texts() > 0;
  return JsonRow()
      .field("surrogate", surrogate)
      .field("fit", how)
      .field("mse_fit", mean_squared_error(rows.fit, fitted.on_fit))
      .field("mse_holdout", scored ? mean_squared_error(rows.held_out, fitted.on_held_out) : NAN)
      .field("r2_holdout", scored ? r_squared(rows.held_out, fitted.on_held_out) : NAN)
      .field("rows_fit", rows.fit.texts())
      .field("rows_holdout", rows.held_out.texts())
      .raw_array("tokens", tokens)
      .raw("background", fitted.background)
      .raw("model", fitted.row.str())
      .field("iterations", fitted.iterations)
      .field("seconds", seconds)
      .field("seed", seed)
      .field("version", SLALOM_VERSION)
      .field("warnings", fitted.warnings)
      .str();
}

/// How a surrogate can be fitted; all but the first two as the published code does it.
const std::map<std::string, std::vector<std::string>> kFits = {
    {"linear", {"default", "least-squares"}},
    {"gam", {"default", "least-squares", "published-lasso"}},
    {"slalom", {"default", "least-squares", "published-fidel", "published-eff", "published-texts"}}};

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  const std::string surrogate = parsed["surrogate"].word, how = parsed["fit"].word;
  const std::vector<std::string>& fits = kFits.at(surrogate);
  if (std::ranges::find(fits, how) == fits.end())
    throw UsageError("--fit " + how + " with --surrogate " + surrogate + ", wanted " + listed(fits));
  const bool as_published = how.starts_with("published-"), is_slalom = surrogate == "slalom";
  const std::optional<bool> background = choice_option(parsed, "background", "fitted"),
                            fixed_importance = choice_option(parsed, "importance", "fixed");
  if (is_slalom && as_published && (background == true || fixed_importance == true))
    throw UsageError("--fit " + how + ": the published SLALOM has no background and fits importances");
  FolderTokens folder;
  if (!common.model.empty()) folder = read_folder_tokens(common.model);
  const bool with_background = background.value_or(!common.model.empty() && !as_published);
  say_waiting(common, "--input FILE names a file of rows");
  const Rows rows =
      read_rows(common.input, folder, parsed["skip-special"].word == "true", !is_slalom || with_background,
                integer_option(parsed, "holdout", 0, Index{1} << 40));
  const auto start = std::chrono::steady_clock::now();
  Fitted fitted(rows, folder);
  if (surrogate == "linear")
    fit_linear_rows(rows, fitted);
  else if (surrogate == "gam")
    fit_gam_rows(rows, as_published, fitted);
  else
    fit_slalom_rows(rows,
                    {.background = with_background,
                     .fixed_importance = fixed_importance.value_or(false),
                     .least_squares = how == "least-squares"},
                    how, fitted);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  write_file(common.output, fitted_json(surrogate, how, rows, fitted, seconds.count(), common.seed) + "\n");
  return 0;
}

}  // namespace

Command fit_command() {
  return {
      .name = "fit",
      .summary = "a surrogate of rows that carry log-odds",
      .options = {{"surrogate", "linear|gam|slalom", "slalom", "what is fitted"},
                  {"background", "none|fitted", "",
                   "SLALOM's background token (default: fitted with --model, which only names tokens here)",
                   "surrogate=slalom"},
                  {"importance", "fitted|fixed", "", "SLALOM's importances (default: fitted)",
                   "surrogate=slalom"},
                  {"fit",
                   "default|least-squares|published-fidel|published-eff|published-texts|published-lasso",
                   "default",
                   "least-squares: no penalty; published: the paper's code, lasso for gam, the others for "
                   "slalom; one of"},
                  {"holdout", "N", "0", "the last N rows score the fit"},
                  {"skip-special", "[=true|false]", "true",
                   "leave out ids of special tokens (of --model's folder)", "model"},
                  {"precision", "f64", "f64", "of the arithmetic"}},
      .examples = {"fit --input rows.jsonl --model DIR --holdout 1000",
                   "fit --input rows.jsonl --surrogate gam"},
      .run = run};
}

}  // namespace slalom
