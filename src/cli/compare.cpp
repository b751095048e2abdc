// slalom compare: several methods on the same rows, and how far they agree.
#include <cmath>
#include <iostream>

#include "slalom/base/correlation.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/ranked_methods.hpp"
#include "slalom/cli/reported.hpp"
#include "slalom/cli/texts.hpp"
#include "slalom/cli/views.hpp"
#include "slalom/metrics/metric.hpp"
#include "slalom/report/table.hpp"

namespace slalom {

namespace {

// A decoder without special tokens has none.
bool has_empty_text(const OpenedClassifier& classifier) {
  if (classifier.classes != nullptr || !classifier.tokenizer) return !classifier.reads_end;
  return !classifier.tokenizer->encode("", "the empty text").ids.empty();
}

// Without --methods: those that the classifier allows. A program cannot be looked into, and Shapley values
// are relative to the empty text.
std::vector<RankedMethod> usual_methods(const OpenedClassifier& classifier) {
  std::string list = "slalom-fidel,slalom-exact,lime,leave-one-out";
  if (has_empty_text(classifier)) list += ",kernel-shap";
  if (classifier.classes != nullptr) list += ",integrated-gradients,attn-lrp";
  return ranked_methods(list);
}

// What was found of one method over all texts; NaN where a text leaves it undefined.
struct OverTexts {
  std::vector<double> r2, r2_scores, correlation, seconds;
  QueryCost cost;
};

class Comparison {
 public:
  Comparison(const ParsedOptions& parsed, const CommonOptions& common)
      : parsed_(parsed),
        common_(common),
        classifier_(open_classifier(parsed, common)),
        methods_(parsed.count("methods") > 0 ? ranked_methods(parsed["methods"].as<std::string>())
                                             : usual_methods(classifier_)),
        found_(methods_.size()),
        agreement_(methods_.size() * methods_.size()) {
    options_ = read_explain_options(parsed, common, methods_of(methods_), classifier_);
    windows_ = read_window_options(parsed, classifier_);
    views_.emplace(parsed, common);
  }

  int run() {
    InputTexts source(parsed_, common_, classifier_.any_length(), classifier_.tokenizer_or_null());
    OutputFile output(common_.output);
    Progress progress(common_.progress, "compare", 0);
    Index number = 0;
    for (InputRow row; !interrupted() && source.next(row); progress.update(++number)) {
      if (!unless_interrupted([&] { compare_row(source, row, number, output); })) break;
      output.flush();
    }
    if (number == 0 && !interrupted()) throw Error(source.name() + ": found no rows to compare methods on");
    if (!interrupted() && texts_ > 0)
      output.write(views_->terminal() ? summary_text() : summary_json(number));
    output.commit();
    views_->commit();
    progress.finish();
    check_interrupt();
    return static_cast<int>(failed_ > 0 ? ExitStatus::incomplete : ExitStatus::done);
  }

 private:
  void compare_row(const InputTexts& source, const InputRow& row, Index number, OutputFile& output) {
    const auto error = error_of_row(source, row, classifier_, [&] {
      windows_.each_text(row, classifier_,
                         [&](const InputRow& part, const RowWindow& window, const ExplainedText& text) {
                           compare_text(source, part, window, text, number, output);
                         });
    });
    if (!error) return;
    ++failed_;
    if (!views_->terminal()) output.write(error_row(row.id_json, number, *error).str() + "\n");
  }

  // A method that cannot explain the text has an error in its place.
  void compare_text(const InputTexts& source, const InputRow& part, const RowWindow& window,
                    const ExplainedText& text, Index number, OutputFile& output) {
    ReportedText reported = reported_text(part, text, classifier_);
    reported.id = with_window(reported.id, window);
    std::string lines;
    std::vector<std::vector<double>> scores(methods_.size());  // of each method, empty if it failed
    for (std::size_t i = 0; i < methods_.size(); ++i) {
      const auto error = error_of_row(source, part, classifier_, [&] {
        Explanation e = explained(*methods_[i].method, text);
        scores[i] = scores_of(e, methods_[i]);
        note(e, found_[i]);
        note_window(window, windows_.longest, e);
        const std::string ranking = ranking_of(e, methods_[i]);
        add_explanation(std::move(e), text, classifier_, views_->show_special(), reported);
        reported.explanations.back().ranking = ranking;
      });
      if (error) ++failed_;
      lines += error ? error_row(part.id_json, number, *error).field("method", methods_[i].method->name).str()
                     : explanation_line(i, part, window, reported, number);
      lines += "\n";
    }
    const std::vector<double> spearman_matrix = agreement(scores);
    for (std::size_t k = 0; k < spearman_matrix.size(); ++k) agreement_[k].push_back(spearman_matrix[k]);
    if (!views_->terminal()) output.write(lines + agreement_line(part, number, spearman_matrix) + "\n");
    if (reported.explanations.empty()) return;
    ++texts_;
    if (views_->terminal()) output.write(views_->terminal_view(reported));
    if (!views_->wants_page()) return;
    add_page_details(text, classifier_, options_, views_->wants_attention(), reported);
    views_->add(std::move(reported), classifier_, common_, all_parameters());
  }

  // A method that cannot explain a text says which one it is.
  Explanation explained(const Method& method, const ExplainedText& text) const {
    try {
      return classifier_.explain(method, text, options_);
    } catch (const Error& e) {
      if (e.status() != ExitStatus::bad_input) throw;
      throw Error(slalom::concat(method.name, ": ", e.what()), e.hint());
    }
  }

