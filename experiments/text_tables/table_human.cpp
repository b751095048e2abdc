// Agreement with words that people marked.
#include <algorithm>
#include <cmath>

#include "slalom/report/number_text.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

// "50 words" of the corpus "hat50".
std::string length_title(const TextSet& set) {
  return set.corpus.substr(set.corpus.find_last_not_of("0123456789") + 1) + " words";
}

struct Means {
  Source source;
  std::vector<Summary> columns;  // a part each, then all
};

std::vector<Means> means_of(const TextSet& group, const std::vector<const TextSet*>& parts,
                            const Metric& metric) {
  std::vector<Means> rows;
  for (const Source& source : sources_of(group, metric)) {
    Means row{source, {}};
    for (const TextSet* part : parts) {
      const std::vector<double>* values = part->find(metric.key, source);
      row.columns.push_back(values == nullptr ? Summary{} : summarise(*values));
    }
    row.columns.push_back(summarise(*group.find(metric.key, source)));
    rows.push_back(std::move(row));
  }
  return rows;
}

Table length_table(const std::vector<Means>& rows, const std::vector<const TextSet*>& parts,
                   const Metric& metric) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {{"method"}, {"scores"}, {"settings"}};
  for (const TextSet* part : parts) columns.push_back({length_title(*part), right});
  columns.push_back({"all", right});
  columns.push_back({"n", right});
  Table table(columns);
  for (const Means& row : rows) {
    std::vector<std::string> cells = {row.source.method, row.source.scores, row.source.settings};
    for (std::size_t c = 0; c < row.columns.size(); ++c) {
      const bool best = std::ranges::none_of(rows, [&](const Means& other) {
        return other.source.settings == row.source.settings && other.columns[c].n > 0 &&
               !(row.columns[c].mean >= other.columns[c].mean);
      });
      const std::string cell = mean_text(metric, row.columns[c]);
      cells.push_back(best && row.columns[c].n > 0 ? bold(cell) : cell);
    }
    cells.push_back(count_text(row.columns.back().n));
    table.add_row(cells);
  }
  return table;
}

}  // namespace

Section human_section(const Study& study) {
  Section section{
      .id = "human",
      .item = "human",
      .title = "Agreement with people",
      .text =
          "Three annotators marked the words of each review that told them its label; the words that all "
          "of them marked are the positives. ROC-AUC of a text's scores: the chance that a marked word "
          "scores above another one, ½ for no relation, higher is better; mean over texts ± standard "
          "error, n the texts that have both kinds of words. The best of a column and its settings is in "
          "bold. The published metric takes absolute scores (importances as they are) of distinct tokens, "
          "punctuation left out. People mark what speaks for a label in general; that is no proof of what "
          "the model goes "
          "by."};
  for (const TextSet& group : study.groups) {
    std::vector<const TextSet*> parts;
    for (const TextSet& set : study.sets)
      if (const auto part = study.parts.find(set.key());
          part != study.parts.end() && part->second == group.key())
        parts.push_back(&set);
    for (const char* key : {"published-human", "human"}) {
      if (!group.has(key)) continue;
      const Metric& metric = metric_named(key);
      if (!parts.empty())
        section.blocks.push_back({.heading = group.title(),
                                  .note = concat(metric.title, " by length of the review."),
                                  .table = length_table(means_of(group, parts, metric), parts, metric)});
      section.blocks.push_back({.heading = group.title(),
                                .note = concat(metric.title, " over all ", group.texts,
                                               " texts, settings side by side; higher is better."),
                                .table = metric_table(study, group, metric)});
    }
  }
  return section;
}

}  // namespace slalom::text_tables
