// slalom convert: a folder's weights as safetensors, in Hugging Face's names.
#include "slalom/cli/cli.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"

namespace slalom {

int run_convert(int argc, char** argv) {
  cxxopts::Options options =
      common_options("convert", "A folder's weights as safetensors, in Hugging Face's names.");
  options.positional_help("IN OUT");
  options.add_options()("in", "the model's folder", cxxopts::value<std::string>()->default_value(""), "DIR")(
      "out", "the folder that receives it", cxxopts::value<std::string>()->default_value(""), "DIR");
  options.parse_positional({"in", "out"});
  const auto parsed = parse_options(options, argc, argv);
  if (!parsed) return 0;
  read_common(*parsed);
  refuse_options(*parsed, {"model", "input", "output", "seed", "precision"},
                 "in convert: it reads IN and writes OUT");
  const std::string in = required_option(*parsed, "in"), out = required_option(*parsed, "out");
  const LoadedModel<double> loaded = load_model<double>(in);  // which holds every number of the other types
  make_folders(out);
  const FolderLock lock(out);
  StagedFiles staged(out, "config.json");
  copy_tokenizer(in, staged.path());
  save_model(*loaded.model, staged.path(), loaded.dtype);
  staged.commit(kTokenizerFiles);
  OutputFile row("-");
  row.write(JsonRow()
                .field("written", out + "/model.safetensors")
                .field("dtype", dtype_name(loaded.dtype))
                .field("scalars", loaded.model->parameters().scalars())
                .field("left_out", std::span<const std::string>(loaded.ignored))
                .str() +
            "\n");
  row.commit();
  return 0;
}

}  // namespace slalom
