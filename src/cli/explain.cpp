// slalom explain: scores of each row's tokens, with their fidelity and cost: JSON lines, a terminal view, a
// page, pictures.
#include <nlohmann/json.hpp>

#include "slalom/base/interrupt.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/messages.hpp"
#include "slalom/cli/plan.hpp"
#include "slalom/cli/reported.hpp"
#include "slalom/cli/resume.hpp"
#include "slalom/cli/texts.hpp"
#include "slalom/cli/views.hpp"
#include "slalom/cli/vocabulary_card.hpp"

namespace slalom {

namespace {

class Run {
 public:
  Run(const ParsedOptions& parsed, const CommonOptions& common, const Method& method)
      : parsed_(parsed), common_(common), method_(method), classifier_(open_classifier(parsed, common)) {
    options_ = read_explain_options(parsed, common, {&method}, classifier_);
    windows_ = read_window_options(parsed, classifier_);
    views_.emplace(parsed, common);
    parameters_ = parameters_json(method_, options_, windows_, views_->show_special(), classifier_, common_);
    settings_ = {{"method", method_.name},
                 {"parameters", parse_json(parameters_, "parameters")},
                 {"seed", common_.seed},
                 {"version", SLALOM_VERSION},
                 {"model_sha256", classifier_.sha256.empty() ? Json() : Json(classifier_.sha256)}};
  }

  int explain_all() {
    InputTexts source(parsed_, common_, classifier_.any_length(), classifier_.tokenizer_or_null());
    const FinishedRows finished =
        parsed_.count("resume") > 0 ? finished_rows(common_.output, settings_) : FinishedRows{};
    failed_ = finished.failed;
    skip(source, finished);  // before anything of the file is cut off
    OutputFile output(common_.output, OutputFile::Partial{finished.bytes});
    Progress progress(common_.progress, "explain", 0, std::ssize(finished.rows));
    Index number = std::ssize(finished.rows);
    for (InputRow row; !interrupted() && source.next(row); progress.update(++number)) {
      if (!unless_interrupted([&] { explain_row(source, row, number, output); })) break;
      output.flush();
    }
    progress.finish();
    if (interrupted()) {
      output.flush();
      if (common_.output != "-" && !common_.quiet)
        say(concat("finished rows are in ", partial_name(common_.output), "; --resume goes on"));
      check_interrupt();
    }
    output.commit();
    views_->commit();
    return status_of_rows(failed_, number, common_);
  }

  int dry_run() {
    InputTexts source(parsed_, common_, classifier_.any_length(), classifier_.tokenizer_or_null());
    Plan plan(method_, options_);
    for (InputRow row; !interrupted() && source.next(row);) {
      const auto failed = error_of_row(source, row, classifier_, [&] {
        for (const RowWindow& window : windows_.windows(row, classifier_))
          plan.add(classifier_, classifier_.explained(windows_.cut(row, window, classifier_)));
      });
      if (failed) ++failed_;
    }
    check_interrupt();
    OutputFile output(common_.output);
    output.write(views_->terminal() ? plan.sentence() : plan.json());
    output.commit();
    return static_cast<int>(failed_ > 0 ? ExitStatus::incomplete : ExitStatus::done);
  }

 private:
  // The input of a resumed run must be the one that was begun.
  void skip(InputTexts& source, const FinishedRows& finished) const {
    InputRow row;
    for (const FinishedRows::Row& wanted : finished.rows) {
      if (!source.next(row))
        throw Error(concat(source.name(), ": found ", row.line, " lines, and ", finished.rows.size(),
                           " rows are finished in ", partial_name(common_.output)));
      if (Json::parse(row.id_json) != Json::parse(wanted.id_json))
        throw Error(concat(source.name(), ": line ", row.line, ": field \"id\": found ", row.id_json,
                           ", wanted ", wanted.id_json, " as in ", partial_name(common_.output)));
      if (fingerprint_of(row) != wanted.input)
        throw Error(concat(source.name(), ": line ", row.line, ": row ", row.id_json,
                           " has not the text or ids that it had in the run that ",
                           partial_name(common_.output), " is of"));
    }
  }

