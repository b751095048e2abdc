#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "removed_shares.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/kernels/gemm.hpp"
#include "text_study.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;
using namespace slalom::text_study;

const std::vector<std::string> kParts = {"imdb", "yelp", "human", "drawn", "references", "runtime", "shares"};
constexpr int kFormat = 1;  // of the records
constexpr Index kRuntimeTokens = 128;
constexpr std::size_t kExamples = 10;  // of short texts whose scores are recorded
constexpr int kRecordedDigits = 6;
constexpr Index kLongestShares = 160, kReviewsTried = 20;  // tokens; reviews for each that is long enough
constexpr Index kDeletions = 20;                           // of each number of tokens

Settings options_of(const ParsedOptions& parsed) {
  const auto word = [&](const char* name) { return parsed[name].word; };
  Settings options;
  static_cast<Options&>(options) = read_run(parsed, "text_study", kFormat);
  options.data = data_folder(word("data"));
  options.models = word("models");
  options.kinds = text_models(word("arch"), word("layers"));
  options.sizes = of_size<Size>(options.size, {3, 2, 2, 2, 60, {20, 60}, 1, 10},
                                {50, 34, 20, 10, 1000, {100, 300, 1000, 3000}, 3, 60},
                                {500, 1000, 100, 100, 5000, {500, 1000, 2000, 5000}, 5, 60});
  if (parsed.count("texts") > 0)
    options.sizes.texts = options.sizes.attended = options.sizes.drawn = options.sizes.references =
        integer_option(parsed, "texts", 1, 100000);
  if (parsed.count("queries") > 0) options.sizes.queries = integer_option(parsed, "queries", 1, 1 << 24);
  if (parsed.count("longest") > 0) options.tokens = {11, integer_option(parsed, "longest", 11, 1 << 20)};
  return options;
}

std::string identity_of(const StudyText& text) {
  const auto bytes = [](const auto& list) {
    return std::string_view(reinterpret_cast<const char*>(list.data()), list.size() * sizeof(*list.data()));
  };
  return fingerprint(bytes(text.marks), fingerprint(bytes(text.encoding.ids)));
}

// Six digits of every number.
void shorten(Json& value) {
  if (value.is_number_float() && std::isfinite(value.get<double>()))
    value = *parse_number<double>(significant(value.get<double>(), kRecordedDigits));
  else if (value.is_structured())
    for (Json& inner : value) shorten(inner);
}

// What tables are made of: work has all digits, and the scores of every text.
void write_records(const Settings& options, const std::string& name, std::vector<Json> records) {
  if (options.shard) return;
  std::vector<std::size_t> lengths;
  for (const Json& record : records)
    if (record.contains("tokens") && record["tokens"].is_array()) lengths.push_back(record["tokens"].size());
  std::ranges::sort(lengths);
  std::string lines;
  for (Json& record : records) {
    const bool example = lengths.size() <= kExamples || record["tokens"].size() <= lengths[kExamples];
    if (record.contains("methods") && !example && !record["references"].contains("true-log-odds"))
      for (Json& method : record["methods"]) method.erase("scores");
    shorten(record);
    lines += record.dump() + "\n";
  }
  make_folders(options.folder + "/records");
  write_file(concat(options.folder, "/records/", name, ".jsonl"), lines);
}

// "distilbert_2", and its seed if that is not 0.
std::string file_of(const Subject& subject) {
  return subject.key + (subject.seed == 0 ? "" : concat("_seed", subject.seed));
}

// One part a text: what is finished is never explained again.
void explain_all(const Subject& subject, const std::vector<StudyText>& texts, const References& references,
                 const Settings& options) {
  std::map<std::string, std::vector<Json>> records;  // by corpus
  for (const StudyText& one : texts) {
    const Json settings = {
        {"model", subject.key},     {"weights", subject.weights},        {"corpus", one.corpus},
        {"text", identity_of(one)}, {"references", references.identity}, {"queries", options.sizes.queries},
        {"seed", options.seed}};
    records[one.corpus].push_back(
        finished(options, concat(one.corpus, "_", subject.key, "_", one.number), settings,
                 [&](const Part&) { return explain_text(subject, one, references, options); }));
  }
  for (const auto& [corpus, list] : records) write_records(options, corpus + "_" + file_of(subject), list);
}

// A text of about as many tokens as a short review has.
const StudyText& of_usual_length(const std::vector<StudyText>& texts) {
  return *std::ranges::min_element(texts, {}, [](const StudyText& text) {
    return std::abs(std::ssize(text.encoding.ids) - kRuntimeTokens);
  });
}

void measure(const Subject& subject, const std::vector<StudyText>& texts, const Settings& options) {
  const StudyText& text = of_usual_length(texts);
  const Json settings = {{"model", subject.key},
                         {"weights", subject.weights},
                         {"text", identity_of(text)},
                         {"samples", options.sizes.samples},
                         {"repeats", options.sizes.repeats},
                         {"threads", threads()}};
  Json lines = finished(options, "runtime_" + subject.key, settings, [&](const Part&) -> Json {
    return {{"lines", runtimes(subject, text, options)}};
  });
  write_records(options, "runtime_" + subject.key, {lines["lines"].begin(), lines["lines"].end()});
}

