#include "slalom/report/expected.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {
namespace {

constexpr std::string_view kHeader = "name\tlow\thigh\tsource";

double bound(const std::string& field, std::string_view name, const std::string& where) {
  double value = 0;
  const char* end = field.data() + field.size();
  const auto [stop, code] = std::from_chars(field.data(), end, value);
  if (code != std::errc{} || stop != end || std::isnan(value))
    throw Error(concat(where, ": ", name, " is \"", field, "\", wanted a number, -inf or inf"));
  return value;
}

Expectation parse(const std::string& line, const std::string& where) {
  const std::vector<std::string> fields = split(line, '\t');
  if (fields.size() != 4)
    throw Error(concat(where, ": ", fields.size(), " fields, wanted 4: name, low, high, source"));
  if (fields[0].empty()) throw Error(where + ": name is empty");
  Expectation out{fields[0], bound(fields[1], "low", where), bound(fields[2], "high", where), fields[3]};
  if (out.low > out.high)
    throw Error(concat(where, ": low is ", fields[1], ", wanted at most high, ", fields[2]));
  return out;
}

std::string word(const Verdict& verdict) {
  return !verdict.found ? "not measured" : verdict.holds() ? "holds" : "FAILS";
}

}  // namespace

std::vector<Expectation> read_expected(const std::string& path) {
  LineReader lines(path);
  std::vector<Expectation> out;
  bool header_seen = false;
  for (std::string line; lines.next(line);) {
    if (line.empty() || line[0] == '#') continue;
    if (!header_seen && line != kHeader)
      throw Error(
          concat(lines.where(), ": header is \"", line, "\", wanted name, low, high, source between tabs"));
    if (!std::exchange(header_seen, true)) continue;
    Expectation next = parse(line, lines.where());
    if (std::ranges::count(out, next.name, &Expectation::name) > 0)
      throw Error(concat(lines.where(), ": name \"", next.name, "\" is there twice"));
    out.push_back(std::move(next));
  }
  if (out.empty()) throw Error(path + ": no expectations, wanted a header and at least one line");
  return out;
}

bool Verdict::holds() const {
  return found && expectation.low <= *found && *found <= expectation.high;
}

std::vector<Verdict> compare_with_expected(const std::vector<Expectation>& expectations,
                                           const std::map<std::string, double>& found) {
  std::vector<Verdict> out;
  for (const Expectation& expectation : expectations) {
    const auto it = found.find(expectation.name);
    out.push_back({expectation, it == found.end() ? std::nullopt : std::optional(it->second)});
  }
  return out;
}

Table verdict_table(const std::vector<Verdict>& verdicts) {
  constexpr auto kRight = Table::Align::right;
  constexpr int kDigits = 5;
  Table table({{"name"}, {"found", kRight}, {"low", kRight}, {"high", kRight}, {"verdict"}, {"source"}});
  for (const Verdict& verdict : verdicts) {
    const auto& [name, low, high, source] = verdict.expectation;
    // A value just outside must not look as if it were inside: bounds and failing values keep all digits.
    const int digits = verdict.holds() ? kDigits : kDoubleDigits;
    table.add_row({name, verdict.found ? significant(*verdict.found, digits) : "", shortest(low),
                   shortest(high), word(verdict), source});
  }
  return table;
}

}  // namespace slalom
