// slalom compare: several methods on the same rows, and how far they agree.
#include <cmath>

#include "slalom/base/correlation.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/explanation_output.hpp"
#include "slalom/metrics/metric.hpp"
#include "slalom/report/table.hpp"

namespace slalom {

namespace {

// The methods of --methods; without it those of the default that the classifier allows: a program cannot be
// looked into, and Shapley values are relative to the empty text, which a decoder without special tokens does
// not have.
std::vector<RankedMethod> compared_methods(const Explaining& run) {
  std::vector<RankedMethod> methods = ranked_methods(run.parsed["methods"].word);
  if (run.parsed.count("methods") > 0) return methods;
  const auto& [model, tokenizer, target] = run.classifier;
  const bool has_empty_text = model.classes != nullptr || tokenizer.get() == nullptr
                                  ? !model.reads_end
                                  : !tokenizer.get()->encode("", "the empty text").ids.empty();
  std::erase_if(methods, [&, is_program = model.classes == nullptr](const RankedMethod& m) {
    return m.name == "kernel-shap" ? !has_empty_text
                                   : is_program && (m.name == "integrated-gradients" || m.name == "attn-lrp");
  });
  return methods;
}

// What was found of one method over all texts; NaN where a text leaves it undefined.
struct OverTexts {
  std::vector<double> r2, r2_scores, correlation, seconds;
  QueryCost cost;

  void add(const Explanation& e) {
    r2.push_back(e.fidelity ? e.fidelity->r2 : std::nan(""));
    r2_scores.push_back(e.fidelity ? e.fidelity->r2_scores : std::nan(""));
    correlation.push_back(e.fidelity ? e.fidelity->correlation : std::nan(""));
    seconds.push_back(e.seconds);
    cost += e.cost;
  }
};

// Spearman's correlation of the ranking scores, method by method, row-major; NaN for a method without any.
std::vector<double> agreement(const std::vector<std::vector<double>>& scores) {
  std::vector<double> matrix;
  for (const std::vector<double>& a : scores)
    for (const std::vector<double>& b : scores)
      matrix.push_back(a.empty() || b.empty() ? std::nan("") : spearman(a, b));
  return matrix;
}

class Comparison {
 public:
  explicit Comparison(const Explaining& run)
      : run_(run),
        methods_(compared_methods(run)),
        shown_(run),
        found_(methods_.size()),
        agreement_(methods_.size() * methods_.size()) {
    for (const RankedMethod& m : methods_) names_.push_back(m.name);
  }

  int write() {
    TokenRows rows = run_.rows("compare");
    OutputFile output(run_.common.output);
    rows.each(
        [&](const InputRow& row) {
          run_.each_text(row, [&](const WindowText& text) { output.write(compared(text, rows)); });
          output.flush();
        },
        [&](const InputRow& row, const std::string& error) {
          if (!shown_.terminal()) output.write(error_row(row.id_json, rows.number(), error).str() + "\n");
        });
    if (rows.count() == 0 && !interrupted())
      throw Error(rows.name() + ": found no rows to compare methods on");
    if (!interrupted() && texts_ > 0)
      output.write(shown_.terminal() ? summary_text() : summary_json(rows.count()));
    output.commit();
    shown_.commit();
    check_interrupt();
    return rows.status();
  }

 private:
  // A method that cannot explain the text has an error in its place.
  std::string compared(const WindowText& text, TokenRows& rows) {
    ReportedText reported = shown_.begin(text);
    std::string lines;
    std::vector<std::vector<double>> scores(methods_.size());  // of each method, empty if it failed
    for (std::size_t i = 0; i < methods_.size(); ++i) {
      const RankedMethod& method = methods_[i];
      const auto error = rows.error_of(text.row, [&] {
        Explanation e = explained(*method.method, text);
        scores[i] = method.scores(e);
        found_[i].add(e);
        lines += shown_.add(std::move(e), method, text, rows.number(), "", reported);
      });
      if (error)
        lines +=
            error_row(text.row.id_json, rows.number(), *error).field("method", method.method->name).str() +
            "\n";
    }
    const std::vector<double> matrix = agreement(scores);
    for (std::size_t k = 0; k < matrix.size(); ++k) agreement_[k].push_back(matrix[k]);
    lines += agreement_line(text.row, rows.number(), matrix) + "\n";
    if (!reported.explanations.empty()) {
      ++texts_;
      const std::string view = shown_.show(std::move(reported), text, parameters());
      if (shown_.terminal()) return view;
    }
    return shown_.terminal() ? "" : lines;
  }

