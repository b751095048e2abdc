// Runs of the program that are killed and go on: what is left behind, and that the end is the same bits.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "../support/process.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/random.hpp"
#include "slalom/model_io/tensor_file.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

const Arguments kRmsprop = {"--optimizer", "rmsprop"};
const Arguments kAdamw = {"--optimizer", "adamw", "--warmup", "40", "--decay", "--clip", "1"};

/// 150 steps of a tiny model, with a checkpoint every five.
Finished train(const std::string& folder, const Arguments& options, const Kill& kill = {}) {
  Arguments all = {"train",
                   "--output",
                   folder,
                   "--width",
                   "16",
                   "--heads",
                   "2",
                   "--layers",
                   "2",
                   "--lr",
                   "1e-3",
                   "-q",
                   "--checkpoint-every",
                   "5",
                   "--batch",
                   "4",
                   "--epochs",
                   "3",
                   "--epoch-texts",
                   "200"};
  for (const char* threads : {"--threads", "1"})
    if (std::ranges::find(options, "--threads") == options.end()) all.emplace_back(threads);
  all.insert(all.end(), options.begin(), options.end());
  return run_slalom(all, {.kill = kill});
}

Arguments with(Arguments options, const Arguments& more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

/// The signal, `after_ms` after the folder's first checkpoint is there.
Kill kill_after_checkpoint(int signal, const std::string& folder, double after_ms) {
  return {signal, [folder] { return std::filesystem::exists(folder + "/checkpoint.safetensors"); }, after_ms};
}

void check_same_end(const std::string& folder, const std::string& wanted) {
  CHECK(read_file(folder + "/model.safetensors") == read_file(wanted + "/model.safetensors"));
  CHECK(read_file(folder + "/checkpoint.safetensors") == read_file(wanted + "/checkpoint.safetensors"));
  CHECK(files_in(folder) == files_in(wanted));
}

void check_killed_runs_end_the_same(const Arguments& options) {
  const TemporaryFolder all;
  REQUIRE(train(all.file("whole"), options).status == 0);
  Rng delays(5, Purpose::test);
  int killed = 0;  // a run may be faster than the signal, but not each of them
  for (int run = 0; run < 3; ++run) {
    const std::string folder = all.file(concat("run", run));
    for (int start = 0; start < 3; ++start) {
      const double delay = start == 0 ? run : 80 * delays.uniform();
      const Finished finished = train(folder, start == 0 ? options : with(options, {"--resume"}),
                                      kill_after_checkpoint(SIGKILL, folder, delay));
      CHECK((finished.status == 0 || finished.status == 128 + SIGKILL));
      killed += finished.status == 128 + SIGKILL;
    }
    CHECK(train(folder, with(options, {"--resume"})).status == 0);
    check_same_end(folder, all.file("whole"));
  }
  CHECK(killed >= 3);
}

/// A checkpoint of a finished run, and what resuming says about it.
struct Checkpoint {
  TemporaryFolder all;
  std::string folder = all.file("model"), file = folder + "/checkpoint.safetensors", bytes;

  Checkpoint() {
    REQUIRE(train(folder, kRmsprop).status == 0);
    bytes = read_file(file);
  }
  void check_refused(const std::string& changed, const std::string& message) const {
    all.write("model/checkpoint.safetensors", changed);
    const Finished run = train(folder, with(kRmsprop, {"--resume"}));
    CHECK(run.status == 3);
    CHECK(run.out.empty());
    CHECK(run.err.starts_with("error: " + file + ": " + message));
    CHECK(read_file(file) == changed);
  }
  /// The bytes with the first number of a tensor replaced.
  template <class Number>
  std::string with_number(const char* tensor, Number number) const {
    all.write("model/checkpoint.safetensors", bytes);
    const TensorHeader header = TensorFile(file).header();
    const auto entry = std::ranges::find(header.tensors, tensor, &TensorEntry::name);
    REQUIRE(entry != header.tensors.end());
    std::string changed = bytes;
    std::memcpy(changed.data() + header.data_begin + entry->begin, &number, sizeof number);
    return changed;
  }
};

}  // namespace

TEST_CASE("train: runs that are killed again and again end with the bits of one that is not") {
  check_killed_runs_end_the_same(kRmsprop);
  check_killed_runs_end_the_same(kAdamw);
}

TEST_CASE("train: an interrupt saves a checkpoint and exits with 130; resuming ends with the same bits") {
  const TemporaryFolder all;
  REQUIRE(train(all.file("whole"), kAdamw).status == 0);
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string folder = all.file(concat("signal", signal));
    const Finished run = train(folder, kAdamw, kill_after_checkpoint(signal, folder, 1));
    CHECK(run.status == 130);
    CHECK(run.err == "error: interrupted\n");
    CHECK(files_in(folder) == std::vector<std::string>{"checkpoint.safetensors"});
    CHECK(train(folder, with(kAdamw, {"--resume", "--checkpoint-every", "0"})).status == 0);
    check_same_end(folder, all.file("whole"));
  }
}

