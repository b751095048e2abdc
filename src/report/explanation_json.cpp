#include "slalom/report/explanation_json.hpp"

namespace slalom {

namespace {

std::string token_json(const ReportedToken& token, bool pair) {
  JsonRow row;
  row.raw("id", token.ids.size() == 1 ? std::to_string(token.ids.front()) : "null");
  if (token.ids.size() > 1) row.field("ids", std::span<const TokenId>(token.ids));
  row.field("text", token.piece)
      .raw("start", token.bytes ? std::to_string(token.bytes->first) : "null")
      .raw("end", token.bytes ? std::to_string(token.bytes->second) : "null")
      .field("special", token.special);
  if (pair) row.field("part", token.part);
  return row.str();
}

std::string scores_json(const ReportedExplanation& e) {
  JsonRow row;
  for (const auto& [name, scores] : e.columns) row.field(name, scores);
  if (const auto* slalom = std::get_if<SlalomScores>(&e.explanation.scores))
    row.raw("background", background_json(slalom->background));
  return row.str();
}

std::string fidelity_json(const std::optional<Fidelity>& fidelity) {
  if (!fidelity) return "null";
  JsonRow row;
  row.field("r2", fidelity->r2)
      .field("r2_scores", fidelity->r2_scores)
      .field("mse", fidelity->mse)
      .field("correlation", fidelity->correlation)
      .field("n", fidelity->n)
      .field("unseen", fidelity->unseen)
      .field("removed", std::span<const Index>(fidelity->removed))
      .field("mse_removed", fidelity->mse_removed);
  return add_cost(row, fidelity->cost).str();
}

std::string flips_json(const ReportedExplanation& reported) {
  if (reported.explanation.flips.empty()) return "null";
  std::string list;
  for (std::size_t i = 0; i < reported.flipped.size(); ++i) {
    const Flip& flip = reported.explanation.flips[i];
    list += concat(i == 0 ? "[" : ",", JsonRow()
                                           .field("by", flip.chosen_by)
                                           .field("removed", std::span<const Index>(reported.flipped[i]))
                                           .field("log_odds", flip.log_odds)
                                           .field("flips", flip.flips)
                                           .field("queries", flip.queries)
                                           .str());
  }
  return list + "]";
}

}  // namespace

std::string background_json(const std::optional<Background>& background) {
  if (!background) return "null";
  return JsonRow().field("value", background->value).field("importance", background->importance).str();
}

JsonRow& add_cost(JsonRow& row, const QueryCost& cost) {
  return row.field("queries", cost.queries)
      .field("unique_queries", cost.unique_queries)
      .field("token_forwards", cost.token_forwards);
}

std::string explanation_json(const ReportedText& text, const ReportedExplanation& reported,
                             const ExplanationOrigin& origin) {
  const Explanation& e = reported.explanation;
  JsonRow cost, checks, row;
  add_cost(cost, e.cost).field("seconds", e.seconds);
  for (const auto& [name, value] : e.checks) checks.field(name, value);
  bool pair = false;
  for (const ReportedToken& token : text.tokens) pair = pair || token.part == 1;
  std::vector<std::string> tokens;
  for (const ReportedToken& token : text.tokens) tokens.push_back(token_json(token, pair));
  row.raw("id", origin.id_json).field("row", origin.row);
  if (!origin.input.empty()) row.field("input", origin.input);
  if (origin.windows > 1)
    row.raw("window", JsonRow()
                          .field("number", origin.window)
                          .field("of", origin.windows)
                          .field("first", origin.first)
                          .str());
  row.field("method", e.method)
      .raw("target", origin.target ? std::to_string(*origin.target) : "null")
      .field("label", text.target)
      .field("scale", scale_name(text.problem))
      .field("log_odds", e.log_odds)
      .raw_array("tokens", tokens)
      .raw("scores", scores_json(reported))
      .raw("fidelity", fidelity_json(e.fidelity))
      .raw("cost", cost.str())
      .raw("checks", checks.str())
      .raw("flip", flips_json(reported))
      .raw("fit", e.fit.empty() ? "null" : json_string(e.fit))
      .raw("parameters", origin.parameters)
      .field("seed", origin.seed)
      .field("version", SLALOM_VERSION)
      .raw("model_sha256", origin.sha256 ? json_string(*origin.sha256) : "null")
      .field("warnings", std::span<const std::string>(e.warnings));
  return row.str();
}

}  // namespace slalom
