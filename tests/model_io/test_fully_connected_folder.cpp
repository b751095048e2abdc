#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "../support/compare.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/model_io/fully_connected_folder.hpp"
#include "slalom/nn/predictor.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

constexpr std::uint64_t kSeed = 0xFEDCBA9876543210u;  // no double holds it

FullyConnected<float> small_network() {
  FullyConnected<float> model({.context = 4, .width = 6, .hidden = 5, .vocabulary = 7, .padding = 2}, kSeed);
  // As if trained: not what the seed gives.
  for (int i = 0; i < model.parameters().count(); ++i)
    for (float& x : model.parameters().value({i}).span()) x += 0.25f;
  return model;
}

template <class T>
std::vector<T> logits_of(TextClassifier<T>& model) {
  PackedBatch batch;
  for (const std::vector<TokenId>& text : {std::vector<TokenId>{1}, {6, 5, 4, 3}, {0, 1}}) batch.add(text);
  std::vector<T> logits;
  Predictor<T>(model).logits(batch, logits);
  return logits;
}

void check_refused(const TemporaryFolder& folder, const std::string& message) {
  try {
    load_fully_connected<float>(folder.path);
    FAIL("loaded");
  } catch (const Error& e) {
    CAPTURE(e.what());
    CHECK(std::string(e.what()).find(message) != std::string::npos);
  }
}

void replace(const TemporaryFolder& folder, const std::string& what, const std::string& by) {
  std::string config = read_file(folder.file("config.json"));
  REQUIRE(config.find(what) != std::string::npos);
  folder.write("config.json", config.replace(config.find(what), what.size(), by));
}

}  // namespace

TEST_CASE("a fully connected network comes back from its folder with the same bits, in float64 too") {
  const TemporaryFolder folder("network");
  FullyConnected<float> model = small_network();
  save_fully_connected(model, kSeed, folder.path);
  CHECK(logits_of(*load_fully_connected<float>(folder.path)) == logits_of(model));
  CHECK(relative_error(logits_of(*load_fully_connected<double>(folder.path)), logits_of(model)) <= 1e-5);
}

TEST_CASE("a fully connected network's folder is checked: field, tensor, shape") {
  const TemporaryFolder folder("network");
  const auto save = [&] { save_fully_connected(small_network(), kSeed, folder.path); };
  save();
  replace(folder, "slalom_fully_connected", "bert");
  check_refused(folder, "config.json: field \"model_type\": found \"bert\"");
  save();
  replace(folder, "\"hidden_size\": 5", "\"hidden_size\": 6");
  check_refused(folder, "tensor \"hidden.weight\": found shape (5, 24), wanted (6, 24)");
  save();
  replace(folder, "\"filler_token_id\": 2", "\"filler_token_id\": 7");
  check_refused(folder, "field \"filler_token_id\"");
  save();
  replace(folder, "\"seed\": \"1", "\"seed\": \"x");
  check_refused(folder, "field \"seed\": found \"x");
}
