#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>

#include "corpora.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/base/json.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/report/table.hpp"

namespace {

using namespace slalom;
using namespace slalom::corpora;

constexpr const char* kKnown = "experiments/corpora/known.tsv";

struct Summary {
  Table table;
  std::vector<std::string> files, missing;  // JSON
  bool broken = false;
};

std::string show(const std::optional<Index>& count) {
  return count ? std::to_string(*count) : "-";
}

void add_row(const Known& known, const std::string& name, const Contents& contents,
             const std::string& verdict, const Writer::Written& written, Summary& summary) {
  summary.table.add_row({name, known.form, show(contents.rows), show(contents.negative),
                         show(contents.positive), contents.sha256, verdict, written.name,
                         std::to_string(written.dropped)});
  JsonRow row;
  row.field("file", name)
      .field("form", known.form)
      .field("verdict", verdict)
      .field("sha256", contents.sha256);
  if (contents.rows) row.field("rows", *contents.rows);
  if (contents.negative) row.field("negative", *contents.negative).field("positive", *contents.positive);
  summary.files.push_back(row.field("written", written.name).field("dropped", written.dropped).str());
}

/// Checks a file, and writes it in the form that studies read; a broken one is told of.
void examine(const Known& known, const std::string& folder, const std::string& name, Writer& writer,
             Summary& summary) {
  check_interrupt();
  const std::string path = folder + "/" + name;
  try {
    Contents contents = read_contents(known, path);
    Contents counts{.rows = contents.rows,
                    .negative = contents.negative,
                    .positive = contents.positive,
                    .sha256 = contents.sha256};
    const Writer::Written written = writer.add(known, path, name, std::move(contents));
    add_row(known, name, counts, verdict(known, counts), written, summary);
  } catch (const Error& error) {
    if (error.status() == ExitStatus::interrupted) throw;
    say_error(error);
    summary.broken = true;
    add_row(known, name, {}, "broken", {}, summary);
  }
}

/// What nothing in the folder gives, and where it is to be had.
Table missing_table(const std::vector<Known>& all, std::set<std::string> given, Summary& summary) {
  Table table({{"missing"}, {"where to get it"}});
  for (const Known& known : all) {
    if (!given.insert(known.gives).second) continue;
    table.add_row({known.gives, known.source});
    summary.missing.push_back(JsonRow().field("file", known.gives).field("source", known.source).str());
  }
  return table;
}

int run(int argc, char** argv) {
  const Command cli{
      .name = "corpora",
      .summary = "Checks public data sets, and prepares them for the studies (data/README.md)",
      .options = {{"data", "DIR", "",
                   "folder of what was fetched; without one, what there is to fetch is listed"}},
      .program = ""};
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  const CommonOptions common = read_common(*parsed);
  const std::string folder = (*parsed)["data"].as<std::string>(),
                    output = common.output == "-" ? "out/data" : common.output;
  if (!folder.empty() && !std::filesystem::is_directory(folder))
    throw Error(folder + ": found no such folder");
  std::error_code ignored;
  if (!folder.empty() && std::filesystem::equivalent(folder, output, ignored))
    throw UsageError("--output " + output + ", wanted another folder than --data");

  constexpr auto kRight = Table::Align::right;
  Summary summary{Table({{"file"},
                         {"form"},
                         {"rows", kRight},
                         {"negative", kRight},
                         {"positive", kRight},
                         {"sha256"},
                         {"verdict"},
                         {"written"},
                         {"dropped", kRight}}),
                  {},
                  {}};
  const std::vector<Known> all = read_known(kKnown);
  std::set<std::string> given;
  Writer writer(output, common.seed);
  for (const Known& known : all) {
    const auto name = std::ranges::find_if(known.files, [&](const std::string& file) {
      return !folder.empty() && std::filesystem::exists(concat(folder, "/", file));
    });
    if (name == known.files.end()) continue;
    given.insert(known.gives);
    examine(known, folder, *name, writer, summary);
  }
  writer.finish();
  const Table missing = missing_table(all, given, summary);
  if (!summary.files.empty()) std::cout << summary.table.text() << "\n";
  if (!summary.missing.empty()) std::cout << missing.text();
  if (folder.empty()) return 0;
  make_folders(output);
  write_file(output + "/corpora.json", JsonRow()
                                               .field("seed", common.seed)
                                               .raw_array("files", summary.files)
                                               .raw_array("missing", summary.missing)
                                               .str() +
                                           "\n");
  return static_cast<int>(summary.broken ? ExitStatus::bad_input : ExitStatus::done);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
