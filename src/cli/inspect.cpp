// slalom inspect: activations, attention patterns, gradients and parameters as JSON lines.
#include "slalom/inspect/inspect.hpp"

#include <algorithm>

#include "slalom/cli/input_rows.hpp"
#include "slalom/model_io/folder_tokens.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"
#include "slalom/train/training_data.hpp"

namespace slalom {

namespace {

template <class T>
class Inspection {
 public:
  Inspection(const ParsedOptions& parsed, const CommonOptions& common)
      : parsed_(parsed),
        common_(common),
        names_(split_list(parsed["names"].word)),
        model_(load_model<T>(common.model).model),
        tokenizer_(load_tokenizer(common.model)),
        output_(common.output) {}

  int write(const std::string& what) {
    int status = 0;
    if (what == "names") write_activation_names();
    if (what == "parameters") write_tensors(parameter_values(*model_));
    if (what == "gradients") write_tensors(mean_gradients());
    if (what == "activations" || what == "attention") status = write_rows(what == "attention");
    output_.commit();
    check_interrupt();
    return status;
  }

 private:
  void write(const JsonRow& row) { output_.write(row.str() + "\n"); }

  void write_activation_names() {
    for (const ActivationInfo& info : activation_names(model_->config()))
      write(JsonRow().field("name", info.name).field("shape", info.shape).field("meaning", info.meaning));
  }

  static JsonRow& add_values(JsonRow& row, const NamedValues<T>& values) {
    return row.field("name", values.name)
        .field("shape", std::span<const Index>(values.shape))
        .field("data", std::span<const T>(values.data), values.shape);
  }

  // Norm and first entries of each tensor; all of it where it is named.
  void write_tensors(const std::vector<NamedValues<T>>& tensors) {
    for (const std::string& name : names_)
      if (std::ranges::find(tensors, name, &NamedValues<T>::name) == tensors.end())
        throw UsageError("tensor \"" + name + "\" does not exist in this model");
    for (const NamedValues<T>& values : tensors) {
      JsonRow row;
      row.digits(common_.digits());
      if (names_.empty()) {
        const std::span<const T> head(values.data.data(), std::min<std::size_t>(4, values.data.size()));
        write(row.field("name", values.name)
                  .field("shape", std::span<const Index>(values.shape))
                  .field("norm", norm(values.data))
                  .field("head", head));
      } else if (std::ranges::count(names_, values.name) > 0) {
        write(add_values(row, values));
      }
    }
  }

  TokenRows rows() {
    const Tokenizer* tokenizer = tokenizer_ ? &*tokenizer_ : nullptr;
    return token_rows(parsed_, common_, row_limits(model_->config()), tokenizer, "");
  }

  // A mean of some of the rows would be wrong: a bad one, or an interrupt, ends it.
  std::vector<NamedValues<T>> mean_gradients() {
    PackedBatch batch;
    TokenRows source = rows();
    for (InputRow row; source.next(row);) {
      if (source.bad_row()) throw RowError(*source.bad_row());
      add_labelled(row, input_name(common_.input), batch);
    }
    check_interrupt();
    if (batch.texts() == 0) throw Error(input_name(common_.input) + ": found no rows");
    return loss_gradients(*model_, batch);
  }

  int write_rows(bool attention) {
    TokenRows source = rows();
    source.each([&](const InputRow& row) { attention ? write_attention(row) : write_activations(row); },
                [&](const InputRow& row, const std::string& error) {
                  write(error_row(row.id_json, source.number(), error));
                });
    return source.status_of_lines();
  }

  JsonRow begin(const InputRow& row) const {
    JsonRow out;
    out.raw("id", row.id_json).digits(common_.digits());
    return out;
  }

  void write_activations(const InputRow& row) {
    for (const NamedValues<T>& values : activations(*model_, row.ids, row.types, names_)) {
      JsonRow out = begin(row);
      write(add_values(out, values));
    }
  }

  void write_attention(const InputRow& row) {
    std::vector<std::string> tokens;
    for (const TokenId id : row.ids) tokens.push_back(folder_.text(id));
    for (const AttentionPattern<T>& a : attention_patterns(*model_, row.ids, row.types))
      write(begin(row)
                .field("layer", a.layer)
                .field("head", a.head)
                .field("tokens", tokens)
                .field("pattern", std::span<const T>(a.pattern.data), a.pattern.shape));
  }

  const ParsedOptions& parsed_;
  const CommonOptions& common_;
  std::vector<std::string> names_;
  std::unique_ptr<Classifier<T>> model_;
  std::optional<Tokenizer> tokenizer_;
  FolderTokens folder_ = read_folder_tokens(common_.model);
  OutputFile output_;
};

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  required_option(parsed, "model");
  return with_precision(common.precision,
                        [&]<class T>() { return Inspection<T>(parsed, common).write(parsed["what"].word); });
}

}  // namespace

Command inspect_command() {
  const OptionTable own = {
      {"what", "activations|attention|gradients|parameters|names", "",
       "a row of attention is the query, of gradients the mean loss's; one of"},
      {"names", "LIST", "", "only these, separated by commas", "", "what=attention what=names"}};
  const OptionTable input = {{"input", "FILE", "-", "rows, JSONL or .gz; - is stdin", "", "text"}};
  return {
      .name = "inspect",
      .summary = "activations, attention, gradients, parameters, as JSON lines",
      .options = joined({own, grouped("", joined({input, text_options()}), "what=parameters what=names")}),
      .positional = {"what"},
      .examples = {"inspect names --model DIR", "inspect attention --model DIR --text \"A quiet film.\""},
      .run = run};
}

}  // namespace slalom
