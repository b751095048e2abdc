// slalom merge: the outputs of shards as the bytes that one run would have written.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "slalom/cli/evaluation_output.hpp"
#include "slalom/cli/input_rows.hpp"

namespace slalom {

namespace {

// The output of a shard, read line by line.
class ShardFile {
 public:
  /// Reads it to the end, which says what it is of. Throws Error if it does not.
  explicit ShardFile(const std::string& file) : path_(file), lines_(file) {
    std::string last;
    LineReader all(path_);
    for (std::string line; all.next(line);) last.swap(line);
    if (!last.empty()) end_ = parse_json(last, all.where());
    where_ = all.where();
    if (!end_.is_object() || !end_.contains("shard"))
      throw Error(where_ + ": found no line that ends a shard, wanted {\"shard\":\"i/n\",…}",
                  "the run had no --shard, or is not finished: --resume goes on with it");
    const std::string text = require_string(end_, "shard", where_);
    const std::optional<Shard> named = shard_of_text(text);
    if (!named) throw Error(concat(where_, ": field \"shard\": found \"", text, "\", wanted i/n"));
    shard_ = *named;
    shard_.block = require_integer(end_, "block", where_, 1, 1'000'000);
    next();
  }

  const std::string& path() const { return path_; }
  const Shard& shard() const { return shard_; }
  const Json& settings() const { return require_object(end_, "settings", where_); }
  Index rows() const {
    return require_integer(end_, "rows", where_, 0, std::numeric_limits<std::int64_t>::max());
  }

  /// Throws Error unless both can be of one run.
  void check_same_run(const ShardFile& first) const {
    const std::string whose = "as in " + first.path_;
    if (shard_.of != first.shard_.of)
      throw Error(
          concat(where_, ": found shard ", shard_.text(), ", wanted one of ", first.shard_.of, " ", whose));
    check_fields(settings(), first.settings(), where_, whose, "the shards are of different runs");
    Json input = first.end_;
    input.erase("shard");
    check_fields(end_, input, where_, whose, "the shards are of different inputs");
  }

  /// Calls body(line, object, where) for the lines of a row, which come next: one without a "row" is all of
  /// its row.
  template <class Body>
  void read_row(Index row, const Body& body) {
    if (number_or(row) != row)
      throw Error(concat(lines_.where(), ": found ", is_at_end() ? "the end" : concat("row ", number_or(row)),
                         ", wanted row ", row));
    do {
      body(line_, json_, lines_.where());
      next();
    } while (number_or(-1) == row);
  }
  void check_end() const {
    if (!is_at_end()) throw Error(lines_.where() + ": found a row more than the shard has");
  }

 private:
  void next() {
    if (!lines_.next(line_)) throw Error(lines_.where() + ": the file has changed");
    json_ = parse_json(line_, lines_.where());
  }
  bool is_at_end() const { return json_.contains("shard"); }
  Index number_or(Index row) const {
    return is_at_end() ? -1 : optional_integer(json_, "row", lines_.where(), row, 0, rows());
  }

  std::string path_;
  LineReader lines_;
  std::string line_, where_;  // where_: its last line
  Json json_, end_;
  Shard shard_;
};

// All shards of a run, in their order.
std::vector<ShardFile> shards_of(const std::vector<std::string>& paths) {
  std::vector<ShardFile> files;
  for (const std::string& path : paths) {
    files.emplace_back(path);
    files.back().check_same_run(files.front());
  }
  std::ranges::sort(files, {}, [](const ShardFile& file) { return file.shard().number; });
  std::vector<std::string> missing;
  auto file = files.begin();
  for (Index number = 1; number <= files.front().shard().of; ++number) {
    if (file == files.end() || file->shard().number != number) {
      missing.push_back(std::to_string(number));
      continue;
    }
    const std::string& path = file->path();
    if (++file != files.end() && file->shard().number == number)
      throw Error(concat(file->path(), ": found shard ", file->shard().text(), ", which is also in ", path));
  }
  if (!missing.empty())
    throw Error(concat("found ", files.size(), " of ", files.front().shard().of, " shards, missing ",
                       listed(missing)));
  return files;
}

// Calls body(line, object, where) for the lines of all rows, in their order.
void read_all(std::vector<ShardFile>& files,
              const std::function<void(const std::string&, const Json&, const std::string&)>& body) {
  const Index rows = files.front().rows(), n = std::ssize(files), block = files.front().shard().block;
  for (Index row = 0; row < rows; ++row) {
    check_interrupt();
    files[static_cast<std::size_t>(row / block % n)].read_row(row, body);
  }
  for (const ShardFile& file : files) file.check_end();
}

// Lines of rows are put together as they are.
int merge_rows(std::vector<ShardFile>& files, const CommonOptions& common) {
  OutputFile output(common.output);
  Index failed = 0;
  read_all(files, [&](const std::string& line, const Json& object, const std::string&) {
    output.write(line + "\n");
    failed += object.contains("error") ? 1 : 0;
  });
  output.commit();
  return status_of_lines(failed, files.front().rows(), common.quiet);
}

// Those of evaluate are what its means are of.
int merge_evaluation(std::vector<ShardFile>& files, const CommonOptions& common) {
  const Json& settings = files.front().settings();
  std::vector<const MetricInfo*> metrics;
  for (const Json& metric : settings["metrics"]) metrics.push_back(&metric_named(metric.get<std::string>()));
  EvaluationOutput output(settings["methods"].get<std::vector<std::string>>(), metrics);
  bool failed = false;
  read_all(files, [&](const std::string&, const Json& object, const std::string& where) {
    output.add(object, where);
    failed = failed || object.value("failed", 0) > 0;
  });
  output.write(common, settings["seed"].get<std::uint64_t>());
  return static_cast<int>(failed ? ExitStatus::incomplete : ExitStatus::done);
}

int run(const ParsedOptions& parsed) {
  std::vector<std::string> paths = parsed["files"].more;
  paths.insert(paths.begin(), required_option(parsed, "files"));
  const CommonOptions common = read_common(parsed);
  for (const std::string& path : paths)
    if (std::error_code missing; std::filesystem::equivalent(path, common.output, missing))
      throw UsageError(concat("--output ", common.output, ": it is one of the shards"));
  std::vector<ShardFile> files = shards_of(paths);
  const bool is_evaluation = files.front().settings().value("command", "") == "evaluate";
  return (is_evaluation ? merge_evaluation : merge_rows)(files, common);
}

}  // namespace

Command merge_command() {
  return {.name = "merge",
          .summary = "the outputs of all shards of a run as the output of one",
          .options = {{"files", "FILE...", "", "outputs of --shard, in any order"}},
          .positional = {"files"},
          .takes_list = true,
          .unused = {{"model", "it queries none"},
                     {"input", "it reads the FILEs"},
                     {"seed", "nothing is drawn"},
                     {"json", "the output is that of the run"},
                     {"precision", "nothing is computed"}},
          .examples = {"merge 1.jsonl 2.jsonl 3.jsonl --output explained.jsonl",
                       "merge shards/*.jsonl --output explained.jsonl"},
          .run = run};
}

}  // namespace slalom
