#include "slalom/report/explanation_json.hpp"

#include <algorithm>

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
  if (e.is_slalom()) row.raw("background", background_json(e.background));
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

std::vector<std::string> flips_json(const ReportedExplanation& e) {
  std::vector<std::string> list;
  for (std::size_t i = 0; i < e.flips.size(); ++i)
    list.push_back(JsonRow()
                       .field("by", e.flips[i].chosen_by)
                       .field("removed", std::span<const Index>(e.flipped[i]))
                       .field("log_odds", e.flips[i].log_odds)
                       .field("flips", e.flips[i].flips)
                       .field("queries", e.flips[i].queries)
                       .str());
  return list;
}

}  // namespace

std::string background_json(const std::optional<Background>& background) {
  if (!background) return "null";
  return JsonRow().field("value", background->value).field("importance", background->importance).str();
}

JsonRow& add_bf16(JsonRow& row, const Bf16Differences& found) {
  if (found.n == 0) return row;
  return row.raw("bf16", JsonRow()
                             .field("n", found.n)
                             .field("median_difference", found.median)
                             .field("largest_difference", found.largest)
                             .str());
}

JsonRow& add_cost(JsonRow& row, const QueryCost& cost) {
  return row.field("queries", cost.queries)
      .field("unique_queries", cost.unique_queries)
      .field("token_forwards", cost.token_forwards);
}

std::string result_json(const ReportedExplanation& e) {
  return JsonRow()
      .field("log_odds", e.log_odds)
      .raw("scores", scores_json(e))
      .raw("fidelity", fidelity_json(e.fidelity))
      .str();
}

std::string explanation_json(const ReportedText& text, const ReportedExplanation& e,
                             const ExplanationOrigin& origin) {
  const bool pair =
      std::ranges::any_of(text.tokens, [](const ReportedToken& token) { return token.part == 1; });
  std::vector<std::string> tokens;
  for (const ReportedToken& token : text.tokens) tokens.push_back(token_json(token, pair));
  JsonRow cost, checks, row;
  add_cost(cost, e.cost).field("seconds", e.seconds);
  for (const auto& [name, value] : e.checks) checks.field(name, value);
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
      .raw("scores", scores_json(e))
      .raw("fidelity", fidelity_json(e.fidelity));
  add_bf16(row, e.bf16).raw("cost", cost.str()).raw("checks", checks.str());
  if (e.flips.empty())
    row.raw("flip", "null");
  else
    row.raw_array("flip", flips_json(e));
  row.raw("fit", e.fit.empty() ? "null" : json_string(e.fit))
      .raw("parameters", origin.parameters)
      .field("seed", origin.seed)
      .field("version", SLALOM_VERSION)
      .raw("model_sha256", origin.sha256 ? json_string(*origin.sha256) : "null")
      .field("warnings", std::span<const std::string>(e.warnings));
  return row.str();
}

}  // namespace slalom
