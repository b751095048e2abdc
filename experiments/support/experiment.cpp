#include "experiment.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <sstream>

#include "slalom/base/files.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/metrics/metric.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom::experiment {

// --- the program of a study ------------------------------------------------------------------------------

Command study(const std::string& program, const std::string& summary, OptionTable own,
              int (*run)(const ParsedOptions&)) {
  return {
      .name = program,
      .summary = summary,
      .options = joined(
          {own,
           {{"size", "tiny|default|paper", "default", "of the study"},
            {"expected", "TSV", "", "values to compare with"},
            {"fresh", "", "", "do anew what an earlier run left finished"},
            {"records", "FILE", "", "results.json of a run, also .gz: its report anew, nothing is computed"},
            {"shard", "I/N", "",
             "only share I of N of the parts, and no report; auto: of a Slurm or MPI task"}}}),
      .run = run,
      .program = ""};
}

int run_command(int argc, char** argv, const Command& command) {
  configure_runtime(argv);
  return run_program(argc, argv, [&](int count, char** words) {
    const auto parsed = parse_options(command, count, words);
    return parsed ? command.run(*parsed) : 0;
  });
}

Options read_run(const ParsedOptions& parsed, const std::string& program, int format) {
  const CommonOptions common = read_common(parsed);
  say_threads(common.progress);
  Options options = {.size = parsed["size"].word,
                     .seed = common.seed,
                     .folder = common.output == "-" ? "out/" + program : common.output,
                     .fresh = parsed.count("fresh") > 0,
                     .quiet = common.quiet,
                     .progress = common.progress,
                     .format = format,
                     .shard = read_shard(parsed)};
  if (const std::string& records = parsed["records"].word; !records.empty()) {
    options.recorded = read_json(records);
    options.size = require_string(options.recorded, "size", records);
    options.seed =
        static_cast<std::uint64_t>(require_integer(options.recorded, "seed", records, 0, Index{1} << 53));
  }
  return options;
}

std::vector<Json> recorded_list(const Options& options, const char* name) {
  return require_array(options.recorded, name, "recorded results").get<std::vector<Json>>();
}

bool is_shard(const Options& options) {
  if (options.shard && !options.quiet)
    say(concat("shard ", options.shard->text(), " is done; without --shard the same command reports"));
  return options.shard.has_value();
}

Options read_options(const ParsedOptions& parsed, const std::string& program, int format) {
  Options options = read_run(parsed, program, format);
  std::string expected = parsed["expected"].word;
  if (expected.empty())
    expected = concat("experiments/", program, "/expected", options.size == "tiny" ? "_tiny" : "", ".tsv");
  options.expected = read_expected(expected);
  return options;
}

std::vector<Depth> read_depths(const std::string& layers, const std::string& runs) {
  std::vector<Depth> depths;
  const std::vector<std::string> each = split_list(runs);
  for (const std::string& part : split_list(layers)) {
    const Index depth = parse_number<Index>(part).value_or(0);
    if (depth < 1 || depth > 1000 || std::ranges::count(depths, depth, &Depth::layers) > 0)
      throw UsageError("--layers " + layers + ", wanted different depths from 1 to 1000, as in 1,2");
    const std::size_t i = each.size() == 1 ? 0 : depths.size();
    depths.push_back({depth, i < each.size() ? parse_number<Index>(each[i]).value_or(0) : 0});
  }
  if (depths.empty()) throw UsageError("--layers is empty, wanted depths, as in 1,2");
  if ((each.size() != 1 && each.size() != depths.size()) ||
      std::ranges::min(depths, {}, &Depth::runs).runs < 1)
    throw UsageError("--runs " + runs + ", wanted a number from 1, or one for each depth");
  return depths;
}

// --- what is done once -----------------------------------------------------------------------------------

