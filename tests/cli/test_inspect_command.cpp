#include <doctest/doctest.h>

#include <csignal>

#include "../support/compare.hpp"
#include "../support/process.hpp"
#include "model_folder.hpp"
#include "slalom/inspect/inspect.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

const std::string kRows =
    "{\"id\":\"a\",\"input_ids\":[1,7,30,2],\"label\":2}\n{\"id\":\"b\",\"input_ids\":[5],\"label\":0}\n";

Finished inspect(const ModelFolder& folder, const std::string& what, const Arguments& options = {},
                 const ProcessOptions& process = {.input = kRows}) {
  Arguments all = {"inspect", what, "--model", folder.path, "--precision", "f64", "--threads", "1"};
  all.insert(all.end(), options.begin(), options.end());
  return run_slalom(all, process);
}

/// The output's rows; the command must have succeeded without a word on stderr.
std::vector<Json> rows_of(const Finished& run) {
  CHECK(run.status == 0);
  CHECK(run.err.empty());
  return json_lines(run.out);
}

/// Numbers of nested arrays, row-major.
std::vector<double> flat(const Json& nested) {
  if (!nested.is_array()) return {nested.get<double>()};
  std::vector<double> all;
  for (const Json& item : nested)
    for (const double x : flat(item)) all.push_back(x);
  return all;
}

void check_fails(const Finished& run, int status, const std::string& message) {
  CHECK(run.status == status);
  CHECK(run.out.empty());
  CHECK(lines_of(run.err).at(0) == "error: " + message);
}

}  // namespace

TEST_CASE("inspect activations: name, shape and values of each, row by row") {
  ModelFolder folder;
  const std::vector<Json> rows = rows_of(inspect(folder, "activations"));
  const std::vector<TokenId> first = {1, 7, 30, 2};
  const auto wanted = activations<double>(folder.model, first);
  REQUIRE(rows.size() == 2 * wanted.size());
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    CHECK(rows[k]["id"] == "a");
    CHECK(rows[k]["name"] == wanted[k].name);
    CHECK(rows[k]["shape"].get<std::vector<Index>>() == wanted[k].shape);
    CHECK(relative_error(flat(rows[k]["data"]), wanted[k].data) < 1e-12);
  }
  CHECK(rows.back()["id"] == "b");
  CHECK(rows.back()["name"] == "logits");
}

TEST_CASE("inspect activations --names: only these, nested by shape") {
  const ModelFolder folder;
  const std::vector<Json> rows =
      rows_of(inspect(folder, "activations", {"--names", "logits,blocks.1.attn.pattern"}));
  REQUIRE(rows.size() == 4);
  CHECK(rows[0]["name"] == "blocks.1.attn.pattern");
  CHECK(rows[0]["shape"] == Json({3, 4, 4}));
  CHECK(rows[0]["data"].size() == 3);
  CHECK(rows[0]["data"][2][3].size() == 4);
  CHECK(rows[1]["shape"] == Json({3}));
  CHECK(rows[2]["data"] == Json::parse("[[[1]],[[1]],[[1]]]"));  // one token reads itself
  check_fails(inspect(folder, "activations", {"--names", "blocks.2.attn.q"}), 2,
              "activation \"blocks.2.attn.q\" does not exist in this model");
}

TEST_CASE("inspect attention: a pattern for each layer and head") {
  ModelFolder folder;
  const std::vector<Json> rows = rows_of(inspect(folder, "attention"));
  REQUIRE(rows.size() == 2 * 2 * 3);
  const std::vector<TokenId> first = {1, 7, 30, 2};
  const auto wanted = attention_patterns<double>(folder.model, first);
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    CHECK(rows[k]["layer"] == wanted[k].layer);
    CHECK(rows[k]["head"] == wanted[k].head);
    CHECK(rows[k]["pattern"].size() == 4);
    CHECK(rows[k]["tokens"] == Json({"1", "7", "30", "2"}));  // the folder has no vocabulary
    CHECK(relative_error(flat(rows[k]["pattern"]), wanted[k].pattern.data) < 1e-12);
  }
}

TEST_CASE("inspect attention: tokens are the folder's") {
  const ModelFolder folder;
  folder.write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\nfi\n##ne\n");
  const std::vector<Json> rows = rows_of(inspect(folder, "attention", {"--text", "fine"}, {}));
  REQUIRE(rows.size() == 2 * 3);
  CHECK(rows[5]["tokens"] == Json({"[CLS]", "fi", "##ne", "[SEP]"}));
}

