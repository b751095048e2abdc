#include "experiment.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "slalom/base/files.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/metrics/metric.hpp"

namespace slalom::experiment {

Part::Part(const Options& options, const std::string& name, Json settings) : fresh_(options.fresh) {
  static const std::string program = sha256_of_files({"/proc/self/exe"});
  settings["version"] = SLALOM_VERSION;
  settings["program"] = program;
  settings_ = settings.dump();
  path_ = concat(options.folder, "/work/", name, "_", fingerprint(settings_));
  make_folders(options.folder + "/work");
}

std::optional<Json> Part::load() const {
  if (fresh_ || !std::filesystem::exists(record_path())) return std::nullopt;
  Json record = parse_json(read_file(record_path()), record_path());
  std::filesystem::remove(checkpoint());
  return record;
}

void Part::save(const Json& record) const {
  Json whole;
  whole["settings"] = parse_json(settings_, "settings");
  whole.update(record);
  write_file(record_path(), whole.dump(1) + "\n");
  std::filesystem::remove(checkpoint());  // not before: a kill in between would lose the training
}

Json finished(const Options& options, const std::string& name, Json settings,
              const std::function<Json(const Part&)>& compute) {
  check_interrupt();
  const Part part(options, name, std::move(settings));
  std::optional<Json> record = part.load();
  if (!options.quiet) std::cerr << name << (record ? ": done before, kept\n" : "\n");
  if (!record) part.save(record.emplace(compute(part)));
  record->erase("settings");
  return *record;
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string show_mean(std::span<const double> values, int decimals) {
  const Summary s = summarise(values);
  if (s.n == 0) return "-";
  return fixed(s.mean, decimals) + (s.n < 2 ? "" : " ± " + fixed(s.standard_error, decimals));
}

namespace {

std::string list(const std::vector<Json>& objects) {
  std::string lines;
  for (const Json& object : objects) lines += (lines.empty() ? "\n  " : ",\n  ") + object.dump();
  return "[" + lines + "]";
}

std::string results_json(const Report& report, const std::vector<Verdict>& verdicts, const Options& options) {
  Json head;
  head["version"] = SLALOM_VERSION;
  head["size"] = options.size;
  head["seed"] = options.seed;
  head.update(report.about);
  head["scale"] = "log-odds";
  head["threads"] = threads();
  head["blas_core"] = blas_core();
  const std::string line = head.dump();
  return line.substr(0, line.size() - 1) + ",\n \"models\":" + list(report.records) +
         ",\n \"estimates\":" + to_json(report.found).dump() + ",\n \"checks\":" + checks_json(verdicts) +
         "}\n";
}

}  // namespace

std::string checks_json(const std::vector<Verdict>& verdicts) {
  std::vector<Json> checks;
  checks.reserve(verdicts.size());
  for (const Verdict& v : verdicts)
    checks.push_back({{"name", v.expectation.name},
                      {"found", v.found.value_or(NAN)},
                      {"low", v.expectation.low},
                      {"high", v.expectation.high},
                      {"holds", v.holds()}});
  return list(checks);
}

bool publish(const Report& report, const Options& options) {
  const std::vector<Verdict> verdicts = compare_with_expected(options.expected, values_of(report.found));
  const Table checks = verdict_table(verdicts);
  std::string page = "# " + report.title + "\n\n";
  for (const Section& section : report.sections) {
    page += section.text + "\n\n" + section.table.markdown() + "\n";
    if (&section == &report.sections.front()) page += "![figure](figure.svg)\n\n";
    std::cout << section.table.text() << "\n";
  }
  make_folders(options.folder);
  write_file(options.folder + "/results.json", results_json(report, verdicts, options));
  write_file(options.folder + "/curves.csv", report.curves.csv());
  write_file(options.folder + "/README.md", page + checks.markdown());
  write_file(options.folder + "/figure.svg", draw(report.figure).document(report.figure.title));
  std::cout << checks.text() << "\nresults in " << options.folder << "\n";
  return std::ranges::all_of(verdicts, [](const Verdict& v) { return v.holds(); });
}

}  // namespace slalom::experiment
