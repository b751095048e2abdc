#include "slalom/cli/shard.hpp"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {

namespace {

constexpr Index kMostShards = 1'000'000;

// What tells a process which of how many it is. The first that is there counts: within a Slurm job, mpirun's
// ranks also have the variables of the step that started them.
struct Variables {
  const char *number, *of;
  const char* first = "";  // the number of the first one, 0 without it
};
constexpr Variables kVariables[] = {{"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN"},
                                    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                    {"PMI_RANK", "PMI_SIZE"},
                                    {"SLURM_PROCID", "SLURM_NTASKS"}};

std::optional<Index> number_in_environment(const char* name) {
  const char* word = std::getenv(name);
  if (word == nullptr) return std::nullopt;
  const std::optional<Index> number = parse_number<Index>(word);
  if (!number) throw UsageError(concat("--shard auto: ", name, " is \"", word, "\", wanted a whole number"));
  return number;
}

Shard checked(const std::string& text, const std::string& where) {
  const std::optional<Shard> shard = shard_of_text(text);
  if (!shard) throw UsageError(concat(where, ", wanted i/n with i from 1 to n, and n at most ", kMostShards));
  return *shard;
}

Shard shard_of_environment() {
  for (const auto& [number, of, first] : kVariables) {
    const std::optional<Index> own = number_in_environment(number);
    if (!own) continue;
    const std::optional<Index> all = number_in_environment(of);
    if (!all) throw UsageError(concat("--shard auto: found ", number, " without ", of));
    const Shard shard{*own - number_in_environment(first).value_or(0) + 1, *all};
    return checked(shard.text(), concat("--shard auto: ", number, " and ", of, " say ", shard.text()));
  }
  const auto pair = [](const Variables& v) { return concat(v.number, " with ", v.of); };
  throw UsageError("--shard auto: found none of " + listed(kVariables, pair),
                   "--shard i/n says which of how many it is");
}

}  // namespace

std::string Shard::text() const {
  return concat(number, "/", of);
}

std::optional<Shard> shard_of_text(const std::string& text) {
  const std::vector<std::string> parts = split(text, '/');
  if (parts.size() != 2) return std::nullopt;
  const Shard shard{parse_number<Index>(parts[0]).value_or(0), parse_number<Index>(parts[1]).value_or(0)};
  if (shard.of > kMostShards || shard.number < 1 || shard.number > shard.of) return std::nullopt;
  return shard;
}

OptionTable shard_options() {
  return {{"shard", "I/N", "", "share I of N of the rows; auto: the number of a Slurm or MPI task", "",
           "text", "text"}};
}

std::optional<Shard> read_shard(const ParsedOptions& parsed) {
  if (parsed.count("shard") == 0) return std::nullopt;
  const std::string& word = parsed["shard"].word;
  return word == "auto" ? shard_of_environment() : checked(word, "--shard " + word);
}

std::string end_of_shard(const Shard& shard, Index rows, const std::string& input, const Json& settings) {
  return JsonRow()
             .field("shard", shard.text())
             .field("block", shard.block)
             .field("rows", rows)
             .field("input", input)
             .raw("settings", settings.dump())
             .str() +
         "\n";
}

}  // namespace slalom