Part::Part(const Options& options, const std::string& name, Json settings) : fresh_(options.fresh) {
  settings["format"] = options.format;
  settings_ = settings.dump();
  fingerprint_ = fingerprint(settings_, fingerprint(name));
  path_ = concat(options.folder, "/work/", name, "_", fingerprint(settings_));
  make_folders(options.folder + "/work");
}

Json Part::load() const {
  const std::string record = path_ + ".json";
  if (fresh_ || !std::filesystem::exists(record)) return {};
  std::filesystem::remove(checkpoint());
  return read_json(record);
}

void Part::save(const Json& record) const {
  Json whole;
  whole["settings"] = parse_json(settings_, "settings");
  whole.update(record);
  write_file(path_ + ".json", whole.dump(1) + "\n");
  std::filesystem::remove(checkpoint());  // not before: a kill in between would lose the training
}

bool Part::is_of(const Shard& shard) const {
  return shard.has(static_cast<Index>(std::stoull(fingerprint_.substr(8), nullptr, 16)));
}

Json finished(const Options& options, const std::string& name, const Json& settings, const Compute& compute) {
  check_interrupt();
  const Part part(options, name, settings);
  Json record = part.load();
  if (record.is_null() && options.shard && !part.is_of(*options.shard)) return {};
  if (!options.quiet) std::cerr << name << (record.is_null() ? "\n" : ": done before, kept\n");
  if (record.is_null()) part.save(record = compute(part));
  record.erase("settings");
  return record;
}

Json finished_model(const Options& options, const std::string& name, const Json& settings,
                    const std::string& folder, const Compute& compute) {
  const auto train = [&](const Part& part) {
    Json record = compute(part);
    record["weights"] = weights_of(folder);
    return record;
  };
  const Json record = finished(options, name, settings, train);
  if (record.is_null() || record["weights"] == weights_of(folder)) return record;
  Options anew = options;  // another run has put its model in the place of this one's
  anew.fresh = true;
  return finished(anew, name, settings, train);
}

