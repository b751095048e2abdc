#include <algorithm>
#include <cmath>

#include "case_study.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/global_importance.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/train/evaluation.hpp"

namespace slalom::case_study {

namespace {

using experiment::number;
using CardToken = GlobalImportance::Token;

constexpr std::size_t kShown = 20;  // tokens of a table
// What the published case study reads off its own model, another one, for and against a positive review.
const std::vector<std::string> kPublishedWords = {"hot",     "big",     "together", "remember", "anyway",
                                                  "somehow", "never",   "anymore",  "probably", "doesn",
                                                  "maybe",   "without", "however",  "surprised"};
// The words of the plane; ratings say nothing of a film.
const std::pair<const char*, std::vector<std::string>> kGroups[] = {
    {"great, excellent, wonderful, best", {"great", "excellent", "wonderful", "best"}},
    {"worst, awful, boring, terrible", {"worst", "awful", "boring", "terrible"}},
    {"ratings 7 to 10", {"7", "8", "9", "10"}},
    {"ratings 1 to 4", {"1", "2", "3", "4"}}};
const std::vector<std::string> kRatings = {"1", "2", "3", "4", "7", "8", "9", "10"};

// The card with its tokens by their texts.
class NamedCard {
 public:
  NamedCard(const GlobalImportance& card, const Tokenizer& tokenizer) : card_(card), tokenizer_(tokenizer) {}

  std::string operator()(TokenId id) const { return tokenizer_.vocabulary().token(id); }
  const CardToken* find(const std::string& word) const {
    const std::optional<TokenId> id = tokenizer_.vocabulary().find(word);
    const auto found = std::ranges::find_if(card_.tokens, [&](const CardToken& t) { return t.id == id; });
    return found == card_.tokens.end() ? nullptr : &*found;
  }
  std::vector<CardToken> find_all(const std::vector<std::string>& words) const {
    std::vector<CardToken> tokens;
    for (const std::string& word : words)
      if (const CardToken* token = find(word)) tokens.push_back(*token);
    return tokens;
  }
  /// Place among the tokens of the same sign, the strongest being 1.
  Index rank(const CardToken& token) const {
    Index place = 1;
    for (const CardToken& other : card_.tokens) {
      if (other.id == token.id) break;
      place += other.linear * token.linear > 0;
    }
    return place;
  }

