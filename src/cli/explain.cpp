// slalom explain: scores of each row's tokens, with their fidelity and cost, or what these would cost.
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "slalom/base/numbers.hpp"
#include "slalom/cli/explanation_output.hpp"
#include "slalom/cli/global_importance.hpp"
#include "slalom/cli/receipts.hpp"
#include "slalom/cli/resume.hpp"

namespace slalom {

namespace {

// The input of a resumed run must be the one that was begun.
void skip(TokenRows& rows, const FinishedRows& finished) {
  InputRow row;
  for (const FinishedRows::Row& wanted : finished.rows) {
    const bool found = rows.next(row);
    check_interrupt();
    if (!found)
      throw Error(concat(rows.name(), ": found ", row.line, " lines, and ", finished.rows.size(),
                         " rows are finished in ", finished.file));
    const std::string where = concat(rows.name(), ": line ", row.line, ": ");
    if (Json::parse(row.id_json) != Json::parse(wanted.id_json))
      throw Error(concat(where, "field \"id\": found ", row.id_json, ", wanted ", wanted.id_json, " as in ",
                         finished.file));
    if (fingerprint_of(row) != wanted.input)
      throw Error(concat(where, "row ", row.id_json, " has not the text or ids that it had in the run that ",
                         finished.file, " is of"));
  }
  rows.begin_here();
}

class Explanations {
 public:
  explicit Explanations(const Explaining& run)
      : run_(run),
        method_(ranked_methods(run.parsed["method"].word).front()),
        parameters_(run.parameters(*method_.method)),
        shown_(run) {
    const std::string& sha256 = run.classifier.model.sha256;
    settings_ = {{"method", method_.name},
                 {"parameters", parse_json(parameters_, "parameters")},
                 {"seed", run.common.seed},
                 {"version", SLALOM_VERSION},
                 {"model_sha256", sha256.empty() ? Json() : Json(sha256)}};
  }

  int write() {
    const CommonOptions& common = run_.common;
    TokenRows rows = run_.rows("explain");
    FinishedRows finished;
    if (run_.parsed.count("resume") > 0)
      finished = finished_rows(common.output, settings_, rows.shard());
    else if (!common.quiet && common.output != "-" && file_exists(partial_name(common.output)))
      say(concat(partial_name(common.output), " of an earlier run is replaced: --resume goes on with it"));
    skip(rows, finished);  // before anything of the file is cut off
    begin_partial(common.output, finished);
    OutputFile output(common.output, OutputFile::Partial{finished.bytes});
    open_record(std::ssize(finished.rows));
    // All lines of a row are written together: an interrupt leaves none of them out.
    const auto write_lines = [&](const std::string& lines) {
      output.write(lines);
      output.flush();
    };
    rows.each([&](const InputRow& row) { write_lines(lines_of(row, rows.number())); },
              [&](const InputRow& row, const std::string& error) {
                if (!shown_.terminal()) write_lines(error_line(row, rows.number(), error));
              });
    if (interrupted() && common.output != "-" && !common.quiet)
      say(concat("finished rows are in ", partial_name(common.output), "; --resume goes on"));
    check_interrupt();
    Json settings = {{"command", "explain"}};
    settings.update(settings_);
    output.write(rows.end_of_shard(settings));
    output.commit();
    shown_.commit();
    return rows.status_of_lines(finished.failed);
  }

 private:
  void open_record(Index first_row) {
    const std::string& path = run_.parsed["record"].word;
    if (path.empty()) return;
    const bool again = run_.parsed.count("resume") > 0;
    record_.emplace(path, again ? std::optional(first_row) : std::nullopt);
    receipts_.emplace(run_, *method_.method);
  }

  std::string lines_of(const InputRow& row, Index number) {
    std::string lines;
    std::vector<JsonRow> receipts;
    run_.each_text(row, [&](const WindowText& text) {
      ReportedText reported = shown_.begin(text);
      const std::string line = shown_.add(run_.explain(*method_.method, text), method_, text, number,
                                          fingerprint_of(row), reported);
      if (receipts_) receipts.push_back(receipts_->of(row, number, text, reported.explanations.back()));
      const std::string view = shown_.show(std::move(reported), text, parameters_);
      lines += shown_.terminal() ? view : line;
    });
    if (record_) record_->add(receipts);
    return lines;
  }

  std::string error_line(const InputRow& row, Index number, const std::string& error) const {
    JsonRow line = error_row(row.id_json, number, error);
    line.field("input", fingerprint_of(row));
    for (const auto& [field, value] : settings_.items()) line.raw(field, value.dump());
    return line.str() + "\n";
  }