  static void note(const Explanation& e, OverTexts& found) {
    found.r2.push_back(e.fidelity ? e.fidelity->r2 : std::nan(""));
    found.r2_scores.push_back(e.fidelity ? e.fidelity->r2_scores : std::nan(""));
    found.correlation.push_back(e.fidelity ? e.fidelity->correlation : std::nan(""));
    found.seconds.push_back(e.seconds);
    found.cost += e.cost;
  }

  // Spearman's correlation of the ranking scores, method by method, row-major; NaN for a method without any.
  static std::vector<double> agreement(const std::vector<std::vector<double>>& scores) {
    std::vector<double> matrix;
    for (const std::vector<double>& a : scores)
      for (const std::vector<double>& b : scores)
        matrix.push_back(a.empty() || b.empty() ? std::nan("") : spearman(a, b));
    return matrix;
  }

  std::string parameters(std::size_t method) const {
    return parameters_json(*methods_[method].method, options_, windows_, views_->show_special(), classifier_,
                           common_);
  }

  std::string all_parameters() const {
    JsonRow row;
    for (std::size_t i = 0; i < methods_.size(); ++i) row.raw(methods_[i].name, parameters(i));
    return row.str();
  }

  std::vector<std::string> names() const {
    std::vector<std::string> list;
    for (const RankedMethod& m : methods_) list.push_back(m.name);
    return list;
  }

  // Of the explanation that `reported` got last.
  std::string explanation_line(std::size_t method, const InputRow& part, const RowWindow& window,
                               const ReportedText& reported, Index number) const {
    ExplanationOrigin origin = origin_of(part, window, number, classifier_, common_);
    origin.parameters = parameters(method);
    return explanation_json(reported, reported.explanations.back(), origin);
  }

  std::string agreement_line(const InputRow& part, Index number, const std::vector<double>& matrix) const {
    const Index M = std::ssize(methods_), shape[] = {M, M};
    return JsonRow()
        .raw("id", part.id_json)
        .field("row", number)
        .field("agreement", "spearman")
        .field("methods", std::span<const std::string>(names()))
        .field("matrix", std::span<const double>(matrix), shape)
        .str();
  }

  std::string summary_json(Index rows) const {
    std::string lines;
    for (std::size_t i = 0; i < methods_.size(); ++i) {
      JsonRow row;
      row.field("summary", methods_[i].name).field("rows", rows);
      for (const auto& [name, values] : {std::pair{"r2", &found_[i].r2},
                                         {"r2_scores", &found_[i].r2_scores},
                                         {"correlation", &found_[i].correlation},
                                         {"seconds", &found_[i].seconds}}) {
        const Summary s = summarise(*values);
        row.raw(
            name,
            JsonRow().field("n", s.n).field("mean", s.mean).field("standard_error", s.standard_error).str());
      }
      std::vector<double> agreement_with;
      for (std::size_t j = 0; j < methods_.size(); ++j)
        agreement_with.push_back(summarise(agreement_[i * methods_.size() + j]).mean);
      row.field("spearman", agreement_with);
      lines += add_cost(row, found_[i].cost).field("seed", common_.seed).str() + "\n";
    }
    return lines;
  }

  std::string summary_text() const {
    std::vector<Table::Column> columns = {{"method"},
                                          {"texts", Table::Align::right},
                                          {"R2", Table::Align::right},
                                          {"alone", Table::Align::right},
                                          {"+-", Table::Align::right},
                                          {"queries", Table::Align::right},
                                          {"seconds", Table::Align::right}};
    for (std::size_t j = 0; j < methods_.size(); ++j)
      columns.push_back({concat("(", j + 1, ")"), Table::Align::right});
    Table table(std::move(columns));
    for (std::size_t i = 0; i < methods_.size(); ++i) {
      const Summary r2 = summarise(found_[i].r2), alone = summarise(found_[i].r2_scores),
                    seconds = summarise(found_[i].seconds);
      std::vector<std::string> cells = {concat("(", i + 1, ") ", methods_[i].name),
                                        std::to_string(seconds.n),
                                        fixed(r2.mean, 3),
                                        alone.n > 0 ? fixed(alone.mean, 3) : "",
                                        fixed(r2.standard_error, 3),
                                        std::to_string(found_[i].cost.queries),
                                        significant(seconds.mean, 2)};
      for (std::size_t j = 0; j < methods_.size(); ++j)
        cells.push_back(fixed(summarise(agreement_[i * methods_.size() + j]).mean, 2));
      table.add_row(std::move(cells));
    }
    return concat(
        "Fidelity on held-out deletions (R2: higher is better; alone: of the scores without calibration or\n"
        "position effects; standard error over texts), cost, and rank agreement (Spearman) of the methods\n"
        "with each other, means over ",
        texts_, texts_ == 1 ? " text" : " texts", ":\n\n", table.text());
  }

  const ParsedOptions& parsed_;
  const CommonOptions& common_;
  OpenedClassifier classifier_;
  std::vector<RankedMethod> methods_;
  ExplainOptions options_;
  WindowOptions windows_;
  std::optional<Views> views_;
  Index texts_ = 0, failed_ = 0;  // texts with an explanation, rows and methods on a text that failed
  std::vector<OverTexts> found_;  // of each method
  std::vector<std::vector<double>> agreement_;  // of each pair of methods, one a text
};

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  return Comparison(parsed, common).run();
}

}  // namespace

Command compare_command() {
  const OptionTable own = {
      {"methods", "A,B", "", "of explain, ranked by a score: slalom-fidel:value (default: seven)"}};
  return {.name = "compare",
          .summary = "several methods on the same texts, and how far they agree",
          .options = joined({own, explaining_options(), view_options()}),
          .examples = {"compare --model DIR --text \"A quiet film.\" --html page.html",
                       "compare --model DIR --input rows.jsonl --methods lime,slalom-fidel"},
          .run = run};
}

}  // namespace slalom
