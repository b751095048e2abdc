#include <filesystem>

#include "../support/process.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

TEST_CASE("convert: the same weights in the same type, the tokenizer beside them, what is left out named") {
  ModelFolder folder(Architecture::roberta);
  save_model(folder.model, folder.path, DType::f16);
  folder.write("vocab.json", "{\"a\": 0}");
  const TemporaryFolder out("out");
  const Finished run = run_slalom({"convert", folder.path, out.file("new")});
  CHECK(run.err.empty());
  REQUIRE(run.status == 0);
  const Json row = json_lines(run.out).at(0);
  CHECK(row["dtype"] == "F16");
  CHECK(row["scalars"] == folder.model.parameters().scalars());
  CHECK(row["left_out"].empty());
  CHECK(read_file(out.file("new/model.safetensors")) == read_file(folder.file("model.safetensors")));
  CHECK(read_file(out.file("new/config.json")) == read_file(folder.file("config.json")));
  CHECK(read_file(out.file("new/vocab.json")) == "{\"a\": 0}");
  CHECK(run_slalom({"convert", folder.path}).status == 2);
}
