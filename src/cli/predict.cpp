// slalom predict: logits, log-odds and, with labels, the loss of each row.
#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>

#include "slalom/base/sha256.hpp"
#include "slalom/cli/classifier.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/train/loss.hpp"

namespace slalom {

namespace {

constexpr Index kBatchRows = 4096;
constexpr std::size_t kRowsAtOnce = 1024;  // input rows that are read, predicted and written together

struct ReadRow {
  InputRow row;
  Index number;
  std::optional<RowError> error;
};

// Fewer only at the end of the input, or before the error that ends it.
std::vector<ReadRow> read_some(TokenRows& source, std::exception_ptr& end) {
  std::vector<ReadRow> rows;
  try {
    for (InputRow row; rows.size() < kRowsAtOnce && source.next(row);)
      rows.push_back({row, source.number(), source.bad_row()});
  } catch (const Error&) {
    end = std::current_exception();
  }
  return rows;
}

template <class T>
class Prediction {
 public:
  Prediction(const ParsedOptions& parsed, const CommonOptions& common)
      : common_(common),
        loaded_(load_model<T>(common.model)),
        model_(loaded_.model.get()),
        names_(model_->config().class_names()),
        target_(read_target(parsed, common, names_)),
        problem_(read_problem(parsed, model_->config())),
        predictor_(*model_, kBatchRows, block_maps(common.precision)),
        tokenizer_(load_tokenizer(common.model)),
        source_(token_rows(parsed, common, row_limits(model_->config()), tokenizer_ ? &*tokenizer_ : nullptr,
                           "predict", nullptr, kRowsAtOnce)),
        output_(common.output) {
    if (target_.choice == TargetChoice::all)
      throw UsageError("--target all: each row has the logits of all classes, and the log-odds of one");
  }

  int write() {
    std::exception_ptr end;
    bool has_written = false;
    for (std::vector<ReadRow> rows; !end && !interrupted() && !(rows = read_some(source_, end)).empty();) {
      if (!unless_interrupted([&] { write_rows(rows); })) break;
      output_.flush();
      has_written = true;
    }
    if (!end && !interrupted() && source_.shard()) output_.write(source_.end_of_shard(settings()));
    if (!end || has_written) output_.commit();  // an older output is not replaced by nothing
    check_interrupt();
    if (end) std::rethrow_exception(end);
    const QueryCost& cost = predictor_.cost();
    if (!common_.quiet)
      say(concat(cost.queries, " queries, ", cost.unique_queries, " unique, ", cost.token_forwards,
                 " token-forwards"));
    if (!differences_.empty()) say(sentence(summarise_differences(differences_)));
    return source_.status_of_lines();
  }

 private:
  // All that the output depends on but the rows.
  Json settings() const {
    return {{"command", "predict"},
            {"model_sha256", sha256_of_files(loaded_.files)},
            {"folder", fingerprint_of_folder(common_.model)},
            {"target", target_.word},
            {"scale", scale_name(problem_)},
            {"precision", static_cast<int>(common_.precision)},
            {"version", SLALOM_VERSION}};
  }

  void write_rows(const std::vector<ReadRow>& rows) {
    PackedBatch batch;
    for (const auto& [row, number, error] : rows)
      if (!error) batch.add(row.ids, 0, row.types);
    std::vector<T> logits;
    predictor_.logits(batch, logits);
    const auto C = static_cast<std::size_t>(model_->config().labels);
    for (const auto& [b, in_full] : predictor_.checked())
      add_difference(std::span(logits).subspan(b * C, C), in_full);
    std::span<const T> left = logits;
    for (const auto& [row, number, error] : rows) {
      if (error) {
        output_.write(error_row(row.id_json, number, source_.report(*error)).str() + "\n");
      } else {
        output_.write(line(row, left.first(C)) + "\n");
        left = left.subspan(C);
      }
    }
  }

  Index target_of(std::span<const T> logits) const {
    return target_.choice == TargetChoice::one ? target_.one
                                               : std::ranges::max_element(logits) - logits.begin();
  }

  void add_difference(std::span<const T> logits, std::span<const T> in_full) {
    const Index target = target_of(logits);
    differences_.push_back(std::abs(static_cast<double>(log_odds<T>(logits, target, problem_)) -
                                    static_cast<double>(log_odds<T>(in_full, target, problem_))));
  }

  std::string line(const InputRow& row, std::span<const T> logits) const {
    const Index target = target_of(logits);
    JsonRow out;
    out.raw("id", row.id_json)
        .digits(common_.digits())
        .field("logits", logits)
        .field("target", target)
        .field("label", names_[static_cast<std::size_t>(target)])
        .field("scale", scale_name(problem_))
        .field("log_odds", log_odds(logits, target, problem_));
    if (row.label || !row.targets.empty())
      out.field("loss", loss_of(logits, row.label.value_or(0), row.targets, model_->config().problem()));
    return out.str();
  }

  const CommonOptions& common_;
  LoadedModel<T> loaded_;
  Classifier<T>* model_;
  std::vector<std::string> names_;
  Target target_;
  ProblemType problem_;
  Predictor<T> predictor_;
  std::optional<Tokenizer> tokenizer_;
  TokenRows source_;
  OutputFile output_;
  std::vector<double> differences_;  // of rows in bf16 and in float32
};

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  required_option(parsed, "model");
  return with_precision(common.precision, [&]<class T>() { return Prediction<T>(parsed, common).write(); });
}

}  // namespace

Command predict_command() {
  const OptionTable strict = {{"strict", "", "", "stop at the first bad row"}};
  return {
      .name = "predict",
      .summary = "logits and log-odds of each row, one JSON object a line",
      .options =
          joined({shard_options(),
                  text_options(),
                  target_options(),
                  grouped("text", strict),
                  {{"precision", "f32|f64|bf16", "f32", "of the arithmetic (bf16: of products in blocks)"}}}),
      .examples = {"predict --model DIR --text \"A quiet film.\"", "predict --model DIR --input rows.jsonl"},
      .run = run};
}

}  // namespace slalom