  void explain_row(const InputTexts& source, const InputRow& row, Index number, OutputFile& output) {
    input_ = fingerprint_of(row);
    // All lines of a row are written together: an interrupt leaves none of them out.
    std::string lines;
    const auto error = error_of_row(source, row, classifier_, [&] { lines = explained_lines(row, number); });
    if (error) {
      ++failed_;
      lines = error_line(row, number, *error);
    }
    output.write(lines);
  }

  std::string explained_lines(const InputRow& row, Index number) {
    std::string lines;
    windows_.each_text(row, classifier_,
                       [&](const InputRow& part, const RowWindow& window, const ExplainedText& text) {
                         lines += explained_line(part, window, text, number);
                       });
    return lines;
  }

  std::string explained_line(const InputRow& part, const RowWindow& window, const ExplainedText& text,
                             Index number) {
    Explanation e = classifier_.explain(method_, text, options_);
    note_window(window, windows_.longest, e);
    ReportedText reported = reported_text(part, text, classifier_);
    reported.id = with_window(reported.id, window);
    add_explanation(std::move(e), text, classifier_, views_->show_special(), reported);
    ExplanationOrigin origin = origin_of(part, window, number, classifier_, common_);
    origin.input = input_;
    origin.parameters = parameters_;
    std::string line = views_->terminal()
                           ? views_->terminal_view(reported)
                           : explanation_json(reported, reported.explanations.front(), origin) + "\n";
    if (views_->wants_page()) {
      add_page_details(text, classifier_, options_, views_->wants_attention(), reported);
      views_->add(std::move(reported), classifier_, common_, parameters_);
    }
    return line;
  }

  std::string error_line(const InputRow& row, Index number, const std::string& what) const {
    JsonRow line = error_row(row.id_json, number, what);
    line.field("input", input_);
    for (const auto& [field, value] : settings_.items()) line.raw(field, value.dump());
    return views_->terminal() ? "" : line.str() + "\n";
  }

  const ParsedOptions& parsed_;
  const CommonOptions& common_;
  const Method& method_;
  OpenedClassifier classifier_;
  ExplainOptions options_;
  WindowOptions windows_;
  std::optional<Views> views_;
  std::string parameters_, input_;  // input_: fingerprint of the row under way
  Json settings_;
  Index failed_ = 0;
};

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  if (parsed.count("aggregate") > 0) return print_vocabulary_card(parsed, common);
  if (parsed.count("resume") > 0 && common.output == "-")
    throw UsageError("--resume: wanted --output FILE, whose finished rows are kept");
  Run run(parsed, common, method_named(parsed["method"].as<std::string>()));
  return parsed.count("dry-run") > 0 ? run.dry_run() : run.explain_all();
}

}  // namespace

Command explain_command() {
  std::string names;
  for (const Method& method : methods()) names += (names.empty() ? "" : "|") + std::string(method.name);
  const OptionTable own = {
      {"method", names, "slalom-fidel", "of explanation"},
      {"resume", "", "", "go on with what a run left of --output", "", "aggregate dry-run", "run"},
      {"dry-run", "", "", "say what the run would cost, and do not do it", "", "aggregate", "run"},
      {"aggregate", "", "", "a row for each token of all rows, by slalom-exact", "", "", "run"}};
  return {.name = "explain",
          .summary = "scores of each text's tokens, with their fidelity and cost",
          .options = joined({own, explaining_options(), view_options()}),
          .examples = {"explain --model DIR --text \"A quiet, unforgettable film.\"",
                       "explain --model DIR --input reviews.tsv --output explained.jsonl"},
          .run = run};
}

}  // namespace slalom
