// The paper's claims against what the studies found.
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>

#include "../support/experiment.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;

// --- claims and results ----------------------------------------------------------------------------------

struct Claim {
  std::string claim, published;
  std::string results;               // folder of the study's results.json, below the program's --input
  std::vector<std::string> numbers;  // names of its estimates; "*" stands for any characters but a dot
  bool above;                        // all of them are claimed to be above `bound`, else below it
  double bound;

  std::string wanted() const { return concat(above ? "> " : "< ", shortest(bound)); }
};

constexpr std::string_view kHeader = "claim\tpublished\tresults\tnumbers\twanted";

std::vector<std::string> trimmed_parts(std::string_view line, char separator) {
  std::vector<std::string> parts = split(line, separator);
  for (std::string& part : parts) {
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
  }
  return parts;
}

Claim parse_claim(const std::string& line, const std::string& where) {
  const std::vector<std::string> fields = trimmed_parts(line, '\t'), names = split(kHeader, '\t');
  if (fields.size() != names.size())
    throw Error(concat(where, ": ", fields.size(), " fields, wanted ", names.size(), ": ", listed(names)));
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (fields[i].empty()) throw Error(concat(where, ": ", names[i], " is empty"));
  const std::string& wanted = fields[4];
  Claim claim{fields[0], fields[1], fields[2], trimmed_parts(fields[3], ','), wanted[0] == '>', 0};
  if (std::ranges::count(claim.numbers, ""))
    throw Error(concat(where, ": numbers is \"", fields[3], "\", wanted names with a comma between them"));
  const auto bound = parse_number<double>(trimmed_parts(wanted.substr(1), '\t').front());
  if ((wanted[0] != '>' && wanted[0] != '<') || !bound)
    throw Error(concat(where, ": wanted is \"", wanted, "\", wanted \"> NUMBER\" or \"< NUMBER\""));
  claim.bound = *bound;
  return claim;
}

// Lines "claim<TAB>published<TAB>results<TAB>numbers<TAB>wanted" below such a header, numbers with commas,
// wanted as "> NUMBER" or "< NUMBER"; empty lines and lines that begin with # are skipped.
std::vector<Claim> read_claims(const std::string& path) {
  LineReader lines(path);
  std::vector<Claim> claims;
  bool header_seen = false;
  for (std::string line; lines.next(line);) {
    if (line.empty() || line[0] == '#') continue;
    if (header_seen)
      claims.push_back(parse_claim(line, lines.where()));
    else if (line != kHeader)
      throw Error(concat(lines.where(), ": header is \"", line, "\", wanted ", listed(split(kHeader, '\t')),
                         " between tabs"));
    header_seen = true;
  }
  if (claims.empty()) throw Error(path + ": no claims, wanted a header and at least one line");
  return claims;
}

struct Results {
  std::string made_with;  // "tiny, seed 0"
  Estimates estimates;
  std::size_t controls = 0;         // numbers that expected.tsv asks for
  std::vector<std::string> failed;  // those that are not as it asks
};
using Studies = std::map<std::string, Results>;  // by their folders below --input

Results read_results(const std::string& path) {
  const Json json = parse_json(read_file(path), path);
  Results results{.made_with = require_string(json, "size", path)};
  if (json.contains("seed"))
    results.made_with += concat(", seed ", require_integer(json, "seed", path, 0, Index{1} << 53));
  results.estimates = estimates_from(require_object(json, "estimates", path), path);
  for (const Json& check : require_array(json, "checks", path)) {
    ++results.controls;
    if (!require_boolean(check, "holds", path)) results.failed.push_back(require_string(check, "name", path));
  }
  return results;
}

Studies read_studies(const std::string& input) {
  Studies studies;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(input)) {
    const std::filesystem::path folder = entry.path().parent_path();
    if (entry.path().filename() == "results.json" && folder.filename() != "reproduce")
      studies.emplace(std::filesystem::relative(folder, input).string(), read_results(entry.path().string()));
  }
  return studies;
}

// --- verdicts --------------------------------------------------------------------------------------------

struct Finding {
  std::string label;
  Estimate estimate;
  Judgement judgement;
};
struct Outcome {
  Claim claim;
  std::string made_with;  // size and seed of the results
  std::vector<Finding> found;
  std::vector<std::string> missing;  // why it is not measured, empty if it is
  Judgement judgement;
};

