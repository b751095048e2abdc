// The paper's claims against what the studies found.
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>

#include "../support/experiment.hpp"
#include "claims.hpp"
#include "pages.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;
using namespace slalom::reproduce;

// --- results ---------------------------------------------------------------------------------------------

struct Results {
  std::string made_with;  // "tiny, seed 0"
  double hours = 0;       // of one machine, that the records tell of
  Estimates estimates;
  std::size_t controls = 0;         // numbers that expected.tsv asks for
  std::vector<std::string> failed;  // those that are not as it asks
};
constexpr double kLevel = 0.05;  // of the family of claims

using Studies = std::map<std::string, Results>;  // by their folders below --input

// All seconds in the records; of means over n texts, their sum.
double seconds_in(const Json& json) {
  double sum = 0;
  if (json.is_object() && json.value("metric", "") == "seconds")
    return json["mean"].get<double>() * json["n"].get<double>();
  for (const auto& [name, value] : json.items())
    if (value.is_structured())
      sum += seconds_in(value);
    else if (name == "seconds" && value.is_number())
      sum += value.get<double>();
  return sum;
}

Results read_results(const std::string& path) {
  const Json json = parse_json(read_file(path), path);
  Results results{.made_with = require_string(json, "size", path), .hours = seconds_in(json) / 3600};
  if (json.contains("seed"))
    results.made_with += concat(", seed ", require_integer(json, "seed", path, 0, Index{1} << 53));
  results.estimates = estimates_from(require_object(json, "estimates", path), path);
  for (const Json& check : require_array(json, "checks", path)) {
    ++results.controls;
    if (!require_boolean(check, "holds", path)) results.failed.push_back(require_string(check, "name", path));
  }
  return results;
}

// Not those of pages that were made of others.
Studies read_studies(const std::string& input) {
  Studies studies;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(input)) {
    const std::filesystem::path folder = std::filesystem::relative(entry.path().parent_path(), input);
    const std::string top = folder.begin()->string();
    if (entry.path().filename() == "results.json" && top != "." && top != "reproduce" && top != "study")
      studies.emplace(folder.string(), read_results(entry.path().string()));
  }
  return studies;
}

// --- verdicts --------------------------------------------------------------------------------------------

struct Finding {
  std::string label;
  Estimate estimate;
  bool as_claimed;
  double p;  // of the bound; NaN without an interval
};
struct Outcome {
  Claim claim;
  std::string made_with;  // size and seed of the results
  std::vector<Finding> found;
  std::vector<std::string> missing;  // why it is not measured, empty if it is
  Judgement judgement;
  double p = NAN;  // adjusted for the family

