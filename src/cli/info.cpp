// slalom info: what this program is and runs on, and a model's card.
#include <iostream>

#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/model_io/folder_tokens.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/model_io/stored_tensors.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"
#include "slalom/report/table.hpp"

namespace slalom {

namespace {

constexpr double kRateSeconds = 0.3;  // spent on measuring the rate

struct Fact {
  std::string name, value;
  bool is_number = false;
};

std::vector<Fact> program_facts() {
  return {{"version", SLALOM_VERSION},
          {"blas_core", blas_core()},
          {"threads", std::to_string(threads()), true},
          {"allotted", allotted_cores().text()},
          {"sgemm_gflops", fixed(measure_gemm_rate(kRateSeconds), 1), true}};
}

void add_tokenizer_facts(const std::string& folder, std::vector<Fact>& facts) {
  const std::optional<Tokenizer> tokenizer = load_tokenizer(folder);
  const FolderTokens tokens = read_folder_tokens(folder);
  facts.push_back({"tokenizer", tokenizer ? tokenizer->description() : "none: rows of input_ids only"});
  if (tokenizer)
    facts.push_back({"tokenizer_vocabulary", std::to_string(tokenizer->vocabulary().size()), true});
  std::vector<std::string> special;
  for (const TokenId id : tokens.special.ids()) special.push_back(concat(tokens.text(id), " (", id, ")"));
  facts.push_back({"special_tokens", special.empty() ? "none" : listed(special)});
  for (const auto& [name, id] :
       {std::pair{"unk_token", tokens.special.unk}, {"mask_token", tokens.special.mask}})
    if (id) facts.push_back({name, concat(tokens.text(*id), " (", *id, ")")});
}

std::vector<Fact> model_facts(const std::string& folder) {
  const LoadedModel<float> loaded = load_model<float>(folder);
  const ClassifierConfig& c = loaded.model->config();
  const auto number = [](const char* name, Index value) { return Fact{name, std::to_string(value), true}; };
  std::vector<Fact> facts = {
      {"architecture", name(c.architecture)},
      number("layers", c.layers),
      number("width", c.width),
      number("heads", c.heads),
      number("feed_forward", c.feed_forward),
      number("vocabulary", c.vocabulary),
      {"positions", c.positions == Positions::learned ? std::to_string(c.max_positions)
                                                      : word_of(kPositionWords, c.positions)},
      {"read_out", c.read_out == ReadOut::first ? "first token" : "last token"},
      number("parameters", loaded.model->parameters().scalars()),
      number("labels", c.labels)};
  if (const auto switches = c.unlike_hugging_face(); !switches.empty())
    facts.push_back({"switches", listed(switches)});
  const std::vector<std::string> names = c.class_names();
  for (std::size_t i = 0; i < names.size(); ++i) facts.push_back({concat("label_", i), names[i]});
  add_tokenizer_facts(folder, facts);
  // Every tensor that the architecture has was found with its shape, or the model would not have been read.
  facts.push_back(number("tensors", std::ssize(stored_tensors(*loaded.model))));
  facts.push_back(number("ignored_tensors", std::ssize(loaded.ignored)));
  if (!loaded.ignored.empty()) facts.push_back({"ignored", listed(loaded.ignored)});
  facts.push_back({"weights", listed(loaded.files)});
  facts.push_back({"sha256", sha256_of_files(loaded.files)});
  return facts;
}

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  std::vector<Fact> facts = program_facts();
  if (!common.model.empty())
    for (Fact& fact : model_facts(common.model)) facts.push_back(std::move(fact));
  JsonRow row;
  Table table({{"what"}, {"value"}});
  for (const Fact& f : facts) {
    row.raw(f.name, f.is_number ? f.value : json_string(f.value));
    table.add_row({f.name, f.value});
  }
  write_file(common.output, common.json ? row.str() + "\n" : table.text());
  return 0;
}

}  // namespace

Command info_command() {
  return {.name = "info",
          .summary = "version, BLAS kernels, threads, measured rate; a model's card",
          .unused = {{"input", "it reads no rows"}},
          .examples = {"info", "info --model DIR --json"},
          .run = run};
}

}  // namespace slalom
