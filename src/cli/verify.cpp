// slalom verify: computes a proof again, from the model and the texts that it names.
#include <nlohmann/json.hpp>

#include "slalom/base/numbers.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/inspect/proof.hpp"

namespace slalom {

namespace {

Json computed_again(const ProofClaims& claims, const std::string& file) {
  try {
    return proof_json(claims);
  } catch (const Error& e) {
    throw Error(concat(file, ": ", e.what()), e.hint(), e.status());
  }
}

int run(const ParsedOptions& parsed) {
  const std::string file = required_option(parsed, "proof"), folder = parsed["model"].word;
  const Json proof = parse_json(read_file(file), file);
  ProofClaims claims = read_proof(proof, file);
  const std::string stored = claims.model;
  if (!folder.empty()) claims.model = folder;
  Json computed = computed_again(claims, file);
  computed["model"] = stored;
  const std::string difference = first_difference(proof, computed);
  OutputFile output(parsed["output"].word);
  if (difference.empty())
    for (const Json& c : computed["certificates"])
      output.write(concat("Verified: ", claims.model, " is at least ",
                          fixed_down(std::stod(c["bound"].get<std::string>()), 4),
                          " nats from every model that is additive (", c["class"].get<std::string>(),
                          ").\n"));
  else
    output.write(concat("Not verified: ", difference, "\n"));
  output.commit();
  return static_cast<int>(difference.empty() ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

Command verify_command() {
  return {.name = "verify",
          .summary = "computes a proof of audit again; status 1 if anything differs",
          .options = {{"proof", "FILE", "", "the proof"},
                      {"model", "DIR", "", "the model's folder (default: the one that the proof names)"}},
          .positional = {"proof"},
          .unused = {{"input", "it reads FILE"},
                     {"seed", "nothing is drawn"},
                     {"json", "it prints a line"},
                     {"precision", "a proof is in double"}},
          .examples = {"verify proof.json", "verify proof.json --model DIR"},
          .run = run};
}

}  // namespace slalom
