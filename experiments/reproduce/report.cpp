#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>

#include "reproduce.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/characters.hpp"

namespace slalom::reproduce {

namespace {

std::string number_text(const Check& check, int digits) {
  if (std::isnan(check.found)) return "–";
  if (!is_answer(check.name)) return significant(check.found, digits);
  return check.found == 1 ? "yes" : check.found == 0 ? "no" : "not settled";
}

std::string band_text(const Check& check) {
  const auto [name, found, low, high, holds] = check;
  if (is_answer(name)) return low > 0.5 ? "yes" : low > 0 ? "yes or not settled" : "any";
  if (std::isinf(low) && std::isinf(high)) return "any";
  if (std::isinf(high)) return "≥ " + shortest(low);
  if (std::isinf(low)) return "≤ " + shortest(high);
  return text(shortest(low), " to ", shortest(high));
}

// "distilbert 3.93, bert 3.73 (3 to 22.5)": a band after all checks in a row that share it.
std::string ours(const Outcome& outcome) {
  std::string cell, band;
  for (const Shown& shown : outcome.claim.show)
    for (const Check& check : outcome.checks) {
      const std::optional<std::string> stars = matched(shown.check, check.name);
      if (!stars) continue;
      std::string label = shown.label;
      if (const std::size_t star = label.find('*'); star != std::string::npos) label.replace(star, 1, *stars);
      const std::string next = band_text(check);
      if (!cell.empty()) cell += next == band ? ", " : text(" (", band, "), ");
      cell += text(label, " ", number_text(check, 3));
      band = next;
    }
  return cell.empty() ? "–" : text(cell, " (", band, ")");
}

std::string failures(const Outcome& outcome) {
  std::string list;
  for (const Check& check : outcome.checks)
    if (!check.holds && !std::isnan(check.found))
      list += text(list.empty() ? "" : "; ", check.name, " is ", number_text(check, kDoubleDigits), " (",
                   band_text(check), ")");
  return list;
}

std::string verdict_text(const Outcome& outcome) {
  std::string reasons = failures(outcome);
  if (!outcome.missing.empty()) reasons += (reasons.empty() ? "" : "; ") + listed(outcome.missing);
  return word(outcome.verdict) + (reasons.empty() ? "" : ": " + reasons);
}

std::string made_with(const Outcome& outcome) {
  if (!outcome.results) return "–";
  const auto& [size, seed, checks] = *outcome.results;
  return text(size, seed.empty() ? "" : ", seed ", seed);
}

std::string page_of(const Outcome& outcome, const std::string& input) {
  return text(input, "/", outcome.claim.results, "/README.md");
}

Table claims_table(const std::vector<Outcome>& outcomes, const std::string& input) {
  Table table({{"claim"}, {"published"}, {"ours (wanted)"}, {"holds"}, {"size"}, {"where to look"}});
  for (const Outcome& o : outcomes)
    table.add_row(
        {o.claim.claim, o.claim.published, ours(o), verdict_text(o), made_with(o), page_of(o, input)});
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
  constexpr std::array<Index, 6> kWidths = {36, 28, 34, 30, 10, 24};
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

std::string summary(const std::vector<Outcome>& outcomes) {
  std::string line = text(outcomes.size(), " claims:");
  const char* before = " ";
  for (const Verdict v : {Verdict::holds, Verdict::does_not_hold, Verdict::not_measured}) {
    line += text(before, word(v), " ", count(outcomes, v));
    before = ", ";
  }
  return line;
}

std::string checks_json(const Outcome& outcome) {
  std::string list;
  for (const Check& c : outcome.checks)
    list += (list.empty() ? "" : ",") + JsonRow()
                                            .field("name", c.name)
                                            .field("found", c.found)
                                            .field("low", c.low)
                                            .field("high", c.high)
                                            .field("holds", c.holds)
                                            .str();
  return "[" + list + "]";
}

std::string claim_json(const Outcome& outcome) {
  JsonRow row;
  row.field("claim", outcome.claim.claim)
      .field("published", outcome.claim.published)
      .field("ours", ours(outcome))
      .field("verdict", word(outcome.verdict))
      .field("missing", outcome.missing)
      .field("results", outcome.claim.results);
  if (outcome.results) row.field("size", outcome.results->size);
  if (outcome.results && !outcome.results->seed.empty()) row.raw("seed", outcome.results->seed);
  return row.raw("checks", checks_json(outcome)).str();
}

std::string results_json(const std::vector<Outcome>& outcomes, const std::string& input) {
  std::string claims;
  for (const Outcome& outcome : outcomes) claims += (claims.empty() ? "\n  " : ",\n  ") + claim_json(outcome);
  const std::string head = JsonRow()
                               .field("version", SLALOM_VERSION)
                               .field("input", input)
                               .field("holds", count(outcomes, Verdict::holds))
                               .field("does_not_hold", count(outcomes, Verdict::does_not_hold))
                               .field("not_measured", count(outcomes, Verdict::not_measured))
                               .str();
  return text(head.substr(0, head.size() - 1), ",\n \"claims\":[", claims, "]}\n");
}

constexpr const char* kLead =
    "Each claim beside the published number or statement and what the studies found here. It holds if all "
    "its checks do, in brackets what they ask: that is the band of the study's expected values, often wider "
    "than "
    "the published number. Sizes are those at which the results were made.";

}  // namespace

bool report(const std::vector<Outcome>& outcomes, const std::string& input, const std::string& folder) {
  const Table table = claims_table(outcomes, input);
  make_folders(folder);
  write_file(folder + "/README.md", text("# The paper's claims\n\n", kLead, "\n\n", table.markdown(), "\n",
                                         summary(outcomes), ".\n"));
  write_file(folder + "/results.json", results_json(outcomes, input));
  std::cout << narrow(table).text() << summary(outcomes) << "\nresults in " << folder << "\n";
  return count(outcomes, Verdict::does_not_hold) == 0;
}

}  // namespace slalom::reproduce