TEST_CASE("train: an interrupt before the first checkpoint is due saves one all the same") {
  const TemporaryFolder all;
  const std::string folder = all.file("model");
  const Kill interrupt{.signal = SIGINT, .when = [&] { return std::filesystem::exists(folder); }};
  const Arguments rarely = with(kRmsprop, {"--checkpoint-every", "0"});
  CHECK(train(folder, rarely, interrupt).status == 130);
  CHECK(files_in(folder) == std::vector<std::string>{"checkpoint.safetensors"});
  CHECK(train(folder, with(rarely, {"--resume"})).status == 0);
  REQUIRE(train(all.file("whole"), kRmsprop).status == 0);
  check_same_end(folder, all.file("whole"));
}

TEST_CASE("train --resume: a finished run does nothing but write the same model") {
  const TemporaryFolder all;
  const std::string folder = all.file("model");
  REQUIRE(train(folder, kAdamw).status == 0);
  const std::string model = read_file(folder + "/model.safetensors");
  const Finished again = train(folder, with(kAdamw, {"--resume"}));
  CHECK(again.status == 0);
  CHECK(again.out.empty());
  CHECK(read_file(folder + "/model.safetensors") == model);
}

TEST_CASE("train --resume: with other settings it is refused, naming file, setting, found and wanted") {
  const Checkpoint checkpoint;
  const auto check = [&](const Arguments& changed, const std::string& message) {
    const Finished run = train(checkpoint.folder, with(with(kRmsprop, {"--resume"}), changed));
    CHECK(run.status == 3);
    CHECK(run.err ==
          "error: " + checkpoint.file + ": setting " + message +
              "\nhint: resume with the settings of the first run, or start anew without --resume\n");
  };
  check({"--seed", "1"}, "\"seed\": found 0, wanted 1");
  check({"--lr", "2e-3"}, "\"lr\": found 0.001, wanted 0.002");
  check({"--epochs", "4"}, "\"epochs\": found 3, wanted 4");
  check({"--precision", "f64"}, "\"precision\": found \"f32\", wanted \"f64\"");
  check({"--optimizer", "adamw"}, "\"optimizer\": found \"rmsprop\", wanted \"adamw\"");
  check({"--layers", "1"}, "\"config/n_layers\": found 2, wanted 1");
  check({"--data", "slalom"}, "\"config/vocab_size\": found 16, wanted 9");
}

TEST_CASE("train --resume: damaged checkpoints are refused and left alone") {
  const Checkpoint checkpoint;
  const std::string& bytes = checkpoint.bytes;
  for (const std::size_t length : {std::size_t{0}, std::size_t{7}, std::size_t{300}, bytes.size() - 1})
    checkpoint.check_refused(bytes.substr(0, length), "");
  checkpoint.check_refused(bytes + "x", "");
  checkpoint.check_refused("{" + bytes.substr(1), "");
  checkpoint.check_refused(read_file(checkpoint.folder + "/model.safetensors"),
                           "field \"settings\" is missing, this is no checkpoint");
  const auto damaged = [&](const char* tensor, auto number, const char* found, const char* wanted) {
    checkpoint.check_refused(checkpoint.with_number(tensor, number),
                             concat("tensor \"", tensor, "\": found ", found, ", wanted ", wanted));
  };
  damaged("stamps.embed.token.weight", std::int64_t{151}, "151", "0 to 150");
  damaged("stamps.embed.token.weight", std::int64_t{-1}, "-1", "0 to 150");
}

TEST_CASE("train: the same bits with one thread and with two, in either precision") {
  const TemporaryFolder all;
  const std::string rows = "{\"input_ids\":[1,5,9,12,2],\"label\":1}\n{\"input_ids\":[7]}\n";
  for (const char* precision : {"f32", "f64"}) {
    CAPTURE(precision);
    std::string models[2], predictions[2];
    for (const int threads : {1, 2}) {
      const std::string count = std::to_string(threads), folder = all.file(precision + count);
      const Arguments shared = {"--threads", count, "--precision", precision};
      // wide enough for products to be split
      REQUIRE(train(folder, with(shared, {"--width", "256", "--heads", "4", "--layers", "1", "--epoch-texts",
                                          "60", "--batch", "20", "--epochs", "1"}))
                  .status == 0);
      models[threads - 1] = read_file(folder + "/model.safetensors");
      const Finished run = run_slalom(with({"predict", "--model", folder}, shared), {.input = rows});
      CHECK(run.status == 0);
      predictions[threads - 1] = run.out;
    }
    CHECK(models[0] == models[1]);
    CHECK(!predictions[0].empty());
    CHECK(predictions[0] == predictions[1]);
  }
}
