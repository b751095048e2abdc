#include <doctest/doctest.h>

#include <filesystem>

#include "../support/process.hpp"
#include "model_folder.hpp"
#include "slalom/base/files.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

Finished shell(const std::string& command) {
  return run_process({"bash", "-c", "unset MAKEFLAGS MAKELEVEL MFLAGS; set -e; " + command});
}

const char* const kExample = R"(#include <iostream>

#include "slalom/data/batch.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/predictor.hpp"

int main(int, char** argv) {
  const auto loaded = slalom::load_model<double>(argv[1]);
  slalom::PackedBatch text;
  text.add(std::vector<slalom::TokenId>{1, 7, 30, 9, 2});
  std::vector<double> logits;
  slalom::Predictor<double>(*loaded.model).logits(text, logits);
  std::cout.precision(17);
  for (const double logit : logits) std::cout << logit << "\n";
}
)";

}  // namespace

TEST_CASE("make install: a program is built against the installed tree and predicts what slalom does") {
  if (shell("pkg-config --version").status != 0) {
    MESSAGE("skipped: there is no pkg-config");
    return;
  }
  const ModelFolder model;
  const TemporaryFolder folder;
  const std::string config = std::filesystem::path(program_beside("slalom")).parent_path().filename();
  const Finished installed = shell("make install config=" + config + " PREFIX=" + folder.path);
  CAPTURE(installed.err);
  REQUIRE(installed.status == 0);
  for (const char* file :
       {"bin/slalom", "share/man/man1/slalom.1", "share/bash-completion/completions/slalom",
        "share/zsh/site-functions/_slalom", "include/slalom/cli/cli.hpp"})
    CHECK(std::filesystem::file_size(folder.file(file)) > 0);

  write_file(folder.file("example.cpp"), kExample);
  const std::string sanitizers = config == "sanitize" ? " -fsanitize=address,undefined" : "";
  const Finished built =
      shell("cd " + folder.path + "; export PKG_CONFIG_PATH=lib/pkgconfig; g++ -O0 example.cpp -o example" +
            sanitizers + " $(pkg-config --cflags --libs slalom)");
  CAPTURE(built.err);
  REQUIRE(built.status == 0);
  const Finished example = run_process({folder.file("example"), model.path});
  CAPTURE(example.err);
  const Json row = json_lines(run_slalom({"predict", "--model", model.path, "--precision", "f64"},
                                         {.input = "{\"input_ids\":[1,7,30,9,2]}\n"})
                                  .out)
                       .at(0);
  const std::vector<std::string> logits = lines_of(example.out);
  REQUIRE(logits.size() == row["logits"].size());
  for (std::size_t c = 0; c < logits.size(); ++c)
    CHECK(std::stod(logits[c]) == row["logits"][c].get<double>());
}
