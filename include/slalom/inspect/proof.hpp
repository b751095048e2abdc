// A proof that a model is no additive one, as a file: the texts, the intervals that enclose the model's exact
// log-odds, the inequality they prove, and what is assumed. Whoever has the model can compute it again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "slalom/base/json.hpp"
#include "slalom/inspect/certificates.hpp"

namespace slalom {

/// What is to be proved: all that a proof holds beside what is computed from the model.
struct ProofClaims {
  std::string model;  // folder
  Index target = 1;
  std::vector<TokenId> prefix, suffix;    // special tokens around each text
  std::vector<Certificate> certificates;  // of each: class, witness and coefficients
  std::optional<TokenId> repeated;        // F of n times this token is enclosed for all n ≥ 1 together
  std::string sha256 = {};                // of the weights that are wanted; empty: any
};

/// {"proof", "model", "model_sha256", "config_sha256", "target", "prefix", "suffix", "certificates":
/// [{"class", "texts", "coefficients", "log_odds": [[low, high]…], "bound"}…], "repetitions": {"token",
/// "log_odds"} or null, "inequality", "assumptions"}, computed from the model in its folder. Intervals and
/// bounds are hexadecimal floating-point numbers. Throws Error as load_model() and Encloser do.
Json proof_json(const ProofClaims& claims);

/// The claims of such an object. Throws Error naming `where`, field, what was found and wanted for anything
/// else, also for a bad interval, for coefficients that do not cancel, and if nothing is proved.
ProofClaims read_proof(const Json& proof, const std::string& where);

/// The first field in which the objects differ, with both values; empty if they are equal.
std::string first_difference(const Json& proof, const Json& computed);

}  // namespace slalom
