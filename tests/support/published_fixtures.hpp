// Outputs of the published code, where they are at hand: $SLALOM_SHARED (../shared)/fixtures/published.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/explain/black_box.hpp"
#include "slalom/explain/explained_text.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace slalom::test {

inline std::string shared_folder() {
  const char* chosen = std::getenv("SLALOM_SHARED");
  return chosen != nullptr ? chosen : "../shared";
}

/// body(record) for each record of the file, and says so if it is not there.
inline void with_published(const std::string& name, const std::function<void(const Json& record)>& body) {
  const std::string path = shared_folder() + "/fixtures/published/" + name;
  if (!std::filesystem::exists(path)) {
    MESSAGE("skipped: no " << path);
    return;
  }
  const Json records = parse_json(read_file(path), path);
  REQUIRE(!records.empty());
  if (records.is_object()) return body(records);
  for (std::size_t i = 0; i < records.size(); ++i) {
    CAPTURE(name);
    CAPTURE(i);
    body(records[i]);
  }
}

inline const std::vector<std::string> kPublishedModels = {"hf_distilbert_1", "hf_gpt2_2"};

/// The same for the file of each model, the model as a black box, and the text that the record is of: its
/// tokens, for an encoder between [CLS] (1) and [SEP] (2).
inline void with_published_models(
    const std::string& name,
    const std::function<void(BlackBox& f, const ExplainedText& text, const Json& record)>& body) {
  for (const std::string& model : kPublishedModels) {
    std::optional<LoadedModel<double>> loaded;
    with_published(model + "/" + name, [&](const Json& record) {
      if (!loaded) loaded.emplace(load_model<double>(shared_folder() + "/models/" + model));
      ModelBlackBox<double> f(*loaded->model, 1, 4096);
      auto ids = record["tokens"].get<std::vector<TokenId>>();
      if (model.find("gpt2") == std::string::npos) {
        ids.insert(ids.begin(), 1);
        ids.push_back(2);
      }
      body(f, ExplainedText(ids, [](TokenId id) { return id == 1 || id == 2; }), record);
    });
  }
}

}  // namespace slalom::test
