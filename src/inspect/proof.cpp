#include "slalom/inspect/proof.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace slalom {

namespace {

constexpr const char* kFormat = "slalom proof 1";
// Of a certificate, and certificates of a proof; audit writes one or two, of 3 or 4 texts.
constexpr std::size_t kMost = 64;
constexpr double kLargestCoefficient = 1e6;
constexpr const char* kClassNames[] = {"bag of words", "position-wise"};
constexpr const char* kInequality =
    "For every g of the class the sum of coefficient * g(text) is 0, so that sup |F - g| is at least "
    "|sum of coefficient * F(text)| / sum of |coefficient| >= bound.";
constexpr const char* kAssumptions[] = {
    "F is the log-odds of the target against the rest, in nats, of the stored weights read as real numbers",
    "IEEE 754 binary64 rounds to nearest, and fma rounds once",
    "BLAS adds up each inner product in some order, without Strassen's method",
    "exp, log, pow, sin, cos, tanh and erfc of the C library err by at most 8 units in the last place"};

std::string hexadecimal(double x) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, std::abs(x), std::chars_format::hex).ptr;
  return (std::signbit(x) ? "-0x" : "0x") + std::string(digits, end);
}

Json interval_json(const Interval& interval) {
  return {hexadecimal(interval.low), hexadecimal(interval.high)};
}

Json certificate_json(const Certificate& c) {
  Json json;
  json["class"] = kClassNames[static_cast<int>(c.of)];
  json["texts"] = c.witness;
  json["coefficients"] = c.coefficient;
  json["log_odds"] = Json::array();
  for (const Interval& interval : c.enclosure) json["log_odds"].push_back(interval_json(interval));
  json["bound"] = hexadecimal(c.bound);
  return json;
}

// --- reading -----------------------------------------------------------------------------------------------

[[noreturn]] void refuse(const std::string& where, const std::string& field, const Json& found,
                         const std::string& wanted) {
  throw Error(
      concat(where, ": field \"", field, "\": found ", found.dump().substr(0, 100), ", wanted ", wanted));
}

void check_number(const Json& json, const std::string& field, const std::string& where) {
  double x = NAN;
  if (json.is_string()) {
    const std::string word = json.get<std::string>();
    const std::size_t sign = word.starts_with('-') ? 1 : 0, begin = std::min(sign + 2, word.size());
    std::from_chars(word.data() + begin, word.data() + word.size(), x, std::chars_format::hex);
    if (sign == 1) x = -x;
    if (std::isfinite(x) && word == hexadecimal(x)) return;
  }
  refuse(where, field, json, "a finite hexadecimal number such as \"0x1.8p+1\"");
}

double number(const Json& json) {
  const std::string word = json.get<std::string>();
  double x = 0;
  std::from_chars(word.data() + word.find('x') + 1, word.data() + word.size(), x, std::chars_format::hex);
  return word.starts_with('-') ? -x : x;
}

void check_interval(const Json& json, const std::string& where) {
  if (!json.is_array() || json.size() != 2) refuse(where, "log_odds", json, "[low, high]");
  for (const Json& end : json) check_number(end, "log_odds", where);
  if (number(json[0]) > number(json[1])) refuse(where, "log_odds", json, "low below high");
}

std::vector<TokenId> ids(const Json& json, const std::string& field, const std::string& where) {
  std::vector<TokenId> list;
  if (!json.is_array()) refuse(where, field, json, "a list of ids");
  for (const Json& id : json) {
    if (!id.is_number_integer() || id < 0 || id > std::numeric_limits<TokenId>::max())
      refuse(where, field, id, "an id");
    list.push_back(id.get<TokenId>());
  }
  return list;
}

void check_count(const Json& list, const std::string& field, const std::string& where) {
  if (list.empty() || list.size() > kMost)
    throw Error(
        concat(where, ": field \"", field, "\": found ", list.size(), " ", field, ", wanted 1 to ", kMost));
}

