// slalom train: a classifier from random weights or from a folder, written as a Hugging Face folder.
#include <nlohmann/json.hpp>

#include "slalom/base/numbers.hpp"
#include "slalom/cli/train_data.hpp"
#include "slalom/inspect/compiled_slalom.hpp"
#include "slalom/model_io/folder_file.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/model_io/save_tokenizer.hpp"
#include "slalom/train/trainer.hpp"

namespace slalom {

namespace {

using Parsed = ParsedOptions;

OptionTable options() {
  const std::string synthetic = "data=sparse_bow data=slalom";
  const std::string compile = "compile-slalom", fresh = "compile-slalom model";
  const OptionTable first = {
      {"model", "DIR", "", "model folder to go on from", "", compile},
      {"output", "DIR", "", "folder that receives the model"},
      {"data", "sparse_bow|slalom|FILE", "sparse_bow", "synthetic texts, or a file of labelled rows", "",
       compile},
      {"arch", "bert|distilbert|roberta|gpt2", "distilbert", "architecture", "", "model"},
      {"layers", "N", "1", "blocks", "", fresh},
      {"width", "N", "768", "D", "", fresh},
      {"heads", "N", "12", "H", "", fresh},
      {"lr", "RATE", "5e-5", "learning rate", "", compile},
      {"epochs", "N", "5", "passes through the data", "", compile},
      {"max-positions", "N", "0", "longest text; 0: 512, GPT-2 1024", "", "model", "model"},
      {compile, "FILE", "",
       "instead of training: the SLALOM of a TSV table (toy: the published one) as a model"}};
  const OptionTable model = {
      {"feed-forward", "N", "0", "F; 0: 4 D", "", "no-feed-forward"},
      {"problem-type", "single_label_classification|multi_label_classification|regression",
       "single_label_classification", "labels are classes, lists of 0 and 1, or numbers", "", synthetic},
      {"vocabulary", "N", "0", "ids; 0: what the data needs"},
      {"attention", "softmax|softmax-plus-one|sigmoid|linear|sum", "softmax",
       "how scores become weights of the keys (sum: all are 1)"},
      {"norm", "layer|rms|none", "layer", "LayerNorm, RMSNorm or neither"},
      {"positions", "learned|rope|none", "learned", "position embeddings, or rotary positions"},
      {"read-out", "first|last", "", "row that the head reads (default: the architecture's)"},
      {"head", "linear|hidden", "", "one linear map, or a hidden layer first (default: the architecture's)"},
      {"dropout", "P", "", "one rate everywhere (default: the architecture's)"},
      {"no-feed-forward", "", "", "leave the feed-forward networks out"},
      {"no-residual", "", "", "leave the residual connections out"},
      {"tokenizer", "DIR", "", "folder with the tokenizer of a new model that reads texts", "", synthetic}};
  const OptionTable data = {
      {"slalom-words", "FILE", "", "TSV table (word p importance value)", "data=slalom"},
      {"length", "binomial|fixed|uniform", "", "law of synthetic texts (default: the data's)", synthetic},
      {"epoch-texts", "N", "5000", "fresh synthetic texts an epoch", synthetic},
      {"no-special", "", "", "do not wrap synthetic texts in [CLS] and [SEP]", synthetic},
      {"max-length", "N", "0", "cut texts to that many tokens; 0: a text too long is an error", "",
       synthetic},
      {"holdout", "N", "0", "last rows, which score each epoch and are not trained on; the best is kept", "",
       synthetic}};
  const OptionTable training = {
      {"optimizer", "rmsprop|adamw|sgd", "rmsprop", "how weights are moved"},
      {"batch", "N", "20", "texts a step"},
      {"warmup", "N", "0", "steps of linear warm-up"},
      {"decay", "", "", "let the learning rate fall linearly to 0 at the last step"},
      {"weight-decay", "W", "", "adamw: decoupled decay (default: .01)"},
      {"momentum", "M", "0", "of sgd"},
      {"clip", "NORM", "0", "global norm to clip gradients to, 0: off"},
      {"patience", "N", "0",
       "end after so many epochs in a row that did not lower --holdout's loss; 0: never", "holdout"},
      {"checkpoint-every", "N", "250", "steps between checkpoints; 0: at the end"},
      {"resume", "", "", "go on from the folder's checkpoint, if there is one"}};
  return joined({first, grouped("model", model, fresh), grouped("data", data, compile),
                 grouped("data", format_options(), compile + " " + synthetic),
                 grouped("training", training, compile)});
}

std::string word(const Parsed& parsed, const char* name) {
  return parsed[name].word;
}

ProblemType problem_type(const Parsed& parsed) {
  return problem_type_named(word(parsed, "problem-type")).value();
}

ClassifierConfig new_config(const Parsed& parsed, Architecture architecture, const DataSet& data) {
  const Index vocabulary = integer_option(parsed, "vocabulary", 0, kMostIds);
  if (vocabulary != 0 && vocabulary < data.vocabulary)
    throw UsageError(concat("--vocabulary ", vocabulary, ", the data needs ", data.vocabulary));
  ClassifierConfig c = default_config(
      architecture, integer_option(parsed, "layers", 1, 1000), integer_option(parsed, "width", 1, 1 << 20),
      integer_option(parsed, "heads", 1, 1 << 20), vocabulary == 0 ? data.vocabulary : vocabulary);
  if (const Index f = integer_option(parsed, "feed-forward", 0, 1 << 22); f > 0) c.feed_forward = f;
  if (const Index p = integer_option(parsed, "max-positions", 0, 1 << 24); p > 0) c.max_positions = p;
  c.labels = data.labels;
  // A decoder without a pad token is padded with its end of text, as is usual.
  const SpecialTokens& special = data.special;
  if (const auto pad = special.pad || architecture != Architecture::gpt2 ? special.pad : special.end)
    c.pad_id = *pad;
  c.problem_type = problem_type(parsed);
  const auto choose = [&]<class Value>(const char* option, const auto& words, Value& value) {
    value = value_of<Value>(words, word(parsed, option)).value_or(value);
  };
  choose("attention", kAttentionWords, c.attention);
  choose("norm", kNormWords, c.norm);
  choose("positions", kPositionWords, c.positions);
  choose("read-out", kReadOutWords, c.read_out);
  choose("head", kHeadWords, c.head_hidden);
  if (parsed.count("dropout") > 0) c.set_dropout(number_option(parsed, "dropout"));
  c.feed_forward_on = parsed.count("no-feed-forward") == 0;
  c.residual = parsed.count("no-residual") == 0;
  try {
    c.validate("options");
  } catch (const Error& e) {
    throw UsageError(e.what());
  }
  return c;
}

// Before the first step, not at the first batch that holds a text too long.
void check_lengths(const DataSet& set, const ClassifierConfig& config, const std::string& data) {
  if (config.positions != Positions::learned) return;
  const Index most = config.max_positions;
  const Index synthetic = kLongestSyntheticText + (set.special.cls ? 2 : 0);
  if (set.source != nullptr && synthetic > most)
    throw Error(
        concat(data, ": texts have up to ", synthetic, " tokens, the model has ", most, " positions"));
  for (const InputRow& row : set.rows)
    if (const Index found = std::ssize(row.ids); found > most)
      throw Error(concat(data, ": line ", row.line, ": field \"input_ids\": found ", found,
                         " tokens, wanted at most ", most, ", the model's positions"),
                  "a new model has as many as --max-positions says, and --max-length cuts texts");
}

OptimizerConfig optimizer_config(const Parsed& parsed, Index total_steps) {
  OptimizerConfig c = OptimizerConfig::defaults(optimizer_kind(word(parsed, "optimizer")));
  c.schedule.peak = number_option(parsed, "lr");
  c.schedule.warmup_steps = integer_option(parsed, "warmup", 0, 1 << 30);
  c.schedule.total_steps = parsed.count("decay") > 0 ? total_steps : 0;
  if (parsed.count("weight-decay") > 0) c.weight_decay = number_option(parsed, "weight-decay");
  c.momentum = number_option(parsed, "momentum");
  c.max_gradient_norm = number_option(parsed, "clip");
  c.validate();
  return c;
}

// Everything that determines the result, for the checkpoint and for training.json.
std::string settings_json(const Parsed& parsed, const CommonOptions& common, const ClassifierConfig& config,
                          const std::string& weights, const std::string& data) {
  Json json;
  json["version"] = SLALOM_VERSION;
  json["seed"] = common.seed;
  json["precision"] = common.precision == Precision::f64 ? "f64" : "f32";
  json["from"] = common.model;
  json["config"] = parse_json(config_json(config), "config");
  for (const char* name :
       {"data", "slalom-words", "length", "tokenizer", "format", "text-column", "label-column", "optimizer"})
    json[name] = word(parsed, name);
  for (const char* name : {"lr", "weight-decay", "momentum", "clip"})
    json[name] = parsed[name].word.empty() ? -1.0 : number_option(parsed, name);
  for (const char* name : {"batch", "epochs", "epoch-texts", "max-length", "holdout", "patience", "warmup"})
    json[name] = integer_option(parsed, name, 0, INT64_MAX);
  for (const char* name : {"decay", "no-special"}) json[name] = parsed.count(name) > 0;
  json["initial_weights"] = weights;
  json["data_fingerprint"] = data;
  return json.dump();
}

// Texts read as they were trained: with the tokenizer that the rows came with, or as synthetic words.
void write_tokenizer(const DataSet& data, const std::string& from, bool segments, const std::string& folder) {
  if (!from.empty())
    copy_tokenizer(from, folder);
  else if (data.source != nullptr)
    save_word_tokenizer(data.source->vocabulary(), data.special.cls.has_value(), segments, folder);
}

std::unique_ptr<TrainingData> training_data(const Parsed& parsed, std::uint64_t seed, const DataSet& set) {
  if (set.source == nullptr)
    return std::make_unique<ShuffledRows>(set.rows, input_name(word(parsed, "data")), seed);
  return std::make_unique<FreshTexts>(*set.source, set.special,
                                      integer_option(parsed, "epoch-texts", 1, Index{1} << 40));
}

template <class T>
TrainingConfig training_config(const Parsed& parsed, const CommonOptions& common, const Classifier<T>& model,
                               const DataSet& set, const TrainingData& data) {
  TrainingConfig c;
  c.batch = integer_option(parsed, "batch", 1, 1 << 20);
  c.epochs = integer_option(parsed, "epochs", 1, 1 << 20);
  c.optimizer = optimizer_config(parsed, c.epochs * ceil_div(data.texts_per_epoch(), c.batch));
  c.seed = common.seed;
  c.checkpoint = common.output + "/checkpoint.safetensors";
  c.checkpoint_every = integer_option(parsed, "checkpoint-every", 0, 1 << 30);
  c.resume = parsed.count("resume") > 0;
  c.progress = common.progress;
  if (set.held_out.texts() > 0) c.held_out = &set.held_out;
  c.patience = integer_option(parsed, "patience", 0, 1 << 20);
  const std::span<const T> weights = model.parameters().values();
  c.settings = settings_json(
      parsed, common, model.config(),
      fingerprint({reinterpret_cast<const char*>(weights.data()), weights.size_bytes()}), set.fingerprint);
  return c;
}

std::string epoch_row(const EpochReport& report, std::uint64_t seed) {
  JsonRow row;
  row.field("epoch", report.epoch)
      .field("steps", report.steps)
      .digits(6)
      .field("loss", report.loss)
      .field("accuracy", report.accuracy);
  if (report.held_out)
    row.field("holdout_loss", report.held_out->loss)
        .field("holdout_accuracy", report.held_out->accuracy.value());
  return row.field("tokens_per_second", report.tokens_per_second)
      .field("seconds", report.seconds)
      .field("seed", seed)
      .str();
}

// The model to train: from a folder, or new.
template <class T>
std::unique_ptr<Classifier<T>> open_model(const Parsed& parsed, const CommonOptions& common, DataSet& set) {
  if (!common.model.empty()) {
    std::unique_ptr<Classifier<T>> model = load_model<T>(common.model).model;
    set = open_data(parsed, common, model->config().architecture, &model->config());
    return model;
  }
  const Architecture architecture = architecture_from_name(word(parsed, "arch"));
  set = open_data(parsed, common, architecture, nullptr);
  auto model = std::make_unique<Classifier<T>>(new_config(parsed, architecture, set));
  model->initialise(common.seed);
  return model;
}

template <class T>
int train(const Parsed& parsed, const CommonOptions& common) {
  const std::string& folder = common.output;
  DataSet set;
  const std::unique_ptr<Classifier<T>> model = open_model<T>(parsed, common, set);
  const ClassifierConfig& config = model->config();
  if (set.vocabulary > config.vocabulary)
    throw Error(
        concat(common.model, ": the data needs ", set.vocabulary, " ids, the model has ", config.vocabulary));
  check_lengths(set, config, input_name(word(parsed, "data")));
  const std::unique_ptr<TrainingData> data = training_data(parsed, common.seed, set);
  const TrainingConfig training = training_config(parsed, common, *model, set, *data);
  make_folders(folder);
  const FolderLock lock(folder);
  Trainer<T> trainer(*model, *data, training);
  if (trainer.steps_done() > 0 && !common.quiet) say(concat("resuming after step ", trainer.steps_done()));
  OutputFile rows("-");
  trainer.run([&](const EpochReport& report) {
    rows.write(epoch_row(report, common.seed) + "\n");
    rows.flush();
  });
  StagedFiles staged(folder, "config.json");
  write_tokenizer(set, tokenizer_folder(parsed, common), config.traits().has_types, staged.path());
  write_file(staged.path() + "/training.json", training.settings + "\n");
  save_model(*model, staged.path(), common.precision == Precision::f64 ? DType::f64 : DType::f32);
  staged.commit(kTokenizerFiles);
  return 0;
}

// A model that is written down rather than trained.
int compile(const Parsed& parsed, const CommonOptions& common) {
  const std::string file = required_option(parsed, "compile-slalom");
  const Architecture architecture = architecture_from_name(word(parsed, "arch"));
  const std::vector<SlalomWord> words = file == "toy" ? toy_slalom_words() : read_slalom_words(file);
  const CompiledSlalom compiled =
      compile_slalom(words, architecture, integer_option(parsed, "max-positions", 0, 1 << 24));
  make_folders(common.output);
  const FolderLock lock(common.output);
  StagedFiles staged(common.output, "config.json");
  save_word_tokenizer(compiled.vocabulary, compiled.special.cls.has_value(),
                      compiled.model->config().traits().has_types, staged.path());
  save_model(*compiled.model, staged.path(), common.precision == Precision::f64 ? DType::f64 : DType::f32);
  staged.commit(kTokenizerFiles);
  JsonRow row;
  row.field("arch", name(architecture))
      .field("words", std::ssize(words))
      .field("width", compiled.model->config().width)
      .digits(3)
      .field("worst_error_f64", compiled.worst_error_f64)
      .field("worst_error_f32", compiled.worst_error_f32);
  write_file("-", row.str() + "\n");
  return 0;
}

int run(const Parsed& parsed) {
  const CommonOptions common = read_common(parsed);
  if (common.output.empty() || common.output == "-")
    throw UsageError("--output is missing: the folder that receives the model");
  if (parsed.count("compile-slalom") > 0) return compile(parsed, common);
  say_threads(common.progress);
  return with_precision(common.precision, [&]<class T>() { return train<T>(parsed, common); });
}

}  // namespace

Command train_command() {
  return {.name = "train",
          .summary = "train a classifier from random weights or from a folder",
          .options = options(),
          .unused = {{"input", "rows to train on are given with --data"}},
          .examples = {"train --arch gpt2 --layers 2 --width 128 --heads 4 --output DIR",
                       "train --data reviews.tsv --tokenizer DIR --holdout 500 --output DIR"},
          .run = run};
}

}  // namespace slalom
