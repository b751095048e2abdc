#include "slalom/cli/receipts.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "slalom/base/sha256.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/model_io/folder_file.hpp"

namespace slalom {

// --- what a receipt says ----------------------------------------------------------------------------------

OptionTable recorded_options() {
  constexpr std::string_view kOthers[] = {
      // the model and the row, which a receipt names apart from the options
      "model", "input", "text", "text-pair", "format", "text-column", "label-column", "shard",
      // programs, which may answer otherwise the next time
      "classifier-command", "tokenizer", "timeout",
      // what becomes of the result
      "output", "record", "resume", "dry-run", "aggregate", "view", "color", "html", "svg", "json",
      // how it is computed
      "threads", "progress", "quiet", "help"};
  OptionTable options = all_options(explain_command());
  std::erase_if(options, [&](const Option& o) { return std::ranges::count(kOthers, long_name(o)) > 0; });
  return options;
}

namespace {

std::string sha256_of_tokenizer(const std::string& folder) {
  std::string all;
  for (const char* name : kTokenizerFiles)
    if (const std::string path = concat(folder, "/", name); file_exists(path))
      all += concat(name, " ", sha256_of_files({path}), "\n");
  return sha256_of(all);
}

std::string sha256_of_parameters(const Explaining& run, const Method& method) {
  Json parameters = parse_json(run.parameters(method), "parameters");
  parameters.erase("folder");  // a fingerprint of files that have hashes of their own
  Json all = {{"method", method.name}, {"parameters", parameters}, {"seed", run.common.seed}};
  return sha256_of(all.dump());
}

// As a command line has them.
std::vector<std::string> options_of(const ParsedOptions& parsed) {
  std::vector<std::string> words;
  for (const Option& option : recorded_options()) {
    const std::string name = long_name(option), &word = parsed[name].word;
    if (parsed.count(name) > 0) words.push_back(concat("--", name, is_flag(option) ? "" : "=" + word));
  }
  return words;
}

JsonRow& add_tokens(const InputRow& row, JsonRow& to) {
  to.field("input_ids", std::span<const TokenId>(row.ids));
  if (!row.types.empty()) to.field("token_type_ids", std::span<const TokenId>(row.types));
  return to;
}

}  // namespace

Receipts::Receipts(const Explaining& run, const Method& method) : run_(run) {
  const std::string& folder = run.common.model;
  settings_ = {{"model_sha256", run.classifier.model.sha256},
               {"config_sha256", sha256_of_files({folder + "/config.json"})},
               {"tokenizer_sha256", sha256_of_tokenizer(folder)},
               {"parameters_sha256", sha256_of_parameters(run, method)},
               {"version", SLALOM_VERSION},
               {"kernel", blas_core()},
               {"model", folder},
               {"options", options_of(run.parsed)}};
}

JsonRow Receipts::of(const InputRow& row, Index number, const WindowText& text,
                     const ReportedExplanation& explanation) const {
  JsonRow receipt, tokens;
  receipt.field("receipt", 1)
      .raw("id", row.id_json)
      .field("row", number)
      .field("window", text.window.number)
      .field("target", run_.classifier.model.classes->target());
  if (row.texts > 0) receipt.field("text", row.text[0]);
  if (row.texts > 1) receipt.field("text_pair", row.text[1]);
  if (row.texts == 0) add_tokens(row, receipt);
  receipt.field("input_sha256", sha256_of(add_tokens(row, tokens).str()))
      .field("result_sha256", sha256_of(result_json(explanation)));
  for (const auto& [name, value] : settings_.items()) receipt.raw(name, value.dump());
  return receipt;
}

// --- chains -----------------------------------------------------------------------------------------------

std::string ReceiptChain::add(JsonRow receipt) {
  receipt.field("previous", last_hash_);
  last_hash_ = sha256_of(receipt.str());
  ++size_;
  return receipt.field("hash", last_hash_).str();
}

Json ReceiptChain::read(const std::string& line, const std::string& where) {
  Json receipt = parse_json(line, where);
  require_integer(receipt, "receipt", where, 1, 1);
  const std::string previous = require_string(receipt, "previous", where),
                    found = require_string(receipt, "hash", where);
  if (previous != last_hash_)
    throw Error(concat(where, ": field \"previous\": found ", json_string(previous), ", wanted \"",
                       last_hash_, size_ == 0 ? "\" of a first line" : "\", the hash of the line before"),
                "lines are missing, doubled or in another order");
  const std::string end = concat(",\"hash\":\"", found, "\"}");
  const bool has_end = line.ends_with(end);
  const std::string wanted = has_end ? sha256_of(line.substr(0, line.size() - end.size()) + "}") : "";
  if (!has_end || found != wanted)
    throw Error(concat(where, ": field \"hash\": found ", json_string(found), ", wanted ",
                       has_end ? json_string(wanted) + " of this line" : "the last field of the line"),
                "the line is not as it was written");
  last_hash_ = found;
  ++size_;
  return receipt;
}

namespace {

// What Receipts::of() gave, of a line of a chain.
std::string without_chain(const std::string& line) {
  return line.substr(0, line.rfind(",\"previous\":\"")) + "}";
}

}  // namespace

RecordFile::RecordFile(const std::string& path, std::optional<Index> first_again)
    : file_(path, [&](const std::string& line, const std::string& where) {
        const Json receipt = chain_.read(line, where);
        if (first_again && require_integer(receipt, "row", where, 0, INT64_MAX) >= *first_again)
          known_.insert(without_chain(line));
      }) {}

void RecordFile::add(const std::vector<JsonRow>& receipts) {
  std::string lines;
  for (const JsonRow& receipt : receipts)
    if (!known_.contains(receipt.str())) lines += chain_.add(receipt) + "\n";
  file_.add(lines);
}

}  // namespace slalom