std::string weights_of(const std::string& folder) {
  const std::vector<std::string> files = {folder + "/config.json", folder + "/model.safetensors"};
  for (const std::string& file : files)
    if (!std::filesystem::exists(file)) return "";
  return sha256_of_files(files);
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// --- numbers of records ----------------------------------------------------------------------------------

double number(const Json& value) {
  return value.is_null() ? NAN : value.get<double>();
}

NumberOf field(const std::string& path) {
  return [at = Json::json_pointer("/" + path)](const Json& record) { return number(record.at(at)); };
}

std::vector<double> counts_to(Index n) {
  std::vector<double> counts(static_cast<std::size_t>(n));
  std::iota(counts.begin(), counts.end(), 1);
  return counts;
}

Cell as_is(const std::string& path) {
  return [at = Json::json_pointer("/" + path)](const Json& record) {
    const Json& value = record.at(at);
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
}

Cell with_decimals(const NumberOf& of, int decimals) {
  return [=](const Json& record) { return fixed(of(record), decimals); };
}

Cell with_digits(const NumberOf& of, int digits) {
  return [=](const Json& record) { return significant(of(record), digits); };
}

std::vector<double> Runs::values(const NumberOf& of) const {
  std::vector<double> list;
  for (const Json* record : records) list.push_back(of(*record));
  return list;
}

double Runs::mean(const NumberOf& of) const {
  return summarise(values(of)).mean;
}

double Runs::lowest(const NumberOf& of) const {
  return records.empty() ? NAN : std::ranges::min(values(of));
}

double Runs::highest(const NumberOf& of) const {
  return records.empty() ? NAN : std::ranges::max(values(of));
}

std::string Runs::show(const NumberOf& of, int decimals) const {
  const Summary s = summarise(values(of));
  if (s.n == 0) return "-";
  return fixed(s.mean, decimals) + (s.n < 2 ? "" : " ± " + fixed(s.standard_error, decimals));
}

std::vector<Runs> by_model(const std::vector<Json>& records) {
  std::vector<Runs> models;
  for (const Json& record : records) {
    auto found = std::ranges::find(models, record["model"].get<std::string>(), &Runs::name);
    if (found == models.end()) found = models.insert(found, {record["model"], record["title"], {}});
    found->records.push_back(&record);
  }
  return models;
}

void add_estimates(const Runs& runs, const std::string& what, const NumberOf& of, Estimates& found) {
  const std::string name = runs.name + "." + what;
  found[name] = mean_over_runs(runs.values(of));
  found[name + ".lowest"] = runs.lowest(of);
  found[name + ".highest"] = runs.highest(of);
}

std::vector<std::string> wrapped(const std::string& words, Index columns) {
  std::vector<std::string> lines(1);
  std::istringstream in(words);
  for (std::string word; in >> word;) {
    if (!lines.back().empty() && terminal_columns(lines.back()) + 1 + terminal_columns(word) > columns)
      lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

// --- the report ------------------------------------------------------------------------------------------

namespace {

std::string in_lines(const std::vector<Json>& objects) {
  std::string lines;
  for (const Json& object : objects) lines += (lines.empty() ? "\n  " : ",\n  ") + object.dump();
  return "[" + lines + "]";
}

std::vector<Json> checks_of(const std::vector<Verdict>& verdicts) {
  std::vector<Json> checks;
  for (const Verdict& v : verdicts)
    checks.push_back({{"name", v.expectation.name},
                      {"found", v.found.value_or(NAN)},
                      {"low", v.expectation.low},
                      {"high", v.expectation.high},
                      {"holds", v.holds()}});
  return checks;
}

}  // namespace

void write_results(const Options& options, const Json& about, const Lists& lists, const Estimates& found,
                   const std::vector<Verdict>& verdicts) {
  Json head = {{"version", SLALOM_VERSION}, {"size", options.size}, {"seed", options.seed}};
  head.update(about);
  head["scale"] = "log-odds";
  head["threads"] = threads();
  head["blas_core"] = blas_core();
  for (const char* made : {"version", "threads", "blas_core"})
    if (options.recorded.contains(made)) head[made] = options.recorded[made];
  std::string bytes = head.dump();
  bytes.pop_back();
  for (const auto& [name, list] : lists) bytes += concat(",\n \"", name, "\":", in_lines(list));
  write_file(options.folder + "/results.json",
             concat(bytes, ",\n \"estimates\":", to_json(found).dump(),
                    ",\n \"checks\":", in_lines(checks_of(verdicts)), "}\n"));
}

std::vector<Verdict> verdicts_on(const Estimates& found, const std::vector<Expectation>& expected) {
  std::map<std::string, double> values;
  for (const auto& [name, estimate] : found) values[name] = estimate.value;
  return compare_with_expected(expected, values);
}

int exit_status(const std::vector<Verdict>& verdicts) {
  return static_cast<int>(std::ranges::all_of(verdicts, &Verdict::holds) ? ExitStatus::done
                                                                         : ExitStatus::check_failed);
}

int publish(const Report& report, const Options& options) {
  const std::vector<Verdict> verdicts = verdicts_on(report.found, options.expected);
  const Table checks = verdict_table(verdicts);
  std::string page = "# " + report.title + "\n\n";
  for (const ReportTable& section : report.sections) {
    page += section.text + "\n\n" + section.table.markdown() + "\n";
    if (&section == &report.sections.front() && !report.figure.panels.empty())
      page += "![figure](figure.svg)\n\n";
    std::cout << section.table.text() << "\n";
  }
  make_folders(options.folder);
  write_results(options, report.about, {{"models", report.records}}, report.found, verdicts);
  write_file(options.folder + "/curves.csv", report.curves.csv());
  write_file(options.folder + "/README.md", page + checks.markdown());
  if (!report.figure.panels.empty())
    write_file(options.folder + "/figure.svg", draw(report.figure).document(report.figure.title));
  std::cout << checks.text() << "\nresults in " << options.folder << "\n";
  return exit_status(verdicts);
}

}  // namespace slalom::experiment
