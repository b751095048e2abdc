#include "slalom/cli/global_importance.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/cli/explanation_output.hpp"
#include "slalom/report/explanation_text.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

namespace {

using Tokens = std::vector<GlobalImportance::Token>;

constexpr std::size_t kShown = 20;   // tokens of a table
constexpr int kClassOfPrograms = 1;  // what a program's log-odds speak for

std::string summary_line(const GlobalImportance& card, const Explaining& run) {
  const OpenedModel& model = run.classifier.model;
  JsonRow row;
  row.field("card", true).field("tokens", std::ssize(card.tokens)).field("texts", card.texts);
  add_cost(row, card.cost).field("seconds", card.seconds);
  const Fidelity fidelity = card.fidelity.value_or(Fidelity{NAN, NAN, NAN});
  row.field("r2", fidelity.r2)
      .field("mse", fidelity.mse)
      .field("correlation", fidelity.correlation)
      .field("n", fidelity.n)
      .field("unseen", fidelity.unseen);
  if (card.spearman_naive_bayes) row.field("spearman_naive_bayes", *card.spearman_naive_bayes);
  row.raw("background", background_json(card.background))
      .raw("target", model.classes == nullptr ? "null" : std::to_string(model.classes->target()))
      .field("label", model.label())
      .field("seed", run.common.seed)
      .field("version", SLALOM_VERSION)
      .raw("model_sha256", model.sha256.empty() ? "null" : json_string(model.sha256))
      .field("warnings", card.warnings);
  return row.str() + "\n";
}

std::string token_line(const GlobalImportance::Token& token, const std::string& spelling,
                       const std::string& readable) {
  JsonRow row;
  row.field("id", token.id)
      .field("text", spelling)
      .field("readable", readable)
      .field("value", token.value)
      .field("importance", token.importance)
      .field("linear", token.linear)
      .field("count", token.count)
      .field("texts", token.texts);
  if (token.naive_bayes) row.field("naive_bayes", *token.naive_bayes);
  return row.str() + "\n";
}

std::string terminal_report(const GlobalImportance& card, const std::string& label,
                            const ReadableToken& readable) {
  const std::string target = label.empty() ? "the target" : visible(label);
  const Tokens pro = card.strongest(1, kShown), contra = card.strongest(-1, kShown);
  Tokens both = pro;
  both.insert(both.end(), contra.begin(), contra.end());
  const Tokens striking = remarkable(both, readable);
  std::string report = concat("Global token importance: ", count_text(std::ssize(card.tokens)), " tokens of ",
                              count_text(card.texts), " texts, ", global_fidelity_sentence(card), "\n");
  const auto add = [&](const std::string& title, const Tokens& tokens) {
    if (!tokens.empty()) report += "\n" + title + "\n\n" + importance_table(tokens, readable).text();
  };
  add("Strongest for " + target, pro);
  add("Strongest against " + target, contra);
  add("Strong in the model, weak or opposite in the corpus, or no word", striking);
  if (card.spearman_naive_bayes)
    report += concat("\nSpearman's correlation of linear and naive Bayes, tokens that occur ",
                     GlobalImportance::kFewest,
                     " times or more: ", unsigned_number(*card.spearman_naive_bayes, 2), "\n");
  if (card.background)
    report += concat("\nBackground: value ", signed_number(card.background->value, 2), ", importance ",
                     signed_number(card.background->importance, 2), "\n");
  Explanation shown;
  shown.cost = card.cost;
  shown.seconds = card.seconds;
  report += "\nCost: " + cost_sentence(shown) + "\n";
  for (const std::string& warning : card.warnings) report += "Warning: " + warning + "\n";
  return report;
}

}  // namespace

Table importance_table(const Tokens& tokens, const ReadableToken& readable) {
  using enum Table::Align;
  constexpr Index kLongestText = 20;
  const bool labelled = !tokens.empty() && tokens.front().naive_bayes;
  std::vector<Table::Column> columns = {
      {"token"}, {"value", right}, {"importance", right}, {"linear", right}, {"count", right}};
  if (labelled) columns.push_back({"naive Bayes", right});
  columns.push_back({"remark"});
  Table table(columns);
  std::vector<double> linear;
  for (const GlobalImportance::Token& token : tokens) linear.push_back(token.linear);
  const int decimals = score_decimals(linear);
  for (const GlobalImportance::Token& token : tokens) {
    const std::string word = readable(token.id);
    std::vector<std::string> row = {shortened(visible(word), kLongestText), signed_number(token.value, 2),
                                    signed_number(token.importance, 2), signed_number(token.linear, decimals),
                                    count_text(token.count)};
    if (labelled) row.push_back(signed_number(*token.naive_bayes, 2));
    row.push_back(token_remark(token, word));
    table.add_row(row);
  }
  return table;
}

Tokens remarkable(Tokens tokens, const ReadableToken& readable) {
  std::erase_if(tokens, [&](const GlobalImportance::Token& token) {
    return token_remark(token, readable(token.id)).empty();
  });
  return tokens;
}

std::string global_fidelity_sentence(const GlobalImportance& card) {
  Explanation shown;
  shown.fidelity = card.fidelity;
  const std::string word = "fidelity on whole texts: " + trust_word(trust(shown));
  if (!card.fidelity) return word;
  return concat(word, " (R² ", r2_text(card.fidelity->r2), ", root mean squared error ",
                plain_number(std::sqrt(card.fidelity->mse), 2), " nats, correlation ",
                unsigned_number(card.fidelity->correlation, 2), ", ", count_text(card.fidelity->n),
                " texts, ", count_text(card.fidelity->n - card.fidelity->unseen),
                " of them used for these numbers)");
}

int print_global_importance(const Explaining& run) {
  const auto& [model, tokenizer, target] = run.classifier;
  if (model.classes != nullptr) one_class(target, model.labels, "--aggregate");
  const bool terminal = wants_terminal_view(run.parsed, run.common);
  TokenRows rows = run.rows("counting");
  CorpusCounts corpus([&](TokenId id) { return run.classifier.tokenizer.tokens.is_special(id); },
                      model.classes == nullptr ? kClassOfPrograms : static_cast<int>(target.one),
                      model.limits.longest);
  rows.each([&](const InputRow& row) { corpus.add(row, row.label); });
  check_interrupt();
  GlobalImportance card = global_importance(*model.f, corpus,
                                            {.background = run.options.background,
                                             .extra_pairs = run.options.budget.value_or(0),
                                             .seed = run.common.seed});
  for (std::string& warning : model.f->warnings()) card.warnings.push_back(std::move(warning));
  const ReadableToken readable = [&](TokenId id) { return run.classifier.tokenizer.readable(id); };
  std::string lines = summary_line(card, run);
  for (const GlobalImportance::Token& token : card.tokens)
    lines += token_line(token, tokenizer.tokens.text(token.id), readable(token.id));
  write_file(run.common.output, terminal ? terminal_report(card, model.label(), readable) : lines);
  return rows.status();
}

}  // namespace slalom
