// What is claimed, and whether a study's checks bear it out.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "reproduce.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom::reproduce {

namespace {

constexpr std::string_view kHeader = "claim\tpublished\tresults\tchecks\tshow";
constexpr std::size_t kFields = 5;

bool one_matches(const std::vector<std::string>& patterns, const std::string& name) {
  return std::ranges::any_of(patterns, [&](const std::string& p) { return matched(p, name).has_value(); });
}

std::string trimmed(const std::string& part) {
  const std::size_t begin = part.find_first_not_of(' ');
  return begin == std::string::npos ? "" : part.substr(begin, part.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string> trimmed_parts(std::string_view line, char separator) {
  std::vector<std::string> parts = split(line, separator);
  std::ranges::transform(parts, parts.begin(), trimmed);
  return parts;
}

// "name<=3" asks for at most 3 whatever the study expects.
void read_asked(std::string& check, const std::string& where, std::vector<Asked>& asked) {
  const std::size_t sign = check.find_first_of("<>");
  if (sign == std::string::npos) return;
  const std::string bound = check.substr(std::min(sign + 2, check.size()));
  double value = 0;
  const auto [end, error] = std::from_chars(bound.data(), bound.data() + bound.size(), value);
  if (check[sign + 1] != '=' || error != std::errc() || end != bound.data() + bound.size())
    throw Error(text(where, ": checks has \"", check, "\", wanted NAME, NAME<=NUMBER or NAME>=NUMBER"));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const bool most = check[sign] == '<';
  check = trimmed(check.substr(0, sign));
  asked.push_back({check, most ? -kInfinity : value, most ? value : kInfinity});
}

void read_checks(const std::string& field, const std::string& where, Claim& claim) {
  claim.checks = trimmed_parts(field, ',');
  for (std::string& check : claim.checks) {
    if (check.empty())
      throw Error(text(where, ": checks is \"", field, "\", wanted names with a comma between them"));
    read_asked(check, where, claim.asked);
    if (std::ranges::count(claim.checks, check) > 1)
      throw Error(text(where, ": checks has \"", check, "\" twice"));
  }
}

std::vector<Shown> read_shown(const std::string& field, const std::vector<std::string>& checks,
                              const std::string& where) {
  std::vector<Shown> shown;
  for (const std::string& part : trimmed_parts(field, ',')) {
    const std::size_t sign = part.rfind('=');
    Shown next = sign == std::string::npos
                     ? Shown{part.find('*') == std::string::npos ? part : "*", part}
                     : Shown{trimmed(part.substr(0, sign)), trimmed(part.substr(sign + 1))};
    if (!one_matches(checks, next.check))
      throw Error(text(where, ": show has \"", next.check, "\", wanted one of the checks, ", listed(checks)));
    shown.push_back(std::move(next));
  }
  return shown;
}

Claim parse_claim(const std::string& line, const std::string& where) {
  const std::vector<std::string> fields = trimmed_parts(line, '\t'), names = split(kHeader, '\t');
  if (fields.size() != kFields)
    throw Error(text(where, ": ", fields.size(), " fields, wanted ", kFields, ": ", listed(names)));
  for (std::size_t i = 0; i < kFields; ++i)
    if (fields[i].empty()) throw Error(text(where, ": ", names[i], " is empty"));
  Claim claim{fields[0], fields[1], fields[2], {}, {}, {}};
  read_checks(fields[3], where, claim);
  claim.show = read_shown(fields[4], claim.checks, where);
  return claim;
}

// JSON has null for what is infinite, and for what is no number.
double number_or(const Json& check, const char* field, const std::string& where, double fallback) {
  const bool is_null = check.contains(field) && check[field].is_null();
  return is_null ? fallback : require_number(check, field, where);
}

Check read_check(const Json& json, const std::string& where) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Check check{.name = require_string(json, "name", where),
              .found = number_or(json, "found", where, NAN),
              .low = number_or(json, "low", where, -kInfinity),
              .high = number_or(json, "high", where, kInfinity),
              .holds = require_boolean(json, "holds", where)};
  if (std::isnan(check.found) && check.holds)
    check.found = std::isinf(check.high) ? check.high : std::isinf(check.low) ? check.low : NAN;
  if (check.holds != (check.low <= check.found && check.found <= check.high))
    throw Error(text(where, ": field \"holds\": found ", check.holds ? "true" : "false", " for ",
                     shortest(check.found), ", which is to be from ", shortest(check.low), " to ",
                     shortest(check.high)));
  return check;
}

std::string seed_of(const Json& results, const std::string& path) {
  for (const Json* object : {&results, results.contains("about") ? &results["about"] : nullptr}) {
    if (object == nullptr || !object->is_object() || !object->contains("seed")) continue;
    const Json& seed = (*object)["seed"];
    if (!seed.is_number_unsigned())
      throw Error(text(path, ": field \"seed\": found ", seed.dump(), ", wanted a whole number from 0"));
    return seed.dump();
  }
  return "";
}

Check as_asked(Check check, const Claim& claim) {
  for (const Asked& asked : claim.asked) {
    if (!matched(asked.check, check.name)) continue;
    check.low = asked.low;
    check.high = asked.high;
    check.holds = asked.low <= check.found && check.found <= asked.high;
  }
  return check;
}

// A band that holds every number says nothing.
bool asks_nothing(const Check& check) {
  return is_answer(check.name) ? check.low <= 0 && check.high >= 1
                               : std::isinf(check.low) && std::isinf(check.high);
}

}  // namespace

std::optional<std::string> matched(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name ? std::optional(std::string()) : std::nullopt;
  if (!name.starts_with(pattern.substr(0, star))) return std::nullopt;
  name.remove_prefix(star);
  for (std::size_t length = 0; length <= name.size(); ++length) {
    if (const auto rest = matched(pattern.substr(star + 1), name.substr(length)))
      return text(name.substr(0, length), rest->empty() || length == 0 ? "" : " ", *rest);
    if (length < name.size() && name[length] == '.') break;
  }
  return std::nullopt;
}

std::vector<Claim> read_claims(const std::string& path) {
  LineReader lines(path);
  std::vector<Claim> claims;
  bool header_seen = false;
  for (std::string line; lines.next(line);) {
    if (line.empty() || line[0] == '#') continue;
    if (header_seen)
      claims.push_back(parse_claim(line, lines.where()));
    else if (line != kHeader)
      throw Error(text(lines.where(), ": header is \"", line, "\", wanted ", listed(split(kHeader, '\t')),
                       " between tabs"));
    header_seen = true;
  }
  if (claims.empty()) throw Error(path + ": no claims, wanted a header and at least one line");
  return claims;
}

std::optional<Results> read_results(const std::string& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const Json json = parse_json(read_file(path), path);
  Results results{require_string(json, "size", path), seed_of(json, path), {}};
  for (const Json& check : require_array(json, "checks", path))
    results.checks.push_back(read_check(check, text(path, ": checks[", results.checks.size(), "]")));
  return results;
}

const char* word(Verdict verdict) {
  switch (verdict) {
    case Verdict::holds:
      return "holds";
    case Verdict::does_not_hold:
      return "does not hold";
    case Verdict::not_measured:
      return "not measured";
  }
  return "";
}

bool is_answer(const std::string& check_name) {
  return check_name.find(".claim.") != std::string::npos ||
         check_name.find(".claim-published.") != std::string::npos;
}

Outcome judge(const Claim& claim, const std::optional<Results>& results, const std::string& path) {
  Outcome outcome{claim, results, {}, {}, Verdict::not_measured};
  if (!results) {
    outcome.missing = {"no " + path};
    return outcome;
  }
  for (const std::string& pattern : claim.checks)
    if (std::ranges::none_of(results->checks,
                             [&](const Check& c) { return matched(pattern, c.name).has_value(); }))
      outcome.missing.push_back("no check " + pattern);
  for (const Check& check : results->checks) {
    if (!one_matches(claim.checks, check.name)) continue;
    outcome.checks.push_back(as_asked(check, claim));
    if (std::isnan(check.found)) outcome.missing.push_back("no number for " + check.name);
    if (asks_nothing(outcome.checks.back()))
      outcome.missing.push_back("every number would do for " + check.name);
  }
  const auto fails = [](const Check& check) { return !std::isnan(check.found) && !check.holds; };
  if (std::ranges::any_of(outcome.checks, fails))
    outcome.verdict = Verdict::does_not_hold;
  else if (outcome.missing.empty())
    outcome.verdict = Verdict::holds;
  return outcome;
}

}  // namespace slalom::reproduce
