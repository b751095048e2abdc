// libFuzzer: whatever model.safetensors.index.json holds, load_model throws Error or gives the weights of the
// shards beside it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "folder.hpp"
#include "slalom/base/error.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace {

slalom::ClassifierConfig small() {
  slalom::ClassifierConfig config = slalom::default_config(slalom::Architecture::distilbert, 1, 2, 1, 4);
  config.max_positions = 4;
  config.feed_forward = 2;
  return config;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const slalom::test::FuzzFolder folder;
  static const bool prepared = [] {
    slalom::Classifier<float> model(small());
    model.initialise(1);
    slalom::save_model(model, folder.path());
    std::filesystem::rename(folder.file("model.safetensors"), folder.file("a.safetensors"));
    folder.write("b.safetensors", std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
    return true;
  }();
  if (!prepared) std::abort();
  folder.write("model.safetensors.index.json", {reinterpret_cast<const char*>(bytes), size});
  try {
    const auto loaded = slalom::load_model<float>(folder.path());
    if (loaded.files.empty() || !loaded.ignored.empty()) std::abort();
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