  bool as_claimed() const { return std::ranges::all_of(found, &Finding::as_claimed); }
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

Outcome measured(const Claim& claim, const Studies& studies) {
  Outcome outcome{.claim = claim, .judgement = Judgement::not_measured};
  const auto results = studies.find(claim.results);
  if (results == studies.end()) {
    outcome.missing = {"no results of " + claim.results};
    return outcome;
  }
  outcome.made_with = results->second.made_with;
  for (const std::string& pattern : claim.numbers) {
    const std::size_t before = outcome.found.size();
    for (const auto& [name, e] : results->second.estimates) {
      if (!matches(pattern, name)) continue;
      outcome.found.push_back({label_of(name, claim.numbers), e,
                               claim.above ? e.value > claim.bound : e.value < claim.bound,
                               e.p_value(claim.bound)});
      if (std::isnan(e.value)) outcome.missing.push_back("no number for " + name);
    }
    if (outcome.found.size() == before) outcome.missing.push_back("no number " + pattern);
  }
  return outcome;
}

// A claim is about all of its numbers. If these are as claimed, its p-value is the largest of theirs (an
// intersection-union test); if some are not, the smallest of those, times the number of all (Bonferroni). NaN
// if a number has no interval.
double p_value(const Outcome& outcome) {
  double largest = 0, smallest_against = 1;
  for (const Finding& f : outcome.found) {
    if (std::isnan(f.p)) return NAN;
    largest = std::max(largest, f.p);
    if (!f.as_claimed) smallest_against = std::min(smallest_against, f.p);
  }
  return outcome.as_claimed() ? largest
                              : std::min(1.0, smallest_against * static_cast<double>(outcome.found.size()));
}

// Holm's step-down over all claims that were measured with intervals: together they are wrong, in either
// direction, with a probability of at most 5 %.
void judge(std::vector<Outcome>& outcomes) {
  std::vector<Outcome*> family;
  for (Outcome& outcome : outcomes) {
    if (!outcome.missing.empty()) continue;
    outcome.judgement = Judgement::undecided;
    if (outcome.p = p_value(outcome); !std::isnan(outcome.p)) family.push_back(&outcome);
  }
  std::ranges::stable_sort(family, {}, &Outcome::p);
  double adjusted = 0;
  for (std::size_t i = 0; i < family.size(); ++i) {
    Outcome& outcome = *family[i];
    adjusted = std::max(adjusted, std::min(1.0, outcome.p * static_cast<double>(family.size() - i)));
    outcome.p = adjusted;
    if (adjusted <= kLevel) outcome.judgement = outcome.as_claimed() ? Judgement::holds : Judgement::fails;
  }
}

std::string number_text(const Estimate& e) {
  if (std::isnan(e.value)) return "–";
  const std::string value = significant(e.value, 3);
  if (e.low == e.high) return value;
  if (std::isnan(e.low)) return value + " [unknown]";
  return concat(value, " [", significant(e.low, 3), ", ", significant(e.high, 3), "]");
}

// --- another run -----------------------------------------------------------------------------------------

// Numbers that are not in the intervals of the committed results.
std::vector<std::string> outside(const Studies& studies, const Studies& committed) {
  std::vector<std::string> lines;
  for (const auto& [study, results] : studies) {
    const auto known = committed.find(study);
    if (known == committed.end()) continue;
    for (const auto& [name, e] : results.estimates) {
      const auto was = known->second.estimates.find(name);
      if (was == known->second.estimates.end() || !was->second.has_interval()) continue;
      if (e.value < was->second.low || e.value > was->second.high)
        lines.push_back(
            concat(study, ": ", name, " is ", number_text(e), ", committed ", number_text(was->second)));
    }
  }
  return lines;
}

// --- report ----------------------------------------------------------------------------------------------

std::string found(const Outcome& outcome) {
  return outcome.found.empty() ? "–" : listed(outcome.found, [](const Finding& f) {
    return concat(f.label, " ", number_text(f.estimate), f.as_claimed ? "" : " (not so)");
  });
}

std::string verdict_text(const Outcome& o) {
  if (!o.missing.empty()) return concat(word(o.judgement), ": ", listed(o.missing));
  return concat(o.judgement == Judgement::undecided ? "" : "**", word(o.judgement),
                o.judgement == Judgement::undecided ? "" : "**",
                std::isnan(o.p) ? ", a number has no interval"
                : o.p < 1e-5    ? ", p < 1e-05"
                                : concat(", p ", significant(o.p, 2)));
}

Table claims_table(const std::vector<Outcome>& outcomes) {
  Table table({{"claim"}, {"published"}, {"found"}, {"claimed"}, {"verdict"}});
  for (const Outcome& o : outcomes)
    table.add_row({o.claim.claim, o.claim.published, found(o), o.claim.wanted(), verdict_text(o)});
  return table;
}

Table cost_table(const Studies& studies) {
  Table table({{"study"}, {"size"}, {"machine-hours", Table::Align::right}});
  for (const auto& [study, results] : studies)
    table.add_row({study, results.made_with, results.hours < 0.005 ? "-" : fixed(results.hours, 2)});
  return table;
}

// The table for a terminal: long cells go on in further rows, an empty one ends a claim.
Table narrow(const Table& table) {
  constexpr std::array<Index, 5> kWidths = {40, 30, 40, 8, 20};
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
                       {"as_claimed", f.as_claimed},
                       {"p", f.p}});
  return {{"claim", o.claim.claim},
          {"published", o.claim.published},
          {"claimed", o.claim.wanted()},
          {"verdict", word(o.judgement)},
          {"p", o.p},
          {"missing", o.missing},
          {"results", o.claim.results},
          {"made_with", o.made_with},
          {"numbers", numbers}};
}

Json results_json(const std::vector<Outcome>& outcomes, const std::string& input) {
  Json json = {{"version", SLALOM_VERSION}, {"input", input}, {"claims", Json::array()}};
  for (const Judgement j : kJudgements) json["counts"][word(j)] = count(outcomes, j);
  for (const Outcome& outcome : outcomes) json["claims"].push_back(claim_json(outcome));
  return json;
}

// --- pages -----------------------------------------------------------------------------------------------

KnownNumber number_in(const Studies& studies) {
  return [&](const std::string& study, const std::string& name) -> std::optional<double> {
    const auto results = studies.find(study);
    if (results == studies.end() || !results->second.estimates.contains(name)) return std::nullopt;
    return results->second.estimates.at(name).value;
  };
}