 private:
  const GlobalImportance& card_;
  const Tokenizer& tokenizer_;
};

std::vector<double> column(const std::vector<CardToken>& tokens, double CardToken::*field) {
  std::vector<double> numbers;
  for (const CardToken& token : tokens) numbers.push_back(token.*field);
  return numbers;
}

experiment::Estimates findings(const Study& study, const NamedCard& card) {
  const Fidelity& fidelity = *study.card.fidelity;
  const Share right{study.right, study.texts};
  const auto [low, high] = right.interval();
  experiment::Estimates found = {{"accuracy", {right.value(), low, high}},
                                 {"tokens", static_cast<double>(study.card.tokens.size())},
                                 {"queries", static_cast<double>(study.card.cost.queries)},
                                 {"r2", fidelity.r2},
                                 {"correlation", fidelity.correlation},
                                 {"spearman_naive_bayes", study.card.spearman_naive_bayes.value_or(NAN)}};
  std::vector<std::string> words = kPublishedWords;
  for (const auto& [label, group] : kGroups) words.insert(words.end(), group.begin(), group.end());
  for (const CardToken& token : card.find_all(words)) {
    found[card(token.id) + ".linear"] = token.linear;
    found[card(token.id) + ".rank"] = static_cast<double>(card.rank(token));
  }
  return found;
}

Table summary_table(const Study& study) {
  const Share right{study.right, study.texts};
  const auto [low, high] = right.interval();
  const GlobalImportance& card = study.card;
  Table table({{"number"}, {"found", Table::Align::right}});
  table.add_row(
      {"loss, accuracy of the last epoch of training",
       concat(fixed(number(study.training["loss"]), 3), ", ", fixed(number(study.training["accuracy"]), 3))});
  table.add_row({concat("accuracy on ", study.texts, " test texts [95 % interval]"),
                 concat(fixed(right.value(), 3), " [", fixed(low, 3), ", ", fixed(high, 3), "]")});
  table.add_row({"tokens of the card", count_text(std::ssize(card.tokens))});
  table.add_row({"queries, token-forwards",
                 concat(count_text(card.cost.queries), ", ", count_text(card.cost.token_forwards))});
  table.add_row({concat("R², correlation on ", card.fidelity->n, " test texts"),
                 concat(fixed(card.fidelity->r2, 2), ", ", fixed(card.fidelity->correlation, 2))});
  table.add_row({concat("Spearman of linear and naive Bayes, tokens that occur ", GlobalImportance::kFewest,
                        " times or more"),
                 fixed(card.spearman_naive_bayes.value_or(NAN), 2)});
  return table;
}

Table whole_card(const GlobalImportance& card, const NamedCard& named) {
  Table table(
      {{"id"}, {"token"}, {"value"}, {"importance"}, {"linear"}, {"count"}, {"texts"}, {"naive_bayes"}});
  for (const CardToken& token : card.tokens)
    table.add_row({std::to_string(token.id), named(token.id), shortest(token.value),
                   shortest(token.importance), shortest(token.linear), std::to_string(token.count),
                   std::to_string(token.texts), shortest(token.naive_bayes.value_or(NAN))});
  return table;
}

std::vector<CardToken> frequent(const GlobalImportance& card) {
  std::vector<CardToken> tokens = card.tokens;
  std::erase_if(tokens, [](const CardToken& token) { return token.count < GlobalImportance::kFewest; });
  return tokens;
}

Figure agreement(const GlobalImportance& card) {
  using enum slalom::Curve::Style;
  const auto [low, high] = std::ranges::minmax(card.log_odds);
  const Panel texts{.title = "test texts",
                    .x_label = "log-odds of the model (nats)",
                    .y_label = "log-odds by the card (nats)",
                    .curves = {{.label = "texts", .x = card.log_odds, .y = card.predicted, .style = points},
                               {.label = "equal", .x = {low, high}, .y = {low, high}, .style = dashed}}};
  std::vector<double> scores;
  for (const CardToken& token : frequent(card)) scores.push_back(token.naive_bayes.value_or(NAN));
  const Panel words{.title = concat("tokens that occur ", GlobalImportance::kFewest, " times or more"),
                    .x_label = "naive Bayes",
                    .y_label = "linear: exp(importance) value",
                    .curves = {{.label = "tokens",
                                .x = scores,
                                .y = column(frequent(card), &CardToken::linear),
                                .style = points}}};
  return {.title = "The vocabulary card against model and corpus", .panels = {texts, words}, .columns = 2};
}

Figure plane(const GlobalImportance& card, const NamedCard& named) {
  Panel panel{.title = "", .x_label = "value (nats)", .y_label = "importance", .curves = {}};
  const auto add = [&](const std::string& label, const std::vector<CardToken>& tokens) {
    panel.curves.push_back({.label = label,
                            .x = column(tokens, &CardToken::value),
                            .y = column(tokens, &CardToken::importance),
                            .style = slalom::Curve::Style::points});
  };
  add("tokens", frequent(card));
  for (const auto& [label, group] : kGroups) add(label, named.find_all(group));
  return {.title = "Values and importances of words", .panels = {panel}};
}

Table figure_numbers(const GlobalImportance& card) {
  Table table({{"log_odds"}, {"predicted"}});
  for (std::size_t i = 0; i < card.log_odds.size(); ++i)
    table.add_row({shortest(card.log_odds[i]), shortest(card.predicted[i])});
  return table;
}

std::vector<experiment::Section> sections(const Study& study, const NamedCard& named) {
  const std::vector<CardToken> pro = study.card.strongest(1, kShown, GlobalImportance::kFewest),
                               contra = study.card.strongest(-1, kShown, GlobalImportance::kFewest);
  std::vector<CardToken> both = pro;
  both.insert(both.end(), contra.begin(), contra.end());
  const std::vector<CardToken> ratings = named.find_all(kRatings);
  std::vector<experiment::Section> list = {
      {concat("A classifier trained from scratch on ", study.corpus,
              ", and its global token importance: value, importance and linear = exp(importance) · value of "
              "every token "
              "of the test texts, from texts of one and two tokens; ",
              global_fidelity_sentence(study.card), "."),
       summary_table(study)},
      {concat("Strongest for a positive review, of the tokens that occur ", GlobalImportance::kFewest,
              " times or more:"),
       importance_table(pro, named)},
      {"Strongest against, of the same:", importance_table(contra, named)},
      {"Of these, strong in the model but weak or opposite in the corpus, or no words at all:",
       importance_table(remarkable(both, named), named)}};
  if (!ratings.empty())
    list.push_back({"Ratings. A number is no opinion of a film: it is the label, leaked into the text.",
                    importance_table(ratings, named)});
  return list;
}

}  // namespace

int report(const Study& study, const Tokenizer& tokenizer, const experiment::Options& options) {
  const NamedCard named(study.card, tokenizer);
  write_file(options.folder + "/card.tsv", whole_card(study.card, named).tsv());
  const Figure words = plane(study.card, named);
  write_file(options.folder + "/plane.svg", draw(words).document(words.title));
  const experiment::Estimates found = findings(study, named);
  Json values;
  for (const auto& [name, estimate] : found) values[name] = estimate.value;
  return experiment::publish({.title = concat("Words of a sentiment classifier, size ", options.size),
                              .sections = sections(study, named),
                              .figure = agreement(study.card),
                              .curves = figure_numbers(study.card),
                              .about = {{"corpus", study.corpus}},
                              .records = {values},
                              .found = found},
                             options);
}

}  // namespace slalom::case_study
