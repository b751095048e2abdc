// Receipts of explanations: SHA-256 of what went in and what came out, and all that computing it again needs.
// Each names the receipt before it, so that a file of them is a chain, which no change of a line survives.
#pragma once

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "slalom/base/appended_lines.hpp"
#include "slalom/cli/explaining.hpp"
#include "slalom/report/explanation_json.hpp"

namespace slalom {

/// How the line of a receipt begins.
inline constexpr const char* kReceiptStart = "{\"receipt\":1,";

/// The options of explain that the result can depend on, beside the model and the row.
OptionTable recorded_options();

/// Makes the receipts of a run, which must be of a model.
class Receipts {
 public:
  Receipts(const Explaining& run, const Method& method);

  /// What all of them say, as fields: {model,config,tokenizer,parameters}_sha256, version, kernel (of BLAS),
  /// model (the folder) and options.
  const Json& settings() const { return settings_; }
  /// {receipt, id, row, window, target, text and text_pair or input_ids and token_type_ids, input_sha256 (of
  /// the ids and types), result_sha256 (of result_json())} and the settings; in no chain as yet.
  JsonRow of(const InputRow& row, Index number, const WindowText& text,
             const ReportedExplanation& explanation) const;

 private:
  const Explaining& run_;
  Json settings_;
};

/// The receipts of a file one after the other: "previous" of each is the "hash" of the one before, 64 zeros
/// for the first, and "hash" the SHA-256 of the line without that field.
class ReceiptChain {
 public:
  /// The line that the receipt becomes at the end of the chain, without its end.
  std::string add(JsonRow receipt);
  /// The next line of a file. Throws Error naming `where` and the field unless it goes on with the chain.
  Json read(const std::string& line, const std::string& where);

  Index size() const { return size_; }
  const std::string& last_hash() const { return last_hash_; }

 private:
  Index size_ = 0;
  std::string last_hash_ = std::string(64, '0');
};

/// The file of explain --record.
class RecordFile {
 public:
  /// Goes on with the chain of the file. A resumed run computes the rows from number `first_again` on again:
  /// what it finds again is not added twice. Throws Error unless the file is a chain of receipts.
  RecordFile(const std::string& path, std::optional<Index> first_again);
  /// All of them or, if the process is killed, perhaps none.
  void add(const std::vector<JsonRow>& receipts);

 private:
  ReceiptChain chain_;
  std::unordered_set<std::string> known_;  // receipts that may be found again
  AppendedLines file_;
};

}  // namespace slalom
