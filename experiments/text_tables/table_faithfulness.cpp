// Faithfulness to the model, and what explanations cost.
#include <algorithm>

#include "slalom/report/number_text.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

Section faithfulness_section(const Study& study) {
  return {
      .id = "faithfulness",
      .item = "faithfulness",
      .title = "Faithfulness: insertion, deletion, single removals",
      .text =
          "Tokens are taken in the order of their scores. Insertion keeps only the best k of them, "
          "deletion removes these; both are the mean probability of the predicted class over k = 5, "
          "10, … (insertion: higher is better; deletion: lower). The published metrics are 1 − that mean, of "
          "the true label, by whose side they rank the tokens: norms and importances, which have no side, "
          "come out backwards where the label is negative. Single removals: Spearman "
          "correlation of the change of log-odds that an explanation predicts for each token left "
          "out with the model's (higher is better). Means over texts ± standard error.",
      .blocks = metric_blocks(
          study, {"published-insertion", "insertion", "published-deletion", "deletion", "single_removal"})};
}

Section cost_section(const Study& study) {
  using enum Table::Align;
  Section section{.id = "cost",
                  .item = "cost",
                  .title = "Cost of an explanation",
                  .text =
                      "Queries (texts asked, backward passes included), token-forwards (their tokens) and "
                      "seconds for one text: means over texts, lower is better. The section on run time "
                      "measures one text alone, at given sample counts.",
                  .blocks = {}};
  for (const TextSet& set : study.groups) {
    const bool published = std::ranges::any_of(set.methods, is_published);
    std::vector<Table::Column> columns = {{"method"}};
    const std::vector<std::string> keys = {"queries", "token_forwards", "seconds"};
    for (const char* settings : {"", "published: "})
      for (const char* what : {"queries", "token-forwards", "seconds"})
        if (published || *settings == '\0') columns.push_back({concat(settings, what), right});
    columns.push_back({"n", right});
    Table table(columns);
    for (const Source& method : set.methods) {
      const Source other{method.method, kCorrected, ""};
      if (is_published(method) && std::ranges::count(set.methods, other)) continue;
      std::vector<std::string> row = {method.method};
      for (const char* settings : {kCorrected, kPublished}) {
        if (!published && settings != kCorrected) continue;
        for (const std::string& key : keys) {
          const std::vector<double>* values = set.find(key, {method.method, settings, ""});
          row.push_back(values == nullptr ? "–" : number_text(metric_named(key), summarise(*values).mean));
        }
      }
      const std::vector<double>* seconds = set.find("seconds", method);
      row.push_back(count_text(seconds == nullptr ? 0 : summarise(*seconds).n));
      table.add_row(row);
    }
    section.blocks.push_back({.heading = set.title(),
                              .note = concat("Means over ", set.texts, set.texts == 1 ? " text." : " texts."),
                              .table = std::move(table)});
  }
  return section;
}

}  // namespace slalom::text_tables
