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

TEST_CASE("train and convert: every switch is read back, and named where Hugging Face's library has none") {
  const TemporaryFolder out("out");
  const std::string model = out.file("model");
  REQUIRE(run_slalom({"train",
                      "--output",
                      model,
                      "--width",
                      "8",
                      "--heads",
                      "2",
                      "--epochs",
                      "1",
                      "--epoch-texts",
                      "20",
                      "--attention",
                      "softmax-plus-one",
                      "--norm",
                      "rms",
                      "--positions",
                      "rope",
                      "--head",
                      "linear",
                      "--no-feed-forward",
                      "--no-residual",
                      "--read-out",
                      "last"})
              .status == 0);
  const std::string switches =
      "attention softmax-plus-one, norm rms, positions rope, read-out last, head linear, no feed-forward, no "
      "residual";
  const Finished info = run_slalom({"info", "--model", model, "--json"});
  CHECK(json_lines(info.out).at(0)["switches"] == switches);
  CHECK(run_slalom({"predict", "--model", model, "--text", "the perfect movie"}).status == 0);
  const Finished refused = run_slalom({"convert", model, out.file("new")});
  CHECK(refused.status == 3);
  CHECK(refused.err.starts_with(concat("error: ", model, ": found a model with ", switches)));
  CHECK(!std::filesystem::exists(out.file("new")));
}
