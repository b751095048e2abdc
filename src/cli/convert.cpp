// slalom convert: a folder's weights as safetensors, in Hugging Face's names.
#include "slalom/cli/cli.hpp"
#include "slalom/model_io/folder_file.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/model_io/save_tokenizer.hpp"

namespace slalom {

namespace {

int run(const ParsedOptions& parsed) {
  const std::string in = required_option(parsed, "in"), out = required_option(parsed, "out");
  const LoadedModel<double> loaded = load_model<double>(in);  // which holds every number of the other types
  const std::vector<std::string> switches = loaded.model->config().unlike_hugging_face();
  if (!switches.empty())
    throw Error(concat(in, ": found a model with ", listed(switches),
                       ", wanted one without such switches: Hugging Face's library would misread it"));
  make_folders(out);
  const FolderLock lock(out);
  StagedFiles staged(out, "config.json");
  copy_tokenizer(in, staged.path());
  save_model(*loaded.model, staged.path(), loaded.dtype);
  staged.commit(kTokenizerFiles);
  JsonRow row;
  row.field("written", out + "/model.safetensors")
      .field("dtype", dtype_name(loaded.dtype))
      .field("scalars", loaded.model->parameters().scalars())
      .field("left_out", loaded.ignored);
  write_file("-", row.str() + "\n");
  return 0;
}

}  // namespace

Command convert_command() {
  const std::string why = "it reads IN and writes OUT";
  return {
      .name = "convert",
      .summary = "a folder's weights as safetensors, in Hugging Face's names",
      .options = {{"in", "IN", "", "the model's folder"}, {"out", "OUT", "", "the folder that receives it"}},
      .positional = {"in", "out"},
      .unused = {{"model", why}, {"input", why}, {"output", why}, {"seed", why}, {"precision", why}},
      .examples = {"convert pytorch_folder safetensors_folder", "convert DIR DIR2 --quiet"},
      .run = run};
}

}  // namespace slalom