Certificate read_certificate(const Json& json, const std::string& where) {
  Certificate c;
  const std::string of = require_string(json, "class", where);
  if (of != kClassNames[0] && of != kClassNames[1])
    refuse(where, "class", of, concat("\"", kClassNames[0], "\" or \"", kClassNames[1], "\""));
  c.of = of == kClassNames[0] ? AdditiveClass::bag_of_words : AdditiveClass::positionwise;
  const Json &texts = require_array(json, "texts", where),
             &coefficients = require_array(json, "coefficients", where),
             &log_odds = require_array(json, "log_odds", where);
  check_count(texts, "texts", where);
  if (coefficients.size() != texts.size() || log_odds.size() != texts.size())
    throw Error(concat(where, ": found ", texts.size(), " texts, ", coefficients.size(), " coefficients and ",
                       log_odds.size(), " intervals, wanted as many"));
  for (const Json& text : texts) c.witness.push_back(ids(text, "texts", where));
  for (const Json& x : coefficients) {
    if (!x.is_number() || std::abs(x.get<double>()) > kLargestCoefficient ||
        std::floor(x.get<double>()) != x.get<double>())
      refuse(where, "coefficients", x, concat("a whole number, at most ", kLargestCoefficient, " in size"));
    c.coefficient.push_back(x.get<double>());
  }
  if (!vanishes(c))
    refuse(where, "coefficients", coefficients, "a sum that is 0 for every model of the class");
  for (const Json& interval : log_odds) check_interval(interval, where);
  if (!json.contains("bound")) refuse(where, "bound", Json(), "a number");
  check_number(json["bound"], "bound", where);
  if (number(json["bound"]) <= 0) refuse(where, "bound", json["bound"], "more than 0");
  return c;
}

}  // namespace

Json proof_json(const ProofClaims& claims) {
  const LoadedModel<double> loaded = load_model<double>(claims.model);
  const std::string sha256 = sha256_of_files(loaded.files);
  if (!claims.sha256.empty() && sha256 != claims.sha256)
    throw Error(concat(claims.model, ": its weights have SHA-256 ", sha256, ", wanted ", claims.sha256), {},
                ExitStatus::check_failed);
  Encloser encloser(*loaded.model, claims.target);
  Json json;
  json["proof"] = kFormat;
  json["model"] = claims.model;
  json["model_sha256"] = sha256;
  json["config_sha256"] = sha256_of_files({claims.model + "/config.json"});
  json["target"] = claims.target;
  json["prefix"] = claims.prefix;
  json["suffix"] = claims.suffix;
  json["certificates"] = Json::array();
  for (Certificate c : claims.certificates) {
    prove(
        c, [&](std::span<const TokenId> text) { return outward(encloser.log_odds(text)); }, claims.prefix,
        claims.suffix);
    json["certificates"].push_back(certificate_json(c));
  }
  json["repetitions"] = nullptr;
  if (claims.repeated)
    json["repetitions"] = {
        {"token", *claims.repeated},
        {"log_odds", interval_json(encloser.repetitions(claims.prefix, *claims.repeated, claims.suffix))}};
  json["inequality"] = kInequality;
  json["assumptions"] = kAssumptions;
  return json;
}

ProofClaims read_proof(const Json& proof, const std::string& where) {
  if (const std::string format = require_string(proof, "proof", where); format != kFormat)
    refuse(where, "proof", format, concat("\"", kFormat, "\""));
  ProofClaims claims;
  claims.model = require_string(proof, "model", where);
  claims.sha256 = require_string(proof, "model_sha256", where);
  claims.target = require_integer(proof, "target", where, 0, std::numeric_limits<int>::max());
  claims.prefix = ids(require_array(proof, "prefix", where), "prefix", where);
  claims.suffix = ids(require_array(proof, "suffix", where), "suffix", where);
  const Json& certificates = require_array(proof, "certificates", where);
  check_count(certificates, "certificates", where);
  for (const Json& c : certificates) claims.certificates.push_back(read_certificate(c, where));
  if (!proof.contains("repetitions") || proof["repetitions"].is_null()) return claims;
  const Json& repetitions = require_object(proof, "repetitions", where);
  claims.repeated = static_cast<TokenId>(
      require_integer(repetitions, "token", where, 0, std::numeric_limits<TokenId>::max()));
  check_interval(require_array(repetitions, "log_odds", where), where);
  return claims;
}

std::string first_difference(const Json& proof, const Json& computed) {
  const Json changes = Json::diff(proof, computed);
  if (changes.empty()) return {};
  const Json& change = changes.front();
  const std::string path = change["path"].get<std::string>();
  const auto shown = [](const Json* value) {
    return value == nullptr ? "nothing" : value->dump().substr(0, 100);
  };
  const auto at = [&](const Json& json) {
    const Json::json_pointer pointer(path);
    return json.contains(pointer) ? &json.at(pointer) : nullptr;
  };
  return concat(path, ": found ", shown(at(proof)), ", computed ", shown(at(computed)));
}

}  // namespace slalom
