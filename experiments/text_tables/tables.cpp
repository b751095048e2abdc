// Tables of methods, and the sections that consist of them.
#include <algorithm>
#include <cmath>

#include "slalom/report/number_text.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

// --- cells -----------------------------------------------------------------------------------------------

std::string number_text(const Metric& metric, double x) {
  if (metric.unit == "1") return unsigned_number(x, 3);
  return std::abs(x) >= 1000 ? count_text(std::llround(x)) : plain_number(x, 3);
}

std::string method_title(const Source& source) {
  return source.is_published() ? source.method + ", published" : source.method;
}

std::string bold(const std::string& cell) {
  return "**" + cell + "**";
}

std::optional<std::string> unbolded(const std::string& cell) {
  if (cell.size() <= 4 || !cell.starts_with("**") || !cell.ends_with("**")) return std::nullopt;
  return cell.substr(2, cell.size() - 4);
}

namespace {

// "0.612 ± 0.014" as the metric's unit asks for, the number alone for n = 1.
MethodCell mean_cell(const Metric& metric, const Summary& s) {
  if (s.n == 0) return {};
  const std::string mean = number_text(metric, s.mean);
  if (s.n < 2) return {mean, s.mean};
  const std::string error =
      metric.unit == "1" ? unsigned_number(s.standard_error, 3) : plain_number(s.standard_error, 2);
  return {concat(mean, " ± ", error), s.mean};
}

// "−0.05 [−0.08, −0.02]".
std::string difference_text(const Number& number) {
  const auto show = [&](double x) {
    return number.metric->unit == "1" ? signed_number(x, 3) : concat(x > 0 ? "+" : "", plain_number(x, 3));
  };
  const auto& [value, low, high, degrees] = number.difference;
  if (number.pairs == 0) return "–";
  return number.pairs < 2 ? show(value) : concat(show(value), " [", show(low), ", ", show(high), "]");
}

std::vector<double> finite(std::vector<double> values) {
  std::erase_if(values, [](double x) { return std::isnan(x); });
  return values;
}

// Without the lowest and the highest tenth.
double trimmed_mean(std::vector<double> values) {
  std::ranges::sort(values);
  const auto tenth = std::ssize(values) / 10;
  return summarise(std::span(values).subspan(static_cast<std::size_t>(tenth),
                                             values.size() - static_cast<std::size_t>(2 * tenth)))
      .mean;
}

Summary summary_of(const TextSet& set, const std::string& metric, const Source& source) {
  const std::vector<double>* values = set.find(metric, source);
  return values == nullptr ? Summary{0, NAN, NAN} : summarise(*values);
}

}  // namespace

MethodColumn mean_column(const std::string& header, const TextSet& set, const Metric& metric) {
  return {header,
          [&](const Source& source) { return mean_cell(metric, summary_of(set, metric.key, source)); },
          metric.direction};
}

MethodColumn count_column(const TextSet& set, const std::string& metric) {
  return {"n", [&set, metric](const Source& source) {
            return MethodCell{count_text(summary_of(set, metric, source).n)};
          }};
}

Table method_table(std::vector<Source> sources, const std::vector<MethodColumn>& columns) {
  // The settings of a method next to each other, methods in the order of their first.
  std::ranges::stable_sort(sources, {}, [first = sources](const Source& s) {
    return std::ranges::find(first, s.method, &Source::method) - first.begin();
  });
  const bool scores = std::ranges::any_of(sources, [](const Source& s) { return !s.scores.empty(); });
  std::vector<Table::Column> headers = {{"method"}, {"settings"}};
  if (scores) headers.push_back({"scores"});
  for (const MethodColumn& column : columns) headers.push_back({column.header, column.align});
  Table table(headers);
  for (const Source& source : sources) {
    std::vector<std::string> row = {source.method, source.settings};
    if (scores) row.push_back(source.scores);
    for (const MethodColumn& column : columns) {
      const MethodCell cell = column.cell(source);
      const bool best =
          column.best && !std::isnan(cell.value) && std::ranges::none_of(sources, [&](const Source& other) {
            const double x = column.cell(other).value;
            return other.settings == source.settings &&
                   (*column.best == Direction::higher_is_better ? x > cell.value : x < cell.value);
          });
      row.push_back(best ? bold(cell.text) : cell.text);
    }
    table.add_row(std::move(row));
  }
  return table;
}

Table metric_table(const Study& study, const TextSet& set, const Metric& metric) {
  const std::vector<Number> numbers = numbers_of(set, metric);
  const auto number = [&](const Source& source) -> const Number& {
    return *std::ranges::find(numbers, source, &Number::source);
  };
  const auto paper = [&](const Source& source) {
    const auto found = paper_number(study, set.corpus + "." + metric.key, set.model, source);
    return MethodCell{found && source.is_published() ? number_text(metric, *found) : ""};
  };
  std::vector<MethodColumn> columns = {
      mean_column("mean", set, metric),
      count_column(set, metric.key),
      {"minus slalom-fidel [95 %]",
       [&](const Source& s) {
         return MethodCell{number(s).is_reference() ? "reference" : difference_text(number(s))};
       }},
      {"verdict",
       [&](const Source& s) {
         return MethodCell{number(s).pairs == 0   ? ""
                           : number(s).pairs == 1 ? "–"
                                                  : standing(number(s).difference, metric.direction)};
       },
       {},
       Table::Align::left}};
  if (metric.unit == "nats²") {  // single texts carry the mean of squared errors
    const auto robust = [&](const char* header, double (*of)(std::vector<double>)) {
      return MethodColumn{header, [&set, &metric, of](const Source& s) {
                            return MethodCell{number_text(metric, of(finite(*set.find(metric.key, s))))};
                          }};
    };
    columns.insert(columns.begin() + 1, {robust("median", median), robust("trimmed mean", trimmed_mean)});
  }
  std::vector<Source> sources;
  for (const Number& n : numbers) sources.push_back(n.source);
  if (std::ranges::any_of(sources, [&](const Source& s) { return !paper(s).text.empty(); }))
    columns.push_back({"[paper]", paper});
  return method_table(sources, columns);
}