  // A method that cannot explain a text says which one it is.
  Explanation explained(const Method& method, const WindowText& text) const {
    try {
      return run_.explain(method, text);
    } catch (const Error& e) {
      if (e.status() != ExitStatus::bad_input) throw;
      throw Error(concat(method.name, ": ", e.what()), e.hint());
    }
  }

  std::string parameters() const {
    JsonRow row;
    for (const RankedMethod& m : methods_) row.raw(m.name, run_.parameters(*m.method));
    return row.str();
  }

  std::string agreement_line(const InputRow& row, Index number, const std::vector<double>& matrix) const {
    const Index M = std::ssize(methods_), shape[] = {M, M};
    return JsonRow()
        .raw("id", row.id_json)
        .field("row", number)
        .field("agreement", "spearman")
        .field("methods", names_)
        .field("matrix", std::span<const double>(matrix), shape)
        .str();
  }

  // Over all texts, of method i with each method.
  std::vector<double> mean_agreement(std::size_t i) const {
    std::vector<double> means;
    for (std::size_t j = 0; j < methods_.size(); ++j)
      means.push_back(summarise(agreement_[i * methods_.size() + j]).mean);
    return means;
  }

  std::string summary_json(Index rows) const {
    std::string lines;
    for (std::size_t i = 0; i < methods_.size(); ++i) {
      const OverTexts& found = found_[i];
      JsonRow row;
      row.field("summary", names_[i]).field("rows", rows);
      const auto add = [&](const char* name, const std::vector<double>& values) {
        const Summary s = summarise(values);
        row.raw(
            name,
            JsonRow().field("n", s.n).field("mean", s.mean).field("standard_error", s.standard_error).str());
      };
      add("r2", found.r2);
      add("r2_scores", found.r2_scores);
      add("correlation", found.correlation);
      add("seconds", found.seconds);
      row.field("spearman", mean_agreement(i));
      lines += add_cost(row, found.cost).field("seed", run_.common.seed).str() + "\n";
    }
    return lines;
  }

  std::string summary_text() const {
    std::vector<Table::Column> columns = {{"method"}};
    for (const char* header : {"texts", "R2", "alone", "+-", "queries", "seconds"})
      columns.push_back({header, Table::Align::right});
    for (std::size_t j = 1; j <= methods_.size(); ++j)
      columns.push_back({concat("(", j, ")"), Table::Align::right});
    Table table(std::move(columns));
    for (std::size_t i = 0; i < methods_.size(); ++i) {
      const OverTexts& found = found_[i];
      const Summary r2 = summarise(found.r2), alone = summarise(found.r2_scores),
                    seconds = summarise(found.seconds);
      std::vector<std::string> cells = {concat("(", i + 1, ") ", names_[i]),
                                        std::to_string(seconds.n),
                                        fixed(r2.mean, 3),
                                        alone.n > 0 ? fixed(alone.mean, 3) : "",
                                        fixed(r2.standard_error, 3),
                                        std::to_string(found.cost.queries),
                                        significant(seconds.mean, 2)};
      for (const double mean : mean_agreement(i)) cells.push_back(fixed(mean, 2));
      table.add_row(std::move(cells));
    }
    return concat(
        "Fidelity on held-out deletions (R2: higher is better; alone: of the scores without calibration or\n"
        "position effects; standard error over texts), cost, and rank agreement (Spearman) of the methods\n"
        "with each other, means over ",
        texts_, texts_ == 1 ? " text" : " texts", ":\n\n", table.text());
  }

  const Explaining& run_;
  std::vector<RankedMethod> methods_;
  std::vector<std::string> names_;
  ExplanationOutput shown_;
  Index texts_ = 0;                             // with an explanation
  std::vector<OverTexts> found_;                // of each method
  std::vector<std::vector<double>> agreement_;  // of each pair of methods, one a text
};

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  ranked_methods(parsed["methods"].word);  // before the classifier is opened
  const Explaining explaining(parsed, common);
  return Comparison(explaining).write();
}

}  // namespace

Command compare_command() {
  const OptionTable own = {
      {"methods", "A,B",
       "slalom-fidel,slalom-exact,lime,leave-one-out,kernel-shap,integrated-gradients,attn-lrp",
       "of explain; slalom-fidel:value ranks by a score"}};
  return {.name = "compare",
          .summary = "several methods on the same texts, and how far they agree",
          .options = joined({own, explaining_options("methods"), view_options()}),
          .unused = {{"shard", "its last lines are of all rows"}},
          .examples = {"compare --model DIR --text \"A quiet film.\" --html page.html",
                       "compare --model DIR --input rows.jsonl --methods lime,slalom-fidel"},
          .run = run};
}

}  // namespace slalom
