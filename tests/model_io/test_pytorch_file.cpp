// pytorch_model.bin: small archives written by hand (tests/corpus/pytorch), good-* and those that are
// refused.
#include <doctest/doctest.h>

#include <filesystem>

#include "slalom/base/error.hpp"
#include "slalom/model_io/tensor_file.hpp"

using namespace slalom;

namespace {

const std::string kCorpus = "tests/corpus/pytorch/";

std::vector<double> values(const TensorFile& file, const char* name) {
  const TensorEntry* tensor = file.find(name);
  REQUIRE(tensor != nullptr);
  std::vector<double> out(tensor->elements());
  file.read(*tensor, std::span<double>(out));
  return out;
}

std::string refusal(const std::string& name) {
  try {
    const TensorFile file(kCorpus + name);
  } catch (const Error& e) {
    return e.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("pytorch_model.bin: tensors, views of one storage, strides, half precision") {
  using Numbers = std::vector<double>;
  CHECK(values(TensorFile(kCorpus + "good-one.bin"), "w") == Numbers{0, 1, 2, 3, 4, 5});
  const TensorFile strided(kCorpus + "good-strided.bin");
  CHECK(strided.find("w")->shape == std::vector<Index>{3, 2});
  CHECK(values(strided, "w") == Numbers{0, 3, 1, 4, 2, 5});
  const TensorFile shared(kCorpus + "good-shared.bin");
  CHECK(values(shared, "a") == Numbers{0, 1, 2, 3, 4, 5});
  CHECK(values(shared, "b") == Numbers{4, 5});
  const Numbers halves = values(TensorFile(kCorpus + "good-half.bin"), "w");
  CHECK(halves.size() == 12);
  CHECK(halves[3] == 1.875);  // the upper half of 1.0f, 0x3F80
  CHECK(values(TensorFile(kCorpus + "good-scalar.bin"), "w") == Numbers{0});
  CHECK(values(TensorFile(kCorpus + "good-empty-tensor.bin"), "w").empty());
  CHECK(values(TensorFile(kCorpus + "good-memo.bin"), "v") == Numbers{0, 1, 2, 3, 4, 5});
}

TEST_CASE("pytorch_model.bin: whatever else it holds is refused, by file and reason, and nothing runs") {
  int good = 0, bad = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus)) {
    const std::string file = entry.path().filename().string();
    CAPTURE(file);
    if (file.starts_with("good-")) {
      CHECK_NOTHROW(TensorFile(kCorpus + file));
      ++good;
      continue;
    }
    const std::string message = refusal(file);
    CAPTURE(message);
    CHECK(message.starts_with(kCorpus + file + ": "));
    CHECK(message.size() < 400);
    ++bad;
  }
  CHECK(good >= 10);
  CHECK(bad >= 90);
  CHECK_FALSE(std::filesystem::exists("/tmp/slalom_was_here"));
  CHECK(refusal("global-os-system.bin").find("found the name \"os system\"") != std::string::npos);
  CHECK(refusal("pickle-nested-tuples.bin").find("the end of something else") != std::string::npos);
  CHECK(refusal("legacy.bin").find("before version 1.6") != std::string::npos);
  CHECK(refusal("zip-compressed.bin").find("a compressed file") != std::string::npos);
  CHECK(refusal("tensor-expanded.bin").find("larger than its storage") != std::string::npos);
}