TEST_CASE("inspect gradients and parameters: norms and first entries, or all of a tensor") {
  ModelFolder folder;
  PackedBatch batch;
  batch.add(std::vector<TokenId>{1, 7, 30, 2}, 2);
  batch.add(std::vector<TokenId>{5}, 0);
  const auto check = [&](const char* what, const std::vector<NamedValues<double>>& wanted) {
    CAPTURE(what);
    const std::vector<Json> rows = rows_of(inspect(folder, what));
    REQUIRE(rows.size() == wanted.size());
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      CAPTURE(wanted[k].name);
      CHECK(rows[k]["name"] == wanted[k].name);
      CHECK(rows[k]["shape"].get<std::vector<Index>>() == wanted[k].shape);
      CHECK(std::abs(rows[k]["norm"].get<double>() - norm(wanted[k].data)) <
            1e-12 * (1 + norm(wanted[k].data)));
      CHECK(rows[k]["head"].size() == std::min<std::size_t>(4, wanted[k].data.size()));
    }
    const std::vector<Json> one = rows_of(inspect(folder, what, {"--names", "classifier.weight"}));
    REQUIRE(one.size() == 1);
    CHECK(one[0]["shape"] == Json({3, 24}));
    const auto same = [](const NamedValues<double>& v) { return v.name == "classifier.weight"; };
    CHECK(relative_error(flat(one[0]["data"]), std::ranges::find_if(wanted, same)->data) < 1e-12);
    check_fails(inspect(folder, what, {"--names", "nope"}), 2,
                "tensor \"nope\" does not exist in this model");
  };
  check("gradients", loss_gradients(folder.model, batch));
  check("parameters", parameter_values(folder.model));
}

TEST_CASE("inspect: a bad row has its error in its place, but no mean is of some of the rows") {
  const ModelFolder folder;
  const std::string input =
      "{\"input_ids\":[1]}\n{\"id\":\"x\",\"input_ids\":[40]}\n{\"input_ids\":[1],\"label\":1}\n";
  const Finished run = inspect(folder, "activations", {"--names", "logits"}, {.input = input});
  CHECK(run.status == 4);
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 3);
  CHECK(rows[1]["id"] == "x");
  CHECK(rows[1]["error"].get<std::string>().starts_with("stdin: line 2: field \"input_ids\"[0]: found 40"));
  CHECK(rows[2]["data"] == rows[0]["data"]);
  check_fails(
      inspect(folder, "gradients", {}, {.input = "{\"input_ids\":[1],\"label\":1}\n{\"input_ids\":[40]}"}), 3,
      "stdin: line 2: field \"input_ids\"[0]: found 40, wanted an integer from 0 to 39");
}

TEST_CASE("inspect gradients: rows need labels") {
  const ModelFolder folder;
  check_fails(inspect(folder, "gradients", {}, {.input = "{\"input_ids\":[1]}"}), 3,
              "stdin: line 1: field \"label\": found nothing, wanted a label");
  check_fails(inspect(folder, "gradients", {}, {}), 3, "stdin: found no rows");
}

TEST_CASE("inspect names: what activations can be asked for") {
  const ModelFolder folder;
  const std::vector<Json> rows = rows_of(inspect(folder, "names"));
  const auto known = activation_names(folder.model.config());
  REQUIRE(rows.size() == known.size());
  for (std::size_t k = 0; k < known.size(); ++k) {
    CHECK(rows[k]["name"] == known[k].name);
    CHECK(rows[k]["shape"] == known[k].shape);
    CHECK(rows[k]["meaning"] == known[k].meaning);
  }
}

TEST_CASE("inspect: an interrupt keeps the rows that are finished and exits with 130") {
  const ModelFolder folder;
  const TemporaryFolder files("files");
  std::string many;
  constexpr int kMany = 60000;
  for (int k = 0; k < kMany; ++k) many += "{\"input_ids\":[1,7,30,2]}\n";
  const Kill interrupt{
      .signal = SIGINT, .when = [&] { return !files_in(files.path).empty(); }, .after_ms = 5};
  const Finished run = inspect(folder, "activations", {"--names", "logits", "--output", files.file("out")},
                               {.input = many, .kill = interrupt});
  CHECK(run.status == 130);
  CHECK(run.err == "error: interrupted\n");
  const std::vector<Json> rows = json_lines(read_file(files.file("out")));
  CHECK(rows.size() < kMany);
  for (std::size_t k = 0; k < rows.size(); ++k) CHECK(rows[k]["id"] == k);
}
