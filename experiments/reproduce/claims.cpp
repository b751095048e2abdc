#include "claims.hpp"

#include <algorithm>

#include "slalom/base/files.hpp"

namespace slalom::reproduce {

std::vector<std::string> trimmed_parts(std::string_view line, char separator) {
  std::vector<std::string> parts = split(line, separator);
  for (std::string& part : parts) {
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
  }
  return parts;
}

namespace {

constexpr std::string_view kHeader = "claim\tpublished\tresults\tnumbers\twanted";

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

}  // namespace

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

}  // namespace slalom::reproduce