// A star of the pattern stands for any characters but a dot, also for none.
bool matches(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  for (std::size_t length = 0; length <= name.size(); ++length) {
    if (matches(pattern.substr(star + 1), name.substr(length))) return true;
    if (length < name.size() && name[length] == '.') break;
  }
  return false;
}

// The parts of a name that the claim does not say in so many words.
std::string label_of(const std::string& name, const std::vector<std::string>& patterns) {
  const std::vector<std::string> parts = split(name, '.');
  std::string label;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (std::ranges::any_of(patterns, [&](const std::string& p) {
          const std::vector<std::string> said = split(p, '.');
          return i >= said.size() || said[i] != parts[i];
        }))
      label += (label.empty() ? "" : " ") + parts[i];
  return label.empty() ? name : label;
}

// A claim fails if one of its numbers does, and holds if all do; else it is not measured if a number is
// missing, and undecided otherwise.
Outcome judged(const Claim& claim, const Studies& studies, const std::string& input) {
  Outcome outcome{.claim = claim, .judgement = Judgement::not_measured};
  const auto results = studies.find(claim.results);
  if (results == studies.end()) {
    outcome.missing = {concat("no ", input, "/", claim.results, "/results.json")};
    return outcome;
  }
  outcome.made_with = results->second.made_with;
  for (const std::string& pattern : claim.numbers) {
    const std::size_t before = outcome.found.size();
    for (const auto& [name, estimate] : results->second.estimates) {
      if (!matches(pattern, name)) continue;
      outcome.found.push_back(
          {label_of(name, claim.numbers), estimate, judge(estimate, claim.above, claim.bound)});
      if (std::isnan(estimate.value)) outcome.missing.push_back("no number for " + name);
    }
    if (outcome.found.size() == before) outcome.missing.push_back("no number " + pattern);
  }
  const auto any = [&](Judgement j) { return std::ranges::count(outcome.found, j, &Finding::judgement) > 0; };
  outcome.judgement = any(Judgement::fails)       ? Judgement::fails
                      : !outcome.missing.empty()  ? Judgement::not_measured
                      : any(Judgement::undecided) ? Judgement::undecided
                                                  : Judgement::holds;
  return outcome;
}

// --- report ----------------------------------------------------------------------------------------------

std::string number_text(const Estimate& e) {
  if (std::isnan(e.value)) return "–";
  const std::string value = significant(e.value, 3);
  if (e.low == e.high) return value;
  if (std::isnan(e.low)) return value + " [unknown]";
  return concat(value, " [", significant(e.low, 3), ", ", significant(e.high, 3), "]");
}

// "distilbert 3.93, bert 1.2 fails": numbers that do not hold say so.
std::string found(const Outcome& outcome) {
  return outcome.found.empty() ? "–" : listed(outcome.found, [](const Finding& f) {
    return concat(f.label, " ", number_text(f.estimate), f.judgement == Judgement::holds ? "" : " ",
                  f.judgement == Judgement::holds ? "" : word(f.judgement));
  });
}

std::string verdict_text(const Outcome& outcome) {
  return concat(word(outcome.judgement), outcome.missing.empty() ? "" : ": ", listed(outcome.missing));
}

Table claims_table(const std::vector<Outcome>& outcomes, const std::string& input) {
  Table table({{"claim"}, {"published"}, {"found"}, {"claimed"}, {"verdict"}, {"size"}, {"where to look"}});
  for (const Outcome& o : outcomes)
    table.add_row({o.claim.claim, o.claim.published, found(o), o.claim.wanted(), verdict_text(o), o.made_with,
                   concat(input, "/", o.claim.results, "/README.md")});
  return table;
}

// The table for a terminal: long cells go on in further rows, an empty one ends a claim.
Table narrow(const Table& table) {
  constexpr std::array<Index, 7> kWidths = {36, 28, 34, 8, 14, 10, 24};
  Table out(table.columns());
  for (const std::vector<std::string>& cells : table.rows()) {
    std::vector<std::vector<std::string>> lines;
    for (std::size_t i = 0; i < cells.size(); ++i) lines.push_back(wrapped(cells[i], kWidths[i]));
    const std::size_t height = std::ranges::max(lines, {}, &std::vector<std::string>::size).size();
    for (std::size_t row = 0; row <= height; ++row) {
      std::vector<std::string> part(lines.size());
      for (std::size_t i = 0; i < lines.size(); ++i)
        if (row < lines[i].size()) part[i] = lines[i][row];
      out.add_row(std::move(part));
    }
  }
  return out;
}

