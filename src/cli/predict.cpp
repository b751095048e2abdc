// slalom predict: logits, log-odds and, with labels, the loss of each row.
#include <algorithm>
#include <exception>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/json.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/messages.hpp"
#include "slalom/cli/texts.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/train/loss.hpp"

namespace slalom {

namespace {

constexpr Index kRowsAtOnce = 1024;  // input rows that are read, predicted and written together

struct ReadRow {
  InputRow row;
  std::optional<RowError> error;
};

// Reads up to `count` rows; fewer only at the end of the input, or before the error that ends it.
std::vector<ReadRow> read_some(InputTexts& source, Index count, std::exception_ptr& end) {
  std::vector<ReadRow> rows;
  try {
    for (InputRow row; std::ssize(rows) < count && source.next(row);) rows.push_back({row, source.bad_row()});
  } catch (const Error&) {
    end = std::current_exception();
  }
  return rows;
}

template <class T>
class Prediction {
 public:
  Prediction(const ParsedOptions& parsed, const CommonOptions& common, Classifier<T>& model)
      : common_(common),
        config_(model.config()),
        names_(config_.class_names()),
        target_(read_target(parsed, common, names_)),
        problem_(read_problem(parsed, config_)),
        predictor_(model) {
    if (target_.choice == TargetChoice::all)
      throw UsageError("--target all: each row has the logits of all classes, and the log-odds of one");
  }

  const QueryCost& cost() const { return predictor_.cost(); }

  /// Writes the rows, the first of which has that number; the number of those that failed.
  Index rows(const std::vector<ReadRow>& rows, Index first, OutputFile& output) {
    PackedBatch batch;
    for (const auto& [row, error] : rows)
      if (!error) batch.add(row.ids, 0, row.types);
    std::vector<T> logits;
    predictor_.logits(batch.packed(), logits);
    std::span<const T> left = logits;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& [row, error] = rows[i];
      if (error) {
        say_error(*error);
        output.write(error_row(row.id_json, first + static_cast<Index>(i), error->what()).str() + "\n");
        continue;
      }
      write(row, left.first(static_cast<std::size_t>(config_.labels)), output);
      left = left.subspan(static_cast<std::size_t>(config_.labels));
    }
    return std::ssize(rows) - batch.texts();
  }

 private:
  void write(const InputRow& row, std::span<const T> logits, OutputFile& output) const {
    const Index target =
        target_.choice == TargetChoice::one ? target_.one : std::ranges::max_element(logits) - logits.begin();
    JsonRow out;
    out.raw("id", row.id_json)
        .digits(common_.digits())
        .field("logits", logits)
        .field("target", target)
        .field("label", names_[static_cast<std::size_t>(target)])
        .field("scale", scale_name(problem_))
        .field("log_odds", log_odds(logits, target, problem_));
    if (row.label || !row.targets.empty())
      out.field("loss", loss_of(logits, row.label.value_or(0), row.targets, config_.problem()));
    output.write(out.str() + "\n");
  }

  const CommonOptions& common_;
  const ClassifierConfig& config_;
  std::vector<std::string> names_;
  Target target_;
  ProblemType problem_;
  Predictor<T> predictor_;
};

template <class T>
int predict(const ParsedOptions& parsed, const CommonOptions& common) {
  const LoadedModel<T> loaded = load_model<T>(common.model);
  const ClassifierConfig& config = loaded.model->config();
  Prediction<T> prediction(parsed, common, *loaded.model);
  const std::optional<Tokenizer> tokenizer = load_tokenizer(common.model);
  InputTexts reader(parsed, common, row_limits(config), tokenizer ? &*tokenizer : nullptr);
  OutputFile output(common.output);
  Progress progress(common.progress, "predict", 0);
  std::exception_ptr end;
  Index number = 0, failed = 0;
  for (std::vector<ReadRow> rows;
       !end && !interrupted() && !(rows = read_some(reader, kRowsAtOnce, end)).empty();) {
    if (!unless_interrupted([&] { failed += prediction.rows(rows, number, output); })) break;
    output.flush();
    progress.update(number += std::ssize(rows));
  }
  if (!end || number > 0) output.commit();  // an older output is not replaced by nothing
  progress.finish();
  check_interrupt();
  if (end) std::rethrow_exception(end);
  const QueryCost& cost = prediction.cost();
  if (!common.quiet)
    say(concat(cost.queries, " queries, ", cost.unique_queries, " unique, ", cost.token_forwards,
               " token-forwards"));
  return status_of_rows(failed, number, common);
}

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  required_option(parsed, "model");
  return with_precision(common.precision, [&]<class T>() { return predict<T>(parsed, common); });
}

}  // namespace

Command predict_command() {
  const OptionTable strict = {{"strict", "", "", "stop at the first bad row"}};
  return {
      .name = "predict",
      .summary = "logits and log-odds of each row, one JSON object a line",
      .options = joined({text_options(), target_options(), grouped("text", strict)}),
      .examples = {"predict --model DIR --text \"A quiet film.\"", "predict --model DIR --input rows.jsonl"},
      .run = run};
}

}  // namespace slalom
