#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>

#include "reproduce.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom::reproduce {

namespace {

std::string wanted(const Claim& claim) {
  return concat(claim.above ? "> " : "< ", shortest(claim.bound));
}

std::string number_text(const experiment::Estimate& e) {
  if (std::isnan(e.value)) return "–";
  const std::string value = significant(e.value, 3);
  if (e.low == e.high) return value;
  if (std::isnan(e.low)) return value + " [unknown]";
  return concat(value, " [", significant(e.low, 3), ", ", significant(e.high, 3), "]");
}

// "distilbert 3.93, bert 1.2 fails": numbers that do not hold say so.
std::string found(const Outcome& outcome) {
  return outcome.found.empty() ? "–" : listed(outcome.found, [](const Finding& f) {
    return concat(f.label, " ", number_text(f.estimate), f.verdict == Verdict::holds ? "" : " ",
                  f.verdict == Verdict::holds ? "" : word(f.verdict));
  });
}

std::string verdict_text(const Outcome& outcome) {
  return concat(word(outcome.verdict), outcome.missing.empty() ? "" : ": ", listed(outcome.missing));
}

Table claims_table(const std::vector<Outcome>& outcomes, const std::string& input) {
  Table table({{"claim"}, {"published"}, {"found"}, {"claimed"}, {"verdict"}, {"size"}, {"where to look"}});
  for (const Outcome& o : outcomes)
    table.add_row({o.claim.claim, o.claim.published, found(o), wanted(o.claim), verdict_text(o), o.made_with,
                   concat(input, "/", o.claim.results, "/README.md")});
  return table;
}

std::vector<std::string> wrapped(const std::string& cell, Index width) {
  std::vector<std::string> lines(1);
  std::string word;
  const auto end_word = [&] {
    std::string& line = lines.back();
    if (line.empty())
      line = word;
    else if (terminal_columns(line) + 1 + terminal_columns(word) <= width)
      line += " " + word;
    else
      lines.push_back(word);
    word.clear();
  };
  for (const char c : cell) {
    if (c == ' ')
      end_word();
    else
      word += c;
  }
  end_word();
  return lines;
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

Index count(const std::vector<Outcome>& outcomes, Verdict verdict) {
  return std::ranges::count(outcomes, verdict, &Outcome::verdict);
}

constexpr Verdict kVerdicts[] = {Verdict::holds, Verdict::fails, Verdict::undecided, Verdict::not_measured};

std::string summary(const std::vector<Outcome>& outcomes, const std::map<std::string, Results>& studies) {
  std::string line = concat(outcomes.size(), " claims: ", listed(kVerdicts, [&](Verdict v) {
                              return concat(word(v), " ", count(outcomes, v));
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
                       {"verdict", word(f.verdict)}});
  return {{"claim", o.claim.claim},     {"published", o.claim.published},
          {"claimed", wanted(o.claim)}, {"verdict", word(o.verdict)},
          {"missing", o.missing},       {"results", o.claim.results},
          {"made_with", o.made_with},   {"numbers", numbers}};
}

Json results_json(const std::vector<Outcome>& outcomes, const std::string& input) {
  Json json = {{"version", SLALOM_VERSION}, {"input", input}, {"claims", Json::array()}};
  for (const Verdict v : kVerdicts) json["counts"][word(v)] = count(outcomes, v);
  for (const Outcome& outcome : outcomes) json["claims"].push_back(claim_json(outcome));
  return json;
}

constexpr const char* kLead =
    "Each claim beside the published number or statement and what the studies found here, with the 95 % "
    "interval "
    "of what it estimates. A claim holds if all of every interval is where it is claimed to be, fails if "
    "none "
    "of one is, and is undecided otherwise, which counts as neither. A number without an interval speaks of "
    "the one model that was trained. Controls are what must come out if the measurement works (each study's "
    "expected.tsv).";

}  // namespace

bool report(const std::vector<Outcome>& outcomes, const std::map<std::string, Results>& studies,
            const std::string& input, const std::string& folder) {
  const Table table = claims_table(outcomes, input);
  const std::string line = summary(outcomes, studies);
  make_folders(folder);
  write_file(folder + "/README.md",
             concat("# The paper's claims\n\n", kLead, "\n\n", table.markdown(), "\n", line, ".\n"));
  write_file(folder + "/results.json", results_json(outcomes, input).dump(1) + "\n");
  std::cout << narrow(table).text() << line << "\nresults in " << folder << "\n";
  return count(outcomes, Verdict::fails) == 0 &&
         std::ranges::all_of(studies, [](const auto& study) { return study.second.failed.empty(); });
}

}  // namespace slalom::reproduce
