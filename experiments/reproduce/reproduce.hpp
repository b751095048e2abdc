// The paper's claims against what the studies found.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/base/parallel.hpp"
#include "slalom/report/table.hpp"

namespace slalom::reproduce {

/// A check that the table shows under `label`, in which "*" is what the stars of the check stand for.
struct Shown {
  std::string label, check;
};

/// What a claim asks of a check, where that is not what the study expects.
struct Asked {
  std::string check;
  double low, high;
};

struct Claim {
  std::string claim, published;
  std::string results;              // folder of the study's results.json, below the program's --input
  std::vector<std::string> checks;  // names of that file's checks; "*" stands for any characters but a dot
  std::vector<Asked> asked;         // some of these checks
  std::vector<Shown> show;          // each of them among the checks
};
/// Lines "claim<TAB>published<TAB>results<TAB>checks<TAB>show" below such a header, lists with commas, checks
/// as CHECK, CHECK<=HIGH or CHECK>=LOW, shown ones as CHECK or LABEL=CHECK; empty lines and lines that begin
/// with # are skipped. Throws Error with
/// file, line, field, found and wanted for anything else.
std::vector<Claim> read_claims(const std::string& path);

/// What the stars of `pattern` stand for in `name`, a space between them; nothing if it is another name.
std::optional<std::string> matched(std::string_view pattern, std::string_view name);

struct Check {
  std::string name;
  double found;  // NaN if there is no number
  double low, high;
  bool holds;
};
struct Results {
  std::string size, seed;  // `seed` is "" where the file has none
  std::vector<Check> checks;
};
/// Reads the "size", "seed" and "checks" of a results.json; nothing if there is no such file. Throws Error
/// with file, field, found and wanted.
std::optional<Results> read_results(const std::string& path);

enum class Verdict { holds, does_not_hold, not_measured };
const char* word(Verdict verdict);  // "holds", "does not hold", "not measured"

struct Outcome {
  Claim claim;
  std::optional<Results> results;
  std::vector<Check> checks;         // those of the claim that there are
  std::vector<std::string> missing;  // why it is not measured, empty if it is
  Verdict verdict;
};
/// The claim does not hold if a check with a number fails; else it is not measured if the results or a check
/// are missing, a check has no number, or none is asked of it. `path` is that of the results, for the reason.
Outcome judge(const Claim& claim, const std::optional<Results>& results, const std::string& path);

/// A number that says whether a claim about methods holds: 1 yes, .5 not settled, 0 no.
bool is_answer(const std::string& check_name);

/// README.md and results.json in the folder, the table on stdout. True if no claim that was measured fails.
bool report(const std::vector<Outcome>& outcomes, const std::string& input, const std::string& folder);

}  // namespace slalom::reproduce