constexpr Judgement kJudgements[] = {Judgement::holds, Judgement::fails, Judgement::undecided,
                                     Judgement::not_measured};

Index count(const std::vector<Outcome>& outcomes, Judgement judgement) {
  return std::ranges::count(outcomes, judgement, &Outcome::judgement);
}

std::string summary(const std::vector<Outcome>& outcomes, const Studies& studies) {
  std::string line = concat(outcomes.size(), " claims: ", listed(kJudgements, [&](Judgement j) {
                              return concat(word(j), " ", count(outcomes, j));
                            }));
  std::size_t controls = 0;
  std::vector<std::string> failed;
  for (const auto& [study, results] : studies) {
    controls += results.controls;
    for (const std::string& name : results.failed) failed.push_back(concat(study, ": ", name));
  }
  line += concat("; ", controls - failed.size(), " of ", controls, " controls hold");
  return failed.empty() ? line : concat(line, ", not ", listed(failed));
}

Json claim_json(const Outcome& o) {
  Json numbers = Json::array();
  for (const Finding& f : o.found)
    numbers.push_back({{"label", f.label},
                       {"value", f.estimate.value},
                       {"low", f.estimate.low},
                       {"high", f.estimate.high},
                       {"verdict", word(f.judgement)}});
  return {{"claim", o.claim.claim},      {"published", o.claim.published},
          {"claimed", o.claim.wanted()}, {"verdict", word(o.judgement)},
          {"missing", o.missing},        {"results", o.claim.results},
          {"made_with", o.made_with},    {"numbers", numbers}};
}

Json results_json(const std::vector<Outcome>& outcomes, const std::string& input) {
  Json json = {{"version", SLALOM_VERSION}, {"input", input}, {"claims", Json::array()}};
  for (const Judgement j : kJudgements) json["counts"][word(j)] = count(outcomes, j);
  for (const Outcome& outcome : outcomes) json["claims"].push_back(claim_json(outcome));
  return json;
}

constexpr const char* kLead =
    "Each claim beside the published number or statement and what the studies found here, with the 95 % "
    "interval of what it estimates. A claim holds if all of every interval is where it is claimed to be, "
    "fails if none of one is, and is undecided otherwise, which counts as neither. A number without an "
    "interval speaks of the one model that was trained. Controls are what must come out if the measurement "
    "works (each study's expected.tsv).";

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  const std::string input = common.input == "-" ? "out" : common.input,
                    output = common.output == "-" ? "out/reproduce" : common.output;
  if (!std::filesystem::is_directory(input))
    throw Error(input + ": found no such folder, wanted that of the studies' results");
  const std::vector<Claim> claims = read_claims(parsed["claims"].word);
  const Studies studies = read_studies(input);
  std::vector<Outcome> outcomes;
  for (const Claim& claim : claims) outcomes.push_back(judged(claim, studies, input));

  const Table table = claims_table(outcomes, input);
  const std::string line = summary(outcomes, studies);
  make_folders(output);
  write_file(output + "/README.md",
             concat("# The paper's claims\n\n", kLead, "\n\n", table.markdown(), "\n", line, ".\n"));
  write_file(output + "/results.json", results_json(outcomes, input).dump(1) + "\n");
  std::cout << narrow(table).text() << line << "\nresults in " << output << "\n";
  const bool all_hold = count(outcomes, Judgement::fails) == 0 &&
                        std::ranges::all_of(studies, [](const auto& s) { return s.second.failed.empty(); });
  return static_cast<int>(all_hold ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(argc, argv,
                     {.name = "reproduce",
                      .summary = "The paper's claims against the results of all studies, in one table",
                      .options = {{"claims", "TSV", "experiments/reproduce/claims.tsv",
                                   "what is claimed, and which numbers say so"}},
                      .run = run,
                      .program = ""});
}