// The first reviews of the lengths at which removed shares are measured; a record each, kept as it is
// finished.
void measure_shares(const Subject& subject, const std::vector<StudyText>& texts, const Settings& options) {
  std::vector<Json> records;
  for (const StudyText& one : texts) {
    const ExplainedText text(one.encoding, special_ids_of(*subject.tokenizer));
    const Json settings = {{"model", subject.key},
                           {"weights", subject.weights},
                           {"text", identity_of(one)},
                           {"queries", options.sizes.queries},
                           {"seed", options.seed}};
    records.push_back(finished(options, concat("shares_", one.corpus, "_", subject.key, "_", one.number),
                               settings, [&](const Part&) {
                                 const std::uint64_t seed = stream_key(
                                     options.seed, Purpose::query, static_cast<std::uint64_t>(one.number));
                                 Json record = removed_shares(*subject.box(kPositive), text,
                                                              options.sizes.queries, kDeletions, seed);
                                 record.update({{"corpus_title", one.corpus_title},
                                                {"model_title", subject.title},
                                                {"model_seed", subject.seed},
                                                {"text", one.number},
                                                {"tokens", text.players()}});
                                 return record;
                               }));
  }
  write_records(options, concat("shares_", texts.front().corpus, "_", file_of(subject)), records);
}

// Everything of one architecture that a part asks for.
void run_part(const std::string& part, const TextModel& kind, Settings options) {
  const std::string key = part == "yelp" || part == "human" ? "yelp" : "imdb";
  const std::string trained_on = part == "drawn" ? kBagOfImdb : options.data.empty() ? kGenerated : key;
  const std::unique_ptr<Opened> opened = open_transformer(kind, trained_on, options);
  if (part == "shares") options.tokens = {options.sizes.shortest, kLongestShares};
  const bool chosen = options.tokens.most < std::numeric_limits<Index>::max();
  const TextCorpus corpus = read_corpus(key, options.data, opened->train_texts,
                                        options.sizes.texts * (chosen ? kReviewsTried : 1), options.seed);
  if (part == "shares")
    return measure_shares(opened->subject, texts_of(part, corpus, nullptr, opened->subject, options),
                          options);
  const std::vector<InputRow> reviews = encoded(corpus.train, opened->tokenizer, opened->subject.longest);
  const References references(corpus.train, batch_of(reviews), opened->tokenizer);
  std::optional<BagOfCorpus> drawn;
  if (part == "drawn") drawn.emplace(reviews, opened->tokenizer, opened->subject.longest, options.seed);
  const auto texts = [&](const Subject& subject) {
    return texts_of(part, corpus, drawn ? &*drawn : nullptr, subject, options);
  };
  if (part == "runtime") return measure(opened->subject, texts(opened->subject), options);
  if (part != "references") return explain_all(opened->subject, texts(opened->subject), references, options);
  const Others others = fit_others(reviews, references, *opened, options);
  for (const Subject& subject : others.subjects) explain_all(subject, texts(subject), references, options);
}

// Models by their training records, so that tables can say what was explained.
void write_about(const Settings& options) {
  Json about = {{"size", options.size},
                {"seed", options.seed},
                {"queries", options.sizes.queries},
                {"machine", {{"blas", blas_core()}, {"threads", threads()}}}};
  about["models"] = Json::array();
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options.models))
    if (entry.path().filename() == kTrainingRecord) files.push_back(entry.path().string());
  std::ranges::sort(files);
  for (const std::string& file : files) about["models"].push_back(read_json(file));
  write_file(options.folder + "/records/about.json", about.dump(1) + "\n");
}

int run(const ParsedOptions& parsed) {
  const Settings options = options_of(parsed);
  const std::vector<std::string> parts = split_list(parsed["part"].word);
  for (const std::string& part : parts)
    if (!std::ranges::count(kParts, part)) throw UsageError("--part " + part + ", wanted " + listed(kParts));
  for (const std::string& part : parts)
    for (const TextModel& kind : options.kinds) run_part(part, kind, options);
  if (is_shard(options)) return 0;
  write_about(options);
  if (!options.quiet) std::cerr << "records in " << options.folder << "/records\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(
      argc, argv,
      study("text_study",
            "Explanations of sentiment classifiers by every method (section 6): records for tables",
            {{"part", "A,B", "imdb", "of " + listed(kParts)},
             {"data", "DIR", "", data_folder_help("the reviews that the models were trained on")},
             {"models", "DIR", "out/text_models", "folder that text_models wrote"},
             {"arch", "A,B", "distilbert", "architectures"},
             {"layers", "A,B", "2", "depths"},
             {"texts", "N", "", "reviews of each corpus (default: the size's)"},
             {"longest", "N", "",
              "imdb, yelp: only reviews of 11 to N tokens, as the published --filter_length"},
             {"queries", "N", "", "samples of each method (default: the size's)"}},
            run));
}
