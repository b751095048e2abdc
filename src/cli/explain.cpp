// slalom explain: scores of each row's tokens, with their fidelity and cost, as JSON lines.
#include <iostream>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/json.hpp"
#include "slalom/cli/classifier.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/explain/explanation.hpp"

namespace slalom {

namespace {

// Scores of the explained tokens, in the places of all tokens; special ones have none.
std::vector<double> aligned(const std::vector<double>& scores, const ExplainedText& text) {
  std::vector<double> all(text.ids().size(), std::nan(""));
  for (std::size_t i = 0; i < scores.size(); ++i)
    all[static_cast<std::size_t>(text.positions()[i])] = scores[i];
  return all;
}

std::string tokens_json(const ExplainedText& text, const FolderTokens& tokens) {
  std::string list;
  for (TokenId id : text.ids())
    list += (list.empty() ? "" : ",") + JsonRow()
                                            .field("id", id)
                                            .field("text", tokens.text(id))
                                            .raw("start", "null")
                                            .raw("end", "null")
                                            .field("special", tokens.is_marker(id))
                                            .str();
  return '[' + list + ']';
}

std::string background_json(const std::optional<Background>& background) {
  if (!background) return "null";
  return JsonRow().field("value", background->value).field("importance", background->importance).str();
}

std::string scores_json(const Explanation& e, const ExplainedText& text) {
  JsonRow row;
  const auto add = [&](const char* name, const std::vector<double>& scores) {
    if (!scores.empty()) row.field(name, aligned(scores, text));
  };
  if (const auto* slalom = std::get_if<SlalomScores>(&e.scores)) {
    add("value", slalom->value);
    add("importance", slalom->importance);
    add("linear", slalom->linear);
    add("removal", slalom->removal);
    add("value_se", slalom->value_se);
    add("importance_se", slalom->importance_se);
    row.raw("background", background_json(slalom->background));
  } else {
    add("weight", std::get<LinearScores>(e.scores).weight);
    add("standard_error", std::get<LinearScores>(e.scores).standard_error);
  }
  return row.str();
}

JsonRow& add_cost(JsonRow& row, const QueryCost& cost) {
  return row.field("queries", cost.queries)
      .field("unique_queries", cost.unique_queries)
      .field("token_forwards", cost.token_forwards);
}

std::string fidelity_json(const std::optional<Fidelity>& fidelity) {
  if (!fidelity) return "null";
  JsonRow row;
  row.field("r2", fidelity->r2)
      .field("mse", fidelity->mse)
      .field("n", fidelity->n)
      .field("unseen", fidelity->unseen)
      .field("removed", std::span<const Index>(fidelity->removed))
      .field("mse_removed", fidelity->mse_removed);
  return add_cost(row, fidelity->cost).str();
}

std::string explanation_json(const Explanation& e, const InputRow& input, const ExplainedText& text,
                             const OpenedClassifier& classifier, const ExplainOptions& options) {
  JsonRow cost, checks;
  add_cost(cost, e.cost).field("seconds", e.seconds);
  for (const auto& [name, value] : e.checks) checks.field(name, value);
  std::string warnings;
  for (const std::string& warning : e.warnings)
    warnings += (warnings.empty() ? "" : ",") + json_string(warning);
  JsonRow row;
  row.raw("id", input.id_json)
      .field("method", e.method)
      .raw("target", classifier.sha256.empty() ? "null" : std::to_string(classifier.target))
      .field("scale", "log-odds")
      .field("log_odds", e.log_odds)
      .raw("tokens", tokens_json(text, classifier.tokens))
      .raw("scores", scores_json(e, text))
      .raw("fidelity", fidelity_json(e.fidelity))
      .raw("cost", cost.str())
      .raw("checks", checks.str())
      .field("seed", options.seed)
      .field("version", SLALOM_VERSION)
      .raw("model_sha256", classifier.sha256.empty() ? "null" : json_string(classifier.sha256))
      .raw("warnings", '[' + warnings + ']');
  return row.str();
}

std::string methods_help() {
  std::string list;
  for (const Method& m : methods()) list += text(list.empty() ? "" : ", ", m.name);
  return list;
}

}  // namespace

int run_explain(int argc, char** argv) {
  cxxopts::Options options = common_options(
      "explain", "Scores of each row's tokens, their fidelity and cost; one JSON object a line.");
  options.add_options()("method", methods_help(),
                        cxxopts::value<std::string>()->default_value("slalom-fidel"), "NAME");
  add_classifier_options(options);
  add_explain_options(options);
  const auto parsed = parse_options(options, argc, argv);
  if (!parsed) return 0;
  const CommonOptions common = read_common(*parsed);
  const Method& method = method_named((*parsed)["method"].as<std::string>());
  for (const char* option :
       {"budget", "background", "absence", "short-length", "most-deleted", "as-published"})
    if (parsed->count(option) > 0 && !method.has(option))
      throw UsageError(text("--", option, " has no effect with --method ", method.name));
  const OpenedClassifier classifier = open_classifier(*parsed, common);
  const ExplainOptions chosen = read_explain_options(*parsed, common, classifier);
  RowReader reader(common.input, classifier.limits);
  OutputFile output(common.output);
  Progress progress(common.progress, "explain", 0);
  Index rows = 0;
  for (InputRow row; !interrupted() && reader.next(row); progress.update(++rows)) {
    try {
      with_row(common.input, row, [&] {
        const ExplainedText text = classifier.explained(row);
        const Explanation e =
            explain(method, *classifier.f, text, classifier.options_for(text, method, chosen));
        output.write(explanation_json(e, row, text, classifier, chosen) + "\n");
      });
    } catch (const Error& e) {
      if (e.status() != ExitStatus::interrupted) throw;
      break;  // finished rows are kept
    }
    output.flush();
  }
  output.commit();
  progress.finish();
  check_interrupt();
  return 0;
}

}  // namespace slalom
