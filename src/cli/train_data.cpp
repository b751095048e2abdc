#include "slalom/cli/train_data.hpp"

#include <array>
#include <functional>
#include <limits>

#include "slalom/base/numbers.hpp"
#include "slalom/cli/classifier.hpp"
#include "slalom/data/windows.hpp"
#include "slalom/train/training_data.hpp"

namespace slalom {

namespace {

LengthDistribution length_distribution(const std::string& name, LengthDistribution fallback) {
  if (name == "binomial") return LengthDistribution::binomial;
  if (name == "fixed") return LengthDistribution::fixed;
  return name == "uniform" ? LengthDistribution::uniform : fallback;
}

// What is kept of a row that is trained on; a text that is too long loses its end under --max-length.
InputRow trained_on(const InputRow& row, Index longest, const std::function<bool(TokenId)>& is_special,
                    Index& cut) {
  const bool fits = longest == 0 || std::ssize(row.ids) <= longest;
  if (!fits) ++cut;
  InputRow kept = row;
  if (!fits) {
    const Index stride = default_stride(row, longest, is_special);
    kept = cut_window(row, windows_of(row, longest, stride, is_special).front(), is_special);
  }
  kept.text[0] = kept.text[1] = {};
  kept.places = {};
  return kept;
}

template <class Numbers>
std::string_view bytes_of(const Numbers& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof numbers[0]};
}

DataSet read_rows(const ParsedOptions& parsed, const CommonOptions& common, const ClassifierConfig* config) {
  DataSet set;
  const std::string file = parsed["data"].word;
  const Index vocabulary = integer_option(parsed, "vocabulary", 0, kMostIds);
  // What a new model is sized by must not come from one wild number: larger ids want --vocabulary.
  RowLimits limits{.vocabulary = std::max(Index{1} << 20, vocabulary),
                   .classes = 1000,
                   .problem = problem_type_named(parsed["problem-type"].word).value()};
  if (limits.problem != ProblemType::single_label) limits.classes = 0;
  if (config != nullptr) limits = row_limits(*config);
  const Index longest = integer_option(parsed, "max-length", 0, Index{1} << 24);
  if (longest > 0) limits.longest = std::numeric_limits<Index>::max();
  const std::string folder = tokenizer_folder(parsed, common);
  std::optional<Tokenizer> tokenizer;
  if (!folder.empty())
    tokenizer = parsed.count("tokenizer") > 0 ? required_tokenizer(folder) : load_tokenizer(folder);
  const FolderTokens tokens = folder.empty() ? FolderTokens{} : read_folder_tokens(folder);
  if (tokenizer && config == nullptr) set.vocabulary = tokenizer->vocabulary().size();
  set.special = tokens.special;
  Index cut = 0;
  RowReader reader(file, limits, tokenizer ? &*tokenizer : nullptr, row_format(parsed), csv_columns(parsed));
  for (InputRow row; reader.next(row);) {
    row = trained_on(
        row, longest, [&](TokenId id) { return tokens.is_special(id); }, cut);
    for (TokenId id : row.ids) set.vocabulary = std::max(set.vocabulary, Index{id} + 1);
    if (!row.targets.empty() && set.rows.empty()) set.labels = std::ssize(row.targets);
    if (!row.targets.empty() && std::ssize(row.targets) != set.labels)
      throw Error(concat(input_name(file), ": line ", row.line, ": field \"label\": found ",
                         row.targets.size(), " numbers, wanted ", set.labels, " as in the row before"));
    set.labels = std::max<Index>(set.labels, row.label.value_or(0) + 1);
    const std::array label = {row.label.value_or(-1)};
    for (const auto part : {bytes_of(row.ids), bytes_of(row.types), bytes_of(label), bytes_of(row.targets)})
      set.fingerprint = fingerprint(part, set.fingerprint);
    set.rows.push_back(std::move(row));
  }
  if (set.rows.empty()) throw Error(input_name(file) + ": found no rows to train on");
  if (cut > 0 && !common.quiet)
    say(concat(cut, " of ", set.rows.size(), " texts were cut to ", longest, " tokens"));
  const Index held_out = integer_option(parsed, "holdout", 0, Index{1} << 40);
  if (held_out >= std::ssize(set.rows))
    throw UsageError(
        concat("--holdout ", held_out, " leaves nothing of ", set.rows.size(), " rows to train on"));
  for (auto row = set.rows.end() - held_out; row != set.rows.end(); ++row)
    add_labelled(*row, input_name(file), set.held_out);
  set.rows.resize(set.rows.size() - static_cast<std::size_t>(held_out));
  return set;
}

}  // namespace

std::string tokenizer_folder(const ParsedOptions& parsed, const CommonOptions& common) {
  return common.model.empty() ? parsed["tokenizer"].word : common.model;
}

DataSet open_data(const ParsedOptions& parsed, const CommonOptions& common, Architecture architecture,
                  const ClassifierConfig* config) {
  const std::uint64_t seed = common.seed;
  const std::string data = parsed["data"].word, words = parsed["slalom-words"].word,
                    length = parsed["length"].word;
  if (data != "sparse_bow" && data != "slalom") return read_rows(parsed, common, config);
  if (!traits(architecture).special_tokens && parsed.count("no-special") > 0)
    throw UsageError(concat("--no-special has no effect with ", name(architecture), ", which has none"));
  DataSet set;
  if (data == "sparse_bow")
    set.source =
        std::make_unique<BagOfWordsSource>(seed, length_distribution(length, LengthDistribution::binomial));
  else
    set.source =
        std::make_unique<SlalomSource>(seed, words.empty() ? toy_slalom_words() : read_slalom_words(words),
                                       length_distribution(length, LengthDistribution::uniform));
  set.special = usual_special_tokens(set.source->vocabulary());
  if (!traits(architecture).special_tokens || parsed.count("no-special") > 0)
    set.special.cls = set.special.sep = std::nullopt;
  set.vocabulary = set.source->vocabulary().size();
  if (!words.empty()) set.fingerprint = fingerprint(read_file(words));
  return set;
}

}  // namespace slalom
