// slalom tokenize: texts as token ids with the bytes they stand for, and vocabularies made from texts.
#include "slalom/cli/classifier.hpp"
#include "slalom/model_io/save_tokenizer.hpp"

namespace slalom {

namespace {

// The rows of --input, or the one text of the command line.
std::variant<TextReader, TextRow> text_source(const ParsedOptions& parsed, const CommonOptions& common) {
  if (parsed.count("text") == 0) return TextReader(common.input, row_format(parsed), csv_columns(parsed));
  TextRow row{.id_json = "0", .text = parsed["text"].word, .line = 1};
  if (parsed.count("text-pair") > 0) row.pair = parsed["text-pair"].word;
  return row;
}

std::string row_json(const TextRow& row, const Encoding& encoding, const Vocabulary& vocabulary) {
  std::vector<std::string> tokens, offsets;
  std::vector<std::int64_t> words, parts;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    const TokenPlace& place = encoding.places[i];
    tokens.push_back(vocabulary.token(encoding.ids[i]));
    offsets.push_back(concat("[", place.begin, ",", place.end, "]"));
    words.push_back(place.word);
    parts.push_back(place.part);
  }
  JsonRow out;
  out.raw("id", row.id_json)
      .field("ids", encoding.ids)
      .field("tokens", tokens)
      .raw_array("offsets", offsets)
      .field("words", words);
  if (row.pair) out.field("parts", parts);
  return out.str() + "\n";
}

int tokenize(const ParsedOptions& parsed, const CommonOptions& common) {
  const Tokenizer tokenizer = required_tokenizer(required_option(parsed, "model"));
  const bool ends_at_error = parsed.count("text") > 0 || parsed.count("strict") > 0;
  TextRows rows(text_source(parsed, common), parsed, common, "");
  OutputFile output(common.output);
  Index tokens = 0;
  for (TextRow row; rows.next(row);) {
    const auto write_tokens = [&] {
      if (rows.bad_row()) throw RowError(*rows.bad_row());
      within_row([&] {
        const Encoding encoding = row.pair ? tokenizer.encode_pair(row.text, *row.pair, rows.where(row))
                                           : tokenizer.encode(row.text, rows.where(row));
        output.write(row_json(row, encoding, tokenizer.vocabulary()));
        tokens += std::ssize(encoding.ids);
      });
    };
    if (ends_at_error)
      write_tokens();
    else if (const auto error = rows.error_of(row, write_tokens))
      output.write(error_row(row.id_json, rows.number(), *error).str() + "\n");
  }
  output.commit();
  check_interrupt();
  if (!common.quiet) say(concat(tokenizer.description(), ", ", tokens, " tokens"));
  return rows.status_of_lines();
}

int train(const ParsedOptions& parsed, const CommonOptions& common) {
  if (common.output == "-") throw UsageError("--output is missing, wanted the folder to write");
  VocabularyTraining training;
  if (parsed["train"].word == "bpe") training.kind = VocabularyKind::byte_pair;
  training.size = integer_option(parsed, "vocabulary", 1, 10'000'000);
  training.min_count = integer_option(parsed, "min-count", 1, 1'000'000'000);
  training.lower_case = parsed["lower-case"].word == "on";
  make_folders(common.output);
  const FolderLock lock(common.output);
  TextRows rows(text_source(parsed, common), parsed, common, "");
  WordCounter counter(training);
  for (TextRow row; rows.next(row);) {
    if (rows.bad_row()) throw RowError(*rows.bad_row());
    counter.add(row.text, rows.where(row));
    if (row.pair) counter.add(*row.pair, rows.where(row));
  }
  check_interrupt();
  const TrainedVocabulary trained = train_vocabulary(counter.counts(), training);
  save_tokenizer(trained, training, common.output);
  if (!common.quiet)
    say(concat(rows.count(), " texts, ", counter.counts().size(), " different words, ",
               trained.vocabulary.size(), " tokens"));
  return 0;
}

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  return parsed.count("train") > 0 ? train(parsed, common) : tokenize(parsed, common);
}

}  // namespace

Command tokenize_command() {
  const OptionTable model = {{"model", "DIR", "", "folder of the tokenizer", "", "train"}};
  const OptionTable strict = {{"strict", "", "", "a row that cannot be read ends the run"}};
  const OptionTable vocabulary = {
      {"train", "wordpiece|bpe", "", "make a vocabulary from the texts, into the folder --output"},
      {"vocabulary", "N", "8000", "its tokens", "train"},
      {"min-count", "N", "2", "pieces are joined if they occur so often side by side", "train"},
      {"lower-case", "on|off", "on", "without upper case and accents", "train=wordpiece"}};
  return {
      .name = "tokenize",
      .summary = "token ids and byte offsets of texts; a vocabulary from a corpus",
      .options = joined({model, text_options(), grouped("text", strict), grouped("vocabulary", vocabulary)}),
      .examples = {"tokenize --model DIR --text \"A quiet film.\"",
                   "tokenize --train bpe --input reviews.tsv --output DIR"},
      .run = run};
}

}  // namespace slalom
