// What is claimed, and whether a study's numbers bear it out.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "reproduce.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"

namespace slalom::reproduce {

namespace {

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
  const char* begin = wanted.data() + std::min(wanted.size(), wanted.find_first_not_of(' ', 1));
  const char* end = wanted.data() + wanted.size();
  const auto [stop, error] = std::from_chars(begin, end, claim.bound);
  if ((wanted[0] != '>' && wanted[0] != '<') || error != std::errc() || stop != end)
    throw Error(concat(where, ": wanted is \"", wanted, "\", wanted \"> NUMBER\" or \"< NUMBER\""));
  return claim;
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

}  // namespace

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

Results read_results(const std::string& path) {
  const Json json = parse_json(read_file(path), path);
  Results results{.size = require_string(json, "size", path)};
  for (const Json* object : {&json, json.contains("about") ? &json["about"] : nullptr})
    if (object != nullptr && object->is_object() && object->contains("seed"))
      results.seed = std::to_string(require_integer(*object, "seed", path, 0, Index{1} << 53));
  results.estimates = experiment::estimates_from(require_object(json, "estimates", path), path);
  for (const Json& check : require_array(json, "checks", path)) {
    ++results.controls;
    if (!require_boolean(check, "holds", path)) results.failed.push_back(require_string(check, "name", path));
  }
  return results;
}

const char* word(Verdict verdict) {
  constexpr const char* kWords[] = {"holds", "fails", "undecided", "not measured"};
  return kWords[static_cast<std::size_t>(verdict)];
}

Verdict judge(const experiment::Estimate& e, const Claim& claim) {
  if (std::isnan(e.value)) return Verdict::not_measured;
  const auto [low, high] = claim.above ? std::pair(e.low, e.high) : std::pair(-e.high, -e.low);
  const double bound = claim.above ? claim.bound : -claim.bound;
  return low > bound ? Verdict::holds : high <= bound ? Verdict::fails : Verdict::undecided;
}

Outcome judge(const Claim& claim, const std::optional<Results>& results, const std::string& path) {
  Outcome outcome{.claim = claim, .verdict = Verdict::not_measured};
  if (!results) {
    outcome.missing = {"no " + path};
    return outcome;
  }
  outcome.made_with = results->size + (results->seed.empty() ? "" : ", seed " + results->seed);
  for (const std::string& pattern : claim.numbers) {
    const std::size_t before = outcome.found.size();
    for (const auto& [name, estimate] : results->estimates) {
      if (!matches(pattern, name)) continue;
      outcome.found.push_back({label_of(name, claim.numbers), estimate, judge(estimate, claim)});
      if (std::isnan(estimate.value)) outcome.missing.push_back("no number for " + name);
    }
    if (outcome.found.size() == before) outcome.missing.push_back("no number " + pattern);
  }
  const auto any = [&](Verdict v) { return std::ranges::count(outcome.found, v, &Finding::verdict) > 0; };
  outcome.verdict = any(Verdict::fails)        ? Verdict::fails
                    : !outcome.missing.empty() ? Verdict::not_measured
                    : any(Verdict::undecided)  ? Verdict::undecided
                                               : Verdict::holds;
  return outcome;
}

}  // namespace slalom::reproduce
