// The paper's claims against what the studies found.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../support/estimate.hpp"
#include "slalom/report/table.hpp"

namespace slalom::reproduce {

struct Claim {
  std::string claim, published;
  std::string results;               // folder of the study's results.json, below the program's --input
  std::vector<std::string> numbers;  // names of its estimates; "*" stands for any characters but a dot
  bool above;                        // all of them are claimed to be above `bound`, else below it
  double bound;
};
/// Lines "claim<TAB>published<TAB>results<TAB>numbers<TAB>wanted" below such a header, numbers with commas,
/// wanted as "> NUMBER" or "< NUMBER"; empty lines and lines that begin with # are skipped. Throws Error with
/// file, line, field, found and wanted for anything else.
std::vector<Claim> read_claims(const std::string& path);

/// A star of `pattern` stands for any characters but a dot, also for none.
bool matches(std::string_view pattern, std::string_view name);

struct Results {
  std::string size, seed;  // `seed` is "" where the file has none
  experiment::Estimates estimates;
  std::size_t controls = 0;         // numbers that expected.tsv asks for
  std::vector<std::string> failed;  // those that are not as it asks
};
/// Reads a results.json. Throws Error with file, field, found and wanted.
Results read_results(const std::string& path);

enum class Verdict { holds, fails, undecided, not_measured };
const char* word(Verdict verdict);  // "holds", "fails", "undecided", "not measured"

/// Holds if the whole interval is on the claimed side of the bound, fails if none of it is.
Verdict judge(const experiment::Estimate& estimate, const Claim& claim);

struct Finding {
  std::string label;
  experiment::Estimate estimate;
  Verdict verdict;
};
struct Outcome {
  Claim claim;
  std::string made_with;  // size and seed of the results
  std::vector<Finding> found;
  std::vector<std::string> missing;  // why it is not measured, empty if it is
  Verdict verdict;
};
/// A claim fails if one of its numbers does, and holds if all do; else it is not measured if a number is
/// missing, and undecided otherwise. `path` is that of the results, for the reason.
Outcome judge(const Claim& claim, const std::optional<Results>& results, const std::string& path);

/// README.md and results.json in the folder, the table on stdout; `studies` are named by their folders below
/// `input`. True if no claim and no control fails.
bool report(const std::vector<Outcome>& outcomes, const std::map<std::string, Results>& studies,
            const std::string& input, const std::string& folder);

}  // namespace slalom::reproduce