  const Explaining& run_;
  RankedMethod method_;
  std::string parameters_;
  ExplanationOutput shown_;
  std::optional<Receipts> receipts_;
  std::optional<RecordFile> record_;
  Json settings_;  // a run with --resume must have the same
};

// --- --dry-run --------------------------------------------------------------------------------------------

// Tokens a second of deletions of the text, after one batch that warms up.
double measured_rate(BlackBox& f, const ExplainedText& text) {
  constexpr Index kMeasuredTokens = 2048;
  const Index texts = std::clamp<Index>(kMeasuredTokens / std::ssize(text.ids()), 2, 256);
  const Coalitions kept = query_deletions(text, texts, {}, false);
  double rate = 0;
  for (int round = 0; round < 2; ++round) {
    f.forget();
    const QueryCost before = f.cost();
    const auto start = std::chrono::steady_clock::now();
    coalition_values(f, text, {})(kept);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    rate = static_cast<double>((f.cost() - before).token_forwards) / seconds;
  }
  return rate;
}

std::string sentence(const Method& method, Index texts, const QueryCost& cost, double rate, double seconds) {
  if (texts == 0) return "no texts\n";
  const std::string time =
      std::isnan(rate) ? "; no time is predicted, for the program is not queried: its outputs may cost money"
                       : concat(", ", significant(seconds, 2), " s at ", significant(rate, 2), " tokens/s");
  return concat(method.name, " of ", texts, texts == 1 ? " text" : " texts", ": about ", cost.queries,
                " queries, ", cost.token_forwards, " token-forwards", time, "\n");
}

int print_expected_cost(const Explaining& run) {
  const bool terminal = wants_terminal_view(run.parsed, run.common);
  const Method& method = method_named(run.parsed["method"].word);
  const OpenedModel& model = run.classifier.model;
  const bool all_classes = run.classifier.target.choice == TargetChoice::all;
  QueryCost cost;
  Index texts = 0;
  double rate = 0;  // of a program, which is not queried, NaN
  TokenRows rows = run.rows("");
  rows.each([&](const InputRow& row) {
    for (const WindowText& text : run.windows(row)) {
      if (texts++ == 0) rate = model.classes != nullptr ? measured_rate(*model.f, text.text) : std::nan("");
      const QueryCost one = expected_cost(method, text.text, run.options_for(method));
      for (Index c = 0; c < (all_classes ? model.classes->classes() : 1); ++c) cost += one;
    }
  });
  check_interrupt();
  const double seconds = texts == 0 ? 0 : static_cast<double>(cost.token_forwards) / rate;
  JsonRow row;
  row.field("texts", texts)
      .field("queries", cost.queries)
      .field("token_forwards", cost.token_forwards)
      .digits(3)
      .field("tokens_per_second", rate)
      .field("seconds", seconds);
  write_file(run.common.output, terminal ? sentence(method, texts, cost, rate, seconds) : row.str() + "\n");
  return rows.status();
}

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  if (parsed.count("resume") > 0 && common.output == "-")
    throw UsageError("--resume: wanted --output FILE, whose finished rows are kept");
  if (const std::string& record = parsed["record"].word;
      parsed.count("record") > 0 && (record.empty() || record == "-" || record == common.output))
    throw UsageError("--record " + record + ", wanted a file of its own");
  const Explaining explaining(parsed, common);
  if (parsed.count("aggregate") > 0) return print_global_importance(explaining);
  if (parsed.count("dry-run") > 0) return print_expected_cost(explaining);
  return Explanations(explaining).write();
}

}  // namespace

Command explain_command() {
  std::string names;
  for (const Method& method : methods()) names += (names.empty() ? "" : "|") + std::string(method.name);
  const OptionTable own = {
      {"method", names, "slalom-fidel", "of explanation"},
      {"resume", "", "", "go on with what a run left of --output", "", "aggregate dry-run", "run"},
      {"dry-run", "", "", "say what the run would cost, and do not do it", "", "aggregate", "run"},
      {"aggregate", "", "", "a row for each token of all rows, by slalom-exact",
       "method=slalom-exact !method", "shard", "run"},
      {"record", "FILE", "", "append a receipt of each explanation, for slalom verify", "",
       "aggregate dry-run classifier-command", "run"}};
  return {.name = "explain",
          .summary = "scores of each text's tokens, with their fidelity and cost",
          .options = joined({own, explaining_options("method"), view_options()}),
          .examples = {"explain --model DIR --text \"A quiet, unforgettable film.\"",
                       "explain --model DIR --input reviews.tsv --output explained.jsonl"},
          .run = run};
}

}  // namespace slalom