constexpr std::ptrdiff_t kLongestPart = 300;  // lines of a study on the page itself

constexpr const char* kLead =
    "Each claim beside the published number or statement and what was found here, with the 95 % "
    "interval of what it estimates. A claim names every model and rival, and is about all of them. "
    "It holds if all of its numbers are as claimed and fails if one is not, where that is "
    "significant; else it is undecided, which is no evidence for either. p is adjusted for the "
    "number of claims (Holm): together the verdicts are wrong with a probability of at most 5 %. The "
    "intervals are not adjusted: all of a claim can be on its side while it is undecided. Where a "
    "row is of one trained model, interval and p speak of its texts or words, and not of other "
    "trainings. \"Not so\" marks a number that is not as claimed. Intervals of texts are of a "
    "hierarchical bootstrap over models and texts, those of models Student's t over seeds, of "
    "correlations over words Fisher's; p-values extend the interval's half towards the bound by that "
    "distribution. Controls are what must come out if the measurement works (each study's "
    "expected.tsv).";

// What stands before the studies; pages.md beside the claims has its prose.
std::string page_of(const std::vector<Outcome>& outcomes, const Studies& studies, const std::string& prose,
                    const std::string& where) {
  return concat(
      "# The study\n\n", filled(prose, number_in(studies), where), "\n## Claims\n\n", kLead, "\n\n",
      claims_table(outcomes).markdown(), "\n", summary(outcomes, studies),
      ".\n\n## What it cost\n\nTraining, fits and explanations, as the records have them; other work "
      "went on beside these on the same machines. Of surrogates, Shapley values and the case study only fits "
      "are timed: a model's surrogates take about a minute in all, the other two studies take minutes.\n\n",
      cost_table(studies).markdown());
}

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  const std::string input = common.input == "-" ? "out" : common.input,
                    output = common.output == "-" ? "out/reproduce" : common.output,
                    file = parsed["claims"].word, prose = parsed["prose"].word;
  if (!std::filesystem::is_directory(input))
    throw Error(input + ": found no such folder, wanted that of the studies' results");
  const std::vector<Claim> claims = read_claims(file);
  const Studies studies = read_studies(input);
  std::vector<Outcome> outcomes;
  for (const Claim& claim : claims) outcomes.push_back(measured(claim, studies));
  judge(outcomes);

  const std::string line = summary(outcomes, studies);
  make_folders(output + "/results");
  std::string page = page_of(outcomes, studies, prose.empty() ? "" : read_file(prose), prose);
  std::string html = page;
  for (const auto& [study, results] : studies) {
    if (!std::filesystem::exists(concat(input, "/", study, "/README.md"))) continue;
    const std::string part = part_of_page(study, input, output);
    html += "\n" + part;
    if (std::ranges::count(part, '\n') <= kLongestPart) {
      page += "\n" + part;
      continue;
    }
    const std::string apart = concat("results_", study, ".md");
    write_file(concat(output, "/", apart), part.substr(1));
    page += concat("\n## ", study, "\n\nOn a page of its own: [", apart, "](", apart, ").\n");
  }
  write_file(output + "/results.md", page);
  write_file(output + "/index.html", html_page(html, output));
  write_file(output + "/results.json", results_json(outcomes, input).dump(1) + "\n");
  if (const std::string readme = parsed["readme"].word; !readme.empty())
    write_file(output + "/readme.md",
               concat(filled(read_file(readme), number_in(studies), readme), "\n", line, ".\n"));
  if (const std::string committed = parsed["committed"].word; !committed.empty())
    for (const std::string& difference : outside(studies, read_studies(committed)))
      std::cout << "outside of the committed interval: " << difference << "\n";
  std::cout << narrow(claims_table(outcomes)).text() << line << "\nresults in " << output << "\n";
  const bool all_hold = count(outcomes, Judgement::fails) == 0 &&
                        std::ranges::all_of(studies, [](const auto& s) { return s.second.failed.empty(); });
  return static_cast<int>(all_hold ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(
      argc, argv,
      {.name = "reproduce",
       .summary = "The paper's claims against the results of all studies, in one table",
       .options = {{"claims", "TSV", "experiments/reproduce/claims.tsv",
                    "what is claimed, and which numbers say so"},
                   {"prose", "MD", "", "what the page says first; {STUDY:NUMBER} is that number"},
                   {"readme", "MD", "", "the same for OUTPUT/readme.md"},
                   {"committed", "DIR", "",
                    "other results, of `make tables`: numbers outside of their intervals are named"}},
       .run = run,
       .program = ""});
}
