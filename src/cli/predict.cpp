// slalom predict: logits, log-odds and, with labels, the loss of each row.
#include <iostream>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/json.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/texts.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/ops/cross_entropy.hpp"

namespace slalom {

namespace {

constexpr Index kRowsAtOnce = 1024;  // input rows that are read, predicted and written together

// Reads up to `count` rows; fewer only at the end of the input.
std::vector<InputRow> read_some(InputTexts& reader, Index count) {
  std::vector<InputRow> rows;
  for (InputRow row; static_cast<Index>(rows.size()) < count && reader.next(row);) rows.push_back(row);
  return rows;
}

template <class T>
void predict_rows(Predictor<T>& predictor, const std::vector<InputRow>& rows, Index classes, Index target,
                  int digits, OutputFile& output) {
  PackedBatch batch;
  for (const InputRow& row : rows) batch.add(row.ids, row.label.value_or(0), row.types);
  std::vector<T> logits;
  predictor.logits(batch.packed(), logits);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::span<const T> row(logits.data() + static_cast<Index>(i) * classes,
                                 static_cast<std::size_t>(classes));
    JsonRow out;
    out.raw("id", rows[i].id_json)
        .digits(digits)
        .field("logits", row)
        .field("log_odds", log_odds(row, target));
    if (rows[i].label) out.field("loss", cross_entropy_of(row, *rows[i].label));
    output.write(out.str() + "\n");
  }
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
  for (std::vector<InputRow> rows; !interrupted() && !(rows = read_some(reader, kRowsAtOnce)).empty();) {
    const auto predict = [&] {
      predict_rows(predictor, rows, config.labels, target, common.digits(), output);
    };
    if (!unless_interrupted(predict)) break;
    output.flush();
    progress.update(predictor.cost().queries);
  }
  output.commit();
  progress.finish();
  check_interrupt();
  const QueryCost& cost = predictor.cost();
  if (!common.quiet)
    std::cerr << cost.queries << " queries, " << cost.unique_queries << " unique, " << cost.token_forwards
              << " token-forwards\n";
  return 0;
}

}  // namespace

int run_predict(int argc, char** argv) {
  cxxopts::Options options = common_options("predict", "Logits of each row, one JSON object a line.");
  options.add_options()("target", "class whose log-odds against the rest are given: name or number",
                        cxxopts::value<std::string>()->default_value("1"), "CLASS");
  add_text_options(options);
  const auto parsed = parse_options(options, argc, argv);
  if (!parsed) return 0;
  const CommonOptions common = read_common(*parsed);
  required_option(*parsed, "model");
  return with_precision(common.precision, [&]<class T>() { return predict<T>(*parsed, common); });
}

}  // namespace slalom
