#include "slalom/report/explanation_text.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

std::string token_name(const ReportedToken& token) {
  const std::size_t first = token.text.find_first_not_of(" \n\t\r");
  if (first == std::string::npos) return token.text.find('\n') != std::string::npos ? "↵" : "␣";
  return visible(token.text.substr(first));
}

std::string token_label(const ReportedText& t, const DistinctToken& token, Index longest) {
  const std::string name = shortened(token_name(t.tokens[static_cast<std::size_t>(token.first)]), longest);
  return token.positions.size() > 1 ? concat(name, " ×", token.positions.size()) : name;
}

std::string unit_of(const ReportedText& t) {
  return t.problem == ProblemType::regression ? "" : " nats";
}

ScoreMeaning score_meaning(const std::string& column, const ReportedText& t) {
  const bool number = t.problem == ProblemType::regression;
  const std::string f = scale_name(t.problem), nats = number ? "" : ", nats",
                    pro = (number ? "raises " : "for ") + t.target,
                    contra = (number ? "lowers " : "against ") + t.target;
  if (column == "value") return {column, f + " that the token alone would give" + nats, pro, contra};
  if (column == "importance")
    return {column, "share of the weighted mean that the token takes, as a logarithm", "more than average",
            "less than average"};
  if (column == "part")
    return {column,
            concat("the token's share of the weight times its value: with the background's it adds up to the "
                   "surrogate's ",
                   f, nats),
            pro, contra};
  if (column == "linear") return {column, "exp(importance) · value: the part without its scale", pro, contra};
  if (column == "removal") {
    const std::string out = number ? "leaving it out " : "leaving it out speaks ";
    return {column, concat("predicted change of the ", f, " when the token is left out", nats), out + pro,
            out + contra};
  }
  if (column == "weight") return {column, concat("the token's additive part in the ", f, nats), pro, contra};
  if (column == "importance_se") return {"importance ±", "standard error of the importance", "", ""};
  for (const char* name : {"part", "value", "weight"})
    if (column == error_column(name))
      return {concat(name, " ±"), concat("standard error of the ", name, nats), "", ""};
  return {column, "score of the method", pro, contra};
}

std::string score_text(const std::string& column, double score, int decimals) {
  const bool error = column == "standard_error" || column.ends_with("_se");
  return error ? unsigned_number(score, decimals) : signed_number(score, decimals);
}

std::string colour_sentence(const ReportedText& t, const ReportedExplanation& e, const char* positive,
                            const char* negative) {
  const ScoreMeaning m = score_meaning(e.ranking, t);
  return concat(m.label, ": ", m.meaning, ". ", positive, ": ", m.positive, "; ", negative, ": ", m.negative,
                ".");
}

std::string target_sentence(const ReportedText& t) {
  const std::string f = concat(scale_name(t.problem), " ", signed_number(t.log_odds, 2));
  if (t.problem == ProblemType::regression) return concat(f, " of ", t.target);
  return concat(f, " for ", t.target, t.problem == ProblemType::single_label ? " against the rest" : "",
                ", probability ", probability_text(1 / (1 + std::exp(-t.log_odds))));
}

Trust trust(const Explanation& e) {
  if (!e.fidelity) return Trust::unmeasured;
  const double r2 = e.fidelity->r2;
  if (std::isnan(r2)) return Trust::undefined;
  return r2 > 0.9 ? Trust::high : r2 > 0.5 ? Trust::medium : Trust::low;
}

std::string trust_word(Trust t) {
  constexpr const char* kWords[] = {"close", "in outline", "poor", "undefined", "not measured"};
  return kWords[static_cast<int>(t)];
}

std::string fidelity_sentence(const ReportedText& t, const Explanation& e) {
  constexpr const char* kSentences[] = {
      "predicts the model's answers to deletions of this text closely",
      "predicts the outline of the model's answers, not their details: trust the order of strong tokens, not "
      "single numbers",
      "does not describe this model at this text: do not rely on these scores",
      "all true answers are equal, so that R² says nothing",
      "fidelity was not measured: nothing says how far to trust these scores"};
  const std::string trusted = kSentences[static_cast<int>(trust(e))];
  if (!e.fidelity) return trusted;
  const Fidelity& f = *e.fidelity;
  const std::string used = f.unseen == f.n ? "none" : count_text(f.n - f.unseen);
  const std::string alone =
      std::isnan(f.r2_scores) ? "" : concat(" (the scores alone ", r2_text(f.r2_scores), ")");
  return concat("R² ", r2_text(f.r2), alone, ", correlation ", r2_text(f.correlation),
                ", root mean squared error ", plain_number(std::sqrt(f.mse)), unit_of(t), " on ",
                count_text(f.n, "deletion", "deletions"), ", ", used,
                " of them used for the explanation: ", trusted);
}

std::string cost_sentence(const Explanation& e) {
  return concat(count_text(e.cost.queries, "query", "queries"), " (", count_text(e.cost.unique_queries),
                " different), ", count_text(e.cost.token_forwards), " token-forwards, ",
                plain_number(e.seconds, 2), " s");
}

const Background* background_of(const Explanation& e) {
  return e.background ? &*e.background : nullptr;
}

std::string flip_sentence(const Flip& flip, const std::vector<std::string>& removed, ProblemType problem) {
  if (removed.empty()) return flip.chosen_by + ": no removal is predicted to change the sign";
  return concat(flip.chosen_by, ": without ",
                listed(removed, [](const std::string& token) { return concat("“", token, "”"); }), " the ",
                scale_name(problem), " is ", signed_number(flip.log_odds, 2),
                flip.flips ? "" : ", of the same sign", " (", count_text(flip.queries, "query", "queries"),
                ")");
}

std::string background_sentence(const Explanation& e) {
  const Background* b = background_of(e);
  if (b == nullptr) return {};
  return concat("background (special tokens and read-out): value ", signed_number(b->value, 2),
                ", importance ", signed_number(b->importance, 2), ", part ",
                signed_number(e.background_weight() / e.weight() * b->value, 2));
}

std::vector<std::string> score_columns(const ReportedExplanation& e) {
  std::vector<std::string> names;
  for (const auto& [name, scores] : e.columns) names.push_back(name);
  std::ranges::stable_partition(names, [&](const std::string& name) { return name == e.ranking; });
  return names;
}

ScoreTable score_table(const ReportedText& t, const ReportedExplanation& e,
                       const std::vector<DistinctToken>& tokens, const std::vector<std::string>& columns,
                       Index longest_name) {
  std::vector<Table::Column> heads = {{"token"}};
  for (const std::string& name : columns)
    heads.push_back({score_meaning(name, t).label, Table::Align::right});
  ScoreTable out{Table(heads), false};
  for (const DistinctToken& token : tokens) {
    const auto i = static_cast<std::size_t>(token.first);
    std::vector<std::string> cells = {token_label(t, token, longest_name)};
    for (const std::string& name : columns) {
      const std::vector<double>& scores = e.column(name);
      const std::string score = score_text(name, scores[i], score_decimals(scores));
      const bool uncertain = is_uncertain(e, name, token.first);
      cells.push_back(uncertain ? concat("(", score, ")") : score);
      out.uncertain = out.uncertain || uncertain;
    }
    out.table.add_row(std::move(cells));
  }
  return out;
}

}  // namespace slalom
