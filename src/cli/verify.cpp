// slalom verify: computes a proof or receipts again, from the model and the texts that they name.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "slalom/base/numbers.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/cli/explanation_output.hpp"
#include "slalom/cli/receipts.hpp"
#include "slalom/explain/deletions.hpp"
#include "slalom/inspect/proof.hpp"

namespace slalom {

namespace {

int report(const ParsedOptions& parsed, const std::string& difference, const std::string& verified) {
  write_file(parsed["output"].word,
             difference.empty() ? verified : concat("Not verified: ", difference, "\n"));
  return static_cast<int>(difference.empty() ? ExitStatus::done : ExitStatus::check_failed);
}

// --- proofs -----------------------------------------------------------------------------------------------

Json computed_again(const ProofClaims& claims, const std::string& file) {
  try {
    return proof_json(claims);
  } catch (const Error& e) {
    throw Error(concat(file, ": ", e.what()), e.hint(), e.status());
  }
}

int verify_proof(const ParsedOptions& parsed, const std::string& file) {
  for (const char* name : {"sample", "seed", "last"})
    if (parsed.count(name) > 0) throw UsageError(concat("--", name, " has no effect with a proof"));
  const std::string folder = parsed["model"].word;
  const Json proof = parse_json(read_file(file), file);
  ProofClaims claims = read_proof(proof, file);
  const std::string stored = claims.model;
  if (!folder.empty()) claims.model = folder;
  Json computed = computed_again(claims, file);
  computed["model"] = stored;
  std::string verified;
  for (const Json& c : computed["certificates"])
    verified += concat("Verified: ", claims.model, " is at least ",
                       fixed_down(std::stod(c["bound"].get<std::string>()), 4),
                       " nats from every model that is additive (", c["class"].get<std::string>(), ").\n");
  return report(parsed, first_difference(proof, computed), verified);
}

// --- receipts ---------------------------------------------------------------------------------------------

// The command line of explain that a receipt names, with this run's threads.
ParsedOptions recorded_run(const Json& receipt, const std::string& folder, const std::string& where) {
  std::vector<std::string> words = {"explain", "--model=" + folder, concat("--threads=", threads())};
  const OptionTable allowed = recorded_options();
  for (const Json& option : require_array(receipt, "options", where)) {
    words.push_back(option.is_string() ? option.get<std::string>() : option.dump());
    const auto is_named = [&](const Option& o) { return split(words.back(), '=')[0] == "--" + long_name(o); };
    if (std::ranges::none_of(allowed, is_named))
      throw Error(concat("field \"options\": found ", option.dump(), ", wanted options of explain"));
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  return *parse_options(explain_command(), static_cast<int>(arguments.size()), arguments.data());
}

// A run of explain, opened again.
struct RecordedRun {
  ParsedOptions parsed;
  CommonOptions common = read_common(parsed);
  Explaining run{parsed, common};
  RankedMethod method = ranked_methods(parsed["method"].word).front();
  ExplanationOutput shown{run};
  Receipts receipts{run, *method.method};

  explicit RecordedRun(ParsedOptions options) : parsed(std::move(options)) {}

  // The receipt of the same window and class.
  Json again(const Json& receipt, const std::string& where) const {
    InputRow row = row_of_object(receipt, run.limits(), run.classifier.tokenizer.get(), where);
    const auto number = [&](const char* field) {
      return require_integer(receipt, field, where, 0, INT64_MAX);
    };
    const Index window = number("window"), target = number("target");
    Json found = Json::object();
    run.each_text(row, [&](const WindowText& text) {
      if (text.window.number != window || run.classifier.model.classes->target() != target) return;
      ReportedText reported = shown.begin(text);
      shown.add(run.explain(*method.method, text), method, text, number("row"), "", reported);
      found = parse_json(receipts.of(row, number("row"), text, reported.explanations.back()).str(), where);
    });
    return found;
  }
};

class ReceiptCheck {
 public:
  explicit ReceiptCheck(std::string folder) : folder_(std::move(folder)) {}

  // The first field that another computation finds otherwise; empty if there is none.
  std::string difference(const Json& receipt, const std::string& where) {
    try {
      open(receipt, where);
      std::string found =
          difference_in(run_->receipts.settings(), receipt, where,
                        {"model_sha256", "config_sha256", "tokenizer_sha256", "parameters_sha256"});
      if (!found.empty()) return found;
      const Json again = run_->again(receipt, where);
      found = difference_in(again, receipt, where, {"input_sha256", "result_sha256"});
      if (found.empty()) return found;
      const std::string origin = difference_in(again, receipt, where, {"kernel", "version"});
      return origin.empty() ? found : concat(found, "; ", origin, ", of which the last bits may be others");
    } catch (const Error& e) {
      if (e.status() == ExitStatus::interrupted || std::string_view(e.what()).starts_with(where)) throw;
      throw Error(concat(where, ": ", e.what()), e.hint());
    }
  }

 private:
  void open(const Json& receipt, const std::string& where) {
    const std::string model = folder_.empty() ? require_string(receipt, "model", where) : folder_;
    Json wanted = {model, require_array(receipt, "options", where)};
    if (wanted == opened_) return;
    run_.reset();
    run_ = std::make_unique<RecordedRun>(recorded_run(receipt, model, where));
    opened_ = std::move(wanted);
  }

  static std::string difference_in(const Json& found, const Json& receipt, const std::string& where,
                                   std::initializer_list<const char*> fields) {
    for (const char* field : fields) {
      const std::string wanted = require_string(receipt, field, where),
                        other = optional_string(found, field, where, "nothing");
      if (other != wanted)
        return concat(where, ": field \"", field, "\": found ", json_string(other), ", wanted ",
                      json_string(wanted));
    }
    return {};
  }

  std::string folder_;
  Json opened_;
  std::unique_ptr<RecordedRun> run_;
};

// Throws Error unless the file is a chain, and its last hash the wanted one, if there is one.
ReceiptChain chain_of(const std::string& file, const std::string& wanted) {
  ReceiptChain chain;
  LineReader lines(file);
  for (std::string line; lines.next(line); check_interrupt()) chain.read(line, lines.where());
  check_interrupt();
  if (!wanted.empty() && chain.last_hash() != wanted)
    throw Error(concat(lines.where(), ": field \"hash\": found \"", chain.last_hash(), "\", wanted ",
                       json_string(wanted), " of --last"));
  return chain;
}

// Which of the receipts are computed again.
std::vector<std::uint8_t> chosen(const ParsedOptions& parsed, Index receipts) {
  std::vector<std::uint8_t> chosen(static_cast<std::size_t>(receipts), 0);
  const Index wanted =
      parsed.count("sample") > 0 ? integer_option(parsed, "sample", 1, 1'000'000'000) : receipts;
  std::vector<Index> order = counted(receipts);
  Rng rng(seed_option(parsed), Purpose::audit);
  set_random(std::min(wanted, receipts), 1, rng, order, chosen);
  return chosen;
}

int verify_receipts(const ParsedOptions& parsed, const std::string& file) {
  const std::string& last = parsed["last"].word;
  if (parsed.count("last") > 0 &&
      (last.size() != 64 || last.find_first_not_of("0123456789abcdef") != std::string::npos))
    throw UsageError(
        concat("--last ", json_string(last), ": wanted the 64 hexadecimal digits of a receipt's hash"));
  ReceiptChain chain;
  try {
    chain = chain_of(file, last);
  } catch (const Error& e) {
    if (e.status() == ExitStatus::interrupted) throw;
    return report(parsed, e.what(), "");
  }
  const std::vector<std::uint8_t> wanted = chosen(parsed, chain.size());
  const Index count = std::ranges::count(wanted, 1);
  ReceiptCheck check(parsed["model"].word);
  Progress progress(read_common(parsed).progress, "verify", count);
  std::string line, difference;
  LineReader lines(file);
  for (Index done = 0; done < count && difference.empty() && lines.next(line); check_interrupt()) {
    if (wanted[static_cast<std::size_t>(lines.line_number() - 1)] == 0) continue;
    difference = check.difference(parse_json(line, lines.where()), lines.where());
    progress.update(++done);
  }
  check_interrupt();
  progress.finish();
  return report(parsed, difference,
                concat("Verified: ", file, " is a chain of ", chain.size(), " receipts, of which ", count,
                       " were computed again. Its last hash is ", chain.last_hash(), ".\n"));
}

int run(const ParsedOptions& parsed) {
  const std::string file = required_option(parsed, "file");
  std::string line;
  if (file != "-") LineReader(file).next(line);
  if (line.starts_with(kReceiptStart)) return verify_receipts(parsed, file);
  try {
    return verify_proof(parsed, file);
  } catch (const Error& e) {
    if (!e.hint().empty() || e.status() == ExitStatus::interrupted) throw;
    throw Error(e.what(),
                "wanted a proof of `slalom audit --proof` or the receipts of `slalom explain --record`",
                e.status());
  }
}

}  // namespace

Command verify_command() {
  return {.name = "verify",
          .summary = "computes proofs and receipts again; status 1 if they differ",
          .options = {{"file", "FILE", "", "the proof, or the receipts"},
                      {"model", "DIR", "", "the model's folder (default: the one that FILE names)"},
                      {"sample", "N", "", "compute only so many receipts again (default: all)"},
                      {"last", "SHA256", "", "hash that the last receipt must have"},
                      {"seed", "N", "0", "of the choice of receipts", "sample"}},
          .positional = {"file"},
          .unused = {{"input", "it reads FILE"},
                     {"json", "it prints a line"},
                     {"precision", "a proof is in double, receipts name theirs"}},
          .examples = {"verify proof.json", "verify receipts.jsonl --sample 20"},
          .run = run};
}

}  // namespace slalom