// --- sections --------------------------------------------------------------------------------------------

namespace {

// metric_table() of each metric for each group that has it.
std::vector<Block> metric_blocks(const Study& study, const std::vector<std::string>& metrics) {
  std::vector<Block> blocks;
  for (const TextSet& set : study.groups)
    for (const std::string& key : metrics) {
      if (!set.has(key)) continue;
      const Metric& metric = metric_named(key);
      blocks.push_back({.heading = set.title(),
                        .note = concat(metric.title, "; ", name(metric.direction),
                                       metric.unit == "1" ? "" : "; " + metric.unit, ". ", set.size()),
                        .table = metric_table(study, set, metric)});
    }
  return blocks;
}

Section naive_bayes_section(const Study& study) {
  Section section{
      .id = "naive-bayes",
      .item = "nb",
      .title = "Agreement with linear models of the corpus",
      .text =
          "Spearman rank correlation of a text's scores with those that a linear model of the training "
          "corpus gives its tokens, oriented to the predicted class: mean over texts ± standard error, "
          "higher is better. Naive Bayes (log ((count⁺ + 20) / (count⁻ + 20)), the paper's reference) "
          "comes first; logistic regression and linear SVM, which weigh words together, are further "
          "references. What agrees with these is not what the model computes: a model may well go by "
          "something else. The published metric counts every token once and explains the positive class. A "
          "number in brackets is the paper's.",
      .blocks = metric_blocks(study,
                              {"published-naive-bayes", "naive-bayes", "logistic-regression", "linear-svm"})};
  for (Block& block : section.blocks)
    block.closed = block.note.starts_with(metric_named("logistic-regression").title) ||
                   block.note.starts_with(metric_named("linear-svm").title);
  return section;
}

// The lengths of the group's reviews side by side.
Table length_table(const Study& study, const TextSet& group, const Metric& metric) {
  std::vector<MethodColumn> columns;
  for (const TextSet& set : study.sets)
    if (set.group == group.key())
      columns.push_back(mean_column(
          set.corpus.substr(set.corpus.find_last_not_of("0123456789") + 1) + " words", set, metric));
  columns.push_back(mean_column("all", group, metric));
  columns.push_back(count_column(group, metric.key));
  std::vector<Source> sources;
  for (const Number& number : numbers_of(group, metric)) sources.push_back(number.source);
  return method_table(sources, columns);
}

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
          "the model goes by."};
  for (const TextSet& group : study.groups)
    for (const char* key : {"published-human", "human"}) {
      if (!group.has(key)) continue;
      const Metric& metric = metric_named(key);
      if (std::ranges::count(study.sets, group.key(), &TextSet::group) > 0)
        section.blocks.push_back({.heading = group.title(),
                                  .note = concat(metric.title, " by length of the review."),
                                  .table = length_table(study, group, metric)});
      section.blocks.push_back({.heading = group.title(),
                                .note = concat(metric.title, " over all ", group.texts,
                                               " texts; higher is better. ", group.size()),
                                .table = metric_table(study, group, metric)});
    }
  return section;
}

Section true_log_odds_section(const Study& study) {
  return {.id = "true-log-odds",
          .item = "truth",
          .title = "Agreement with a known truth",
          .text =
              "Texts drawn from the unigram distributions of two classes: the log-odds of such a text is "
              "the sum over its tokens of log P(token | 1) / P(token | 0), so every token has a true "
              "score. Correlation of the scores with it, mean over texts ± standard error, higher is "
              "better. Spearman compares orders, Pearson the scores themselves up to one factor. The "
              "model has learned these texts from examples: what it computes is near the truth, not the "
              "truth.",
          .blocks = metric_blocks(study, {"true-log-odds", "true-log-odds-pearson"})};
}

}  // namespace

std::vector<Section> agreement_sections(const Study& study) {
  return {naive_bayes_section(study), human_section(study), true_log_odds_section(study)};
}

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
  Section section{.id = "cost",
                  .item = "cost",
                  .title = "Cost of an explanation",
                  .text =
                      "Queries (texts asked, backward passes included), token-forwards (their tokens) and "
                      "seconds for one text: means over texts, lower is better. The section on run time "
                      "measures one text alone, at given sample counts."};
  for (const TextSet& set : study.groups) {
    std::vector<MethodColumn> columns;
    for (const char* key : {"queries", "token_forwards", "seconds"})
      columns.push_back(
          {key == std::string("token_forwards") ? "token-forwards" : key, [&set, key](const Source& s) {
             return MethodCell{number_text(metric_named(key), summary_of(set, key, s).mean)};
           }});
    columns.push_back(count_column(set, "seconds"));
    section.blocks.push_back({.heading = set.title(),
                              .note = "Means over " + set.size(),
                              .table = method_table(set.methods, columns)});
  }
  return section;
}

}  // namespace slalom::text_tables
