// What tests of explanations share: scores and checks by name, and the texts that Hugging Face's models were
// explained on.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace slalom::test {

inline std::vector<double> weights_of(const Explanation& e) {
  return e.column("weight");
}

/// NaN if there is no such check.
inline double check_of(const Explanation& e, const std::string& name) {
  for (const auto& [known, value] : e.checks)
    if (known == name) return value;
  return std::nan("");
}

/// Runs body(f, text, attributions) for each reference model of $SLALOM_SHARED (../shared) that is there, and
/// says which are not.
inline void with_reference_attributions(
    const std::function<void(BlackBox& f, const ExplainedText& text, const Json& attributions)>& body) {
  const char* shared = std::getenv("SLALOM_SHARED");
  for (const char* arch : {"bert", "distilbert", "gpt2"}) {
    const std::string folder = std::string(shared ? shared : "../shared") + "/fixtures/hf/" + arch;
    if (!std::filesystem::exists(folder + "/attributions.json")) {
      MESSAGE("skipped: no " << folder << "/attributions.json");
      continue;
    }
    CAPTURE(std::string(arch));
    const Json want = parse_json(read_file(folder + "/attributions.json"), folder);
    const auto words = want["words"].get<std::vector<TokenId>>();
    const LoadedModel<double> loaded = load_model<double>(folder);
    ModelBlackBox<double> f(*loaded.model, want["target"].get<Index>(), 4096);
    const ExplainedText text(want["input_ids"].get<std::vector<TokenId>>(),
                             [&](TokenId id) { return std::ranges::find(words, id) == words.end(); });
    body(f, text, want);
  }
}

}  // namespace slalom::test
