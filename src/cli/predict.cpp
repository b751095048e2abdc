// slalom predict: logits, log-odds and, with labels, the loss of each row.
#include <exception>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/json.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/messages.hpp"
#include "slalom/cli/texts.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/ops/cross_entropy.hpp"

namespace slalom {

namespace {

constexpr Index kRowsAtOnce = 1024;  // input rows that are read, predicted and written together

struct ReadRow {
  InputRow row;
  std::optional<RowError> error;
};

// Reads up to `count` rows; fewer only at the end of the input, or before the error that ends it: under
// `strict` that is a bad row.
std::vector<ReadRow> read_some(InputTexts& source, Index count, bool strict, std::exception_ptr& end) {
  std::vector<ReadRow> rows;
  try {
    for (InputRow row; std::ssize(rows) < count && source.next(row);) {
      if (strict && source.bad_row()) throw RowError(*source.bad_row());
      rows.push_back({row, source.bad_row()});
    }
  } catch (const Error&) {
    end = std::current_exception();
  }
  return rows;
}

// Predicts and writes them in order; `first` is the number of the first. How many were bad.
template <class T>
Index predict_rows(Predictor<T>& predictor, const std::vector<ReadRow>& rows, Index first, Index classes,
                   Index target, int digits, OutputFile& output) {
  PackedBatch batch;
  for (const auto& [row, error] : rows)
    if (!error) batch.add(row.ids, 0, row.types);
  std::vector<T> logits;
  predictor.logits(batch.packed(), logits);
  const T* next = logits.data();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& [row, error] = rows[i];
    if (error) {
      say_error(*error);
      output.write(error_row(row.id_json, first + static_cast<Index>(i), error->what()).str() + "\n");
      continue;
    }
    const std::span<const T> of_row(next, static_cast<std::size_t>(classes));
    next += classes;
    JsonRow out;
    out.raw("id", row.id_json)
        .digits(digits)
        .field("logits", of_row)
        .field("log_odds", log_odds(of_row, target));
    if (row.label) out.field("loss", cross_entropy_of(of_row, *row.label));
    output.write(out.str() + "\n");
  }
  return std::ssize(rows) - batch.texts();
}

template <class T>
int predict(const cxxopts::ParseResult& parsed, const CommonOptions& common) {
  const LoadedModel<T> loaded = load_model<T>(common.model);
  const ClassifierConfig& config = loaded.model->config();
  const Index target = class_named(parsed["target"].as<std::string>(), config.class_names());
  const std::optional<Tokenizer> tokenizer = load_tokenizer(common.model);
  InputTexts reader(parsed, common, row_limits(config), tokenizer ? &*tokenizer : nullptr);
  Predictor<T> predictor(*loaded.model);
  OutputFile output(common.output);
  Progress progress(common.progress, "predict", 0);
  const bool strict = parsed.count("strict") > 0;
  std::exception_ptr end;
  Index number = 0, failed = 0;
  for (std::vector<ReadRow> rows;
       !end && !interrupted() && !(rows = read_some(reader, kRowsAtOnce, strict, end)).empty();) {
    const auto predict = [&] {
      failed += predict_rows(predictor, rows, number, config.labels, target, common.digits(), output);
    };
    if (!unless_interrupted(predict)) break;
    output.flush();
    progress.update(number += std::ssize(rows));
  }
  if (!end || number > 0) output.commit();  // an older output is not replaced by nothing
  progress.finish();
  check_interrupt();
  if (end) std::rethrow_exception(end);
  const QueryCost& cost = predictor.cost();
  if (!common.quiet)
    say(text(cost.queries, " queries, ", cost.unique_queries, " unique, ", cost.token_forwards,
             " token-forwards"));
  return status_of_rows(failed, number, common);
}

}  // namespace

int run_predict(int argc, char** argv) {
  cxxopts::Options options = common_options("predict", "Logits of each row, one JSON object a line.");
  options.add_options()("target", "class whose log-odds against the rest are given: name or number",
                        cxxopts::value<std::string>()->default_value("1"), "CLASS")(
      "strict", "stop at the first bad row, instead of giving it a line with its error");
  add_text_options(options);
  const auto parsed = parse_options(options, argc, argv);
  if (!parsed) return 0;
  const CommonOptions common = read_common(*parsed);
  required_option(*parsed, "model");
  return with_precision(common.precision, [&]<class T>() { return predict<T>(*parsed, common); });
}

}  // namespace slalom
