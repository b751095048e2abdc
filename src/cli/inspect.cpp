// slalom inspect: activations, attention patterns, gradients and parameters as JSON lines.
#include "slalom/inspect/inspect.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/json.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/messages.hpp"
#include "slalom/cli/texts.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/model_io/special_tokens.hpp"
#include "slalom/train/training_data.hpp"

namespace slalom {

namespace {

template <class T>
class Inspection {
 public:
  Inspection(const ParsedOptions& parsed, const CommonOptions& common, std::vector<std::string> names)
      : parsed_(parsed),
        common_(common),
        names_(std::move(names)),
        model_(load_model<T>(common.model).model),
        output_(common.output) {}

  void activations() {
    each_row([&](const InputRow& row) {
      for (const NamedValues<T>& a : slalom::activations(*model_, row.ids, row.types, names_))
        write(whole(this->row(row), a));
    });
  }

  void attention() {
    const FolderTokens folder = read_folder_tokens(common_.model);
    each_row([&](const InputRow& row) {
      std::vector<std::string> tokens;
      for (const TokenId id : row.ids) tokens.push_back(folder.text(id));
      for (const AttentionPattern<T>& a : attention_patterns(*model_, row.ids, row.types))
        write(this->row(row)
                  .field("layer", a.layer)
                  .field("head", a.head)
                  .field("tokens", tokens)
                  .field("pattern", std::span<const T>(a.pattern.data), a.pattern.shape));
    });
  }

  // A mean of some of the rows would be a wrong answer: a bad one, or an interrupt, ends it.
  void gradients() {
    PackedBatch batch;
    InputTexts source = open_rows();
    for (InputRow row; source.next(row);) {
      with_row(source, row, [] {});  // throws what is wrong with it
      add_labelled(row, input_name(common_.input), batch);
    }
    check_interrupt();
    if (batch.texts() == 0) throw Error(input_name(common_.input) + ": found no rows");
    tensors(loss_gradients(*model_, batch));
  }

  void parameters() { tensors(parameter_values(*model_)); }

  void activation_list() {
    for (const ActivationInfo& info : activation_names(model_->config()))
      write(JsonRow().field("name", info.name).field("shape", info.shape).field("meaning", info.meaning));
  }

  /// Puts the output in place; the exit status.
  int finish() {
    output_.commit();
    check_interrupt();
    return status_of_rows(failed_, rows_, common_);
  }

 private:
  void write(const JsonRow& row) { output_.write(row.str() + "\n"); }

  JsonRow row(const InputRow& input) const {
    JsonRow out;
    out.raw("id", input.id_json).digits(common_.digits());
    return out;
  }
  static JsonRow whole(JsonRow out, const NamedValues<T>& values) {
    return out.field("name", values.name)
        .field("shape", std::span<const Index>(values.shape))
        .field("data", std::span<const T>(values.data), values.shape);
  }

  // Norm and first entries of each tensor; all of it where it was asked for by name.
  void tensors(const std::vector<NamedValues<T>>& list) {
    for (const std::string& name : names_)
      if (std::ranges::none_of(list, [&](const NamedValues<T>& v) { return v.name == name; }))
        throw UsageError("tensor \"" + name + "\" does not exist in this model");
    for (const NamedValues<T>& values : list) {
      const bool asked = std::ranges::find(names_, values.name) != names_.end();
      if (!names_.empty() && !asked) continue;
      JsonRow out;
      out.digits(common_.digits());
      if (asked) {
        write(whole(std::move(out), values));
        continue;
      }
      const std::span<const T> head(values.data.data(), std::min<std::size_t>(4, values.data.size()));
      write(out.field("name", values.name)
                .field("shape", std::span<const Index>(values.shape))
                .field("norm", norm(values.data))
                .field("head", head));
    }
  }

  InputTexts open_rows() {
    tokenizer_ = load_tokenizer(common_.model);
    return {parsed_, common_, row_limits(model_->config()), tokenizer_ ? &*tokenizer_ : nullptr};
  }

  void each_row(const std::function<void(const InputRow&)>& body) {
    InputTexts source = open_rows();
    for (InputRow row; !interrupted() && source.next(row); ++rows_) try {
        with_row(source, row, [&] { body(row); });
      } catch (const RowError& e) {
        say_error(e);
        write(error_row(row.id_json, rows_, e.what()));
        ++failed_;
      }
  }

  const ParsedOptions& parsed_;
  const CommonOptions& common_;
  std::vector<std::string> names_;
  std::unique_ptr<Classifier<T>> model_;
  std::optional<Tokenizer> tokenizer_;
  OutputFile output_;
  Index rows_ = 0, failed_ = 0;
};

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  required_option(parsed, "model");
  const std::string what = parsed["what"].as<std::string>();
  const std::vector<std::string> names = split_list(parsed["names"].as<std::string>());
  return with_precision(common.precision, [&]<class T>() {
    using Action = void (Inspection<T>::*)();
    const std::map<std::string, Action> actions = {{"activations", &Inspection<T>::activations},
                                                   {"attention", &Inspection<T>::attention},
                                                   {"gradients", &Inspection<T>::gradients},
                                                   {"parameters", &Inspection<T>::parameters},
                                                   {"names", &Inspection<T>::activation_list}};
    Inspection<T> inspection(parsed, common, names);
    (inspection.*actions.at(what))();
    return inspection.finish();
  });
}

}  // namespace

Command inspect_command() {
  const std::string no_rows = "what=parameters what=names";
  OptionTable options = {
      {"input", "FILE", "-", "rows, JSONL or .gz; - is stdin", "", "text"},
      {"what", "activations|attention|gradients|parameters|names", "",
       "a row of attention is the query, of "
       "gradients the mean loss's; one of"},
      {"names", "LIST", "", "only these, separated by commas", "", "what=attention what=names"}};
  for (const Option& option : text_options()) options.push_back(option);
  for (Option& option : options)
    if (option.name != "what" && option.name != "names") option.excludes += " " + no_rows;
  return {.name = "inspect",
          .summary = "activations, attention, gradients, parameters, as JSON lines",
          .options = options,
          .positional = {"what"},
          .examples = {"inspect names --model DIR", "inspect attention --model DIR --text \"A quiet film.\""},
          .run = run};
}

}  // namespace slalom
