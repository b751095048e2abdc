// slalom tokenize: texts as token ids with the bytes they stand for, and vocabularies made from texts.
#include "slalom/base/interrupt.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/messages.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/cli/texts.hpp"
#include "slalom/data/texts.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"
#include "slalom/text/train_vocabulary.hpp"

namespace slalom {

namespace {

// The rows of --input, or the one text of the command line.
class TextRows {
 public:
  TextRows(const ParsedOptions& parsed, const CommonOptions& common)
      : name_(parsed.count("text") > 0 ? "--text" : input_name(common.input)) {
    if (parsed.count("text") == 0) {
      say_waiting(common);
      reader_.emplace(common.input, row_format_named(parsed["format"].as<std::string>()),
                      csv_columns(parsed));
      return;
    }
    only_.emplace(TextRow{.id_json = "0", .text = parsed["text"].as<std::string>(), .line = 1});
    if (parsed.count("text-pair") > 0) only_->pair = parsed["text-pair"].as<std::string>();
  }
  bool next(TextRow& row) {
    if (reader_) return reader_->next(row);
    if (!only_) return false;
    row = std::move(*only_);
    only_.reset();
    return true;
  }
  std::string where(const TextRow& row) const { return reader_ ? concat(name_, ": line ", row.line) : name_; }

 private:
  std::string name_;
  std::optional<TextReader> reader_;
  std::optional<TextRow> only_;  // until it is given
};

std::string row_json(const TextRow& row, const Encoding& encoding, const Vocabulary& vocabulary) {
  std::vector<std::string> tokens;
  std::vector<std::int64_t> words, parts;
  std::string offsets;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    const TokenPlace& place = encoding.places[i];
    tokens.push_back(vocabulary.token(encoding.ids[i]));
    offsets += concat(i == 0 ? "[" : ",[", place.begin, ",", place.end, "]");
    words.push_back(place.word);
    parts.push_back(place.part);
  }
  JsonRow out;
  out.raw("id", row.id_json)
      .field("ids", encoding.ids)
      .field("tokens", tokens)
      .raw("offsets", '[' + offsets + ']')
      .field("words", words);
  if (row.pair) out.field("parts", parts);
  return out.str() + "\n";
}

int tokenize(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  const std::string folder = required_option(parsed, "model");
  const std::optional<Tokenizer> tokenizer = load_tokenizer(folder);
  if (!tokenizer)
    throw Error(folder +
                ": found no tokenizer.json, vocab.txt, vocab.json with merges.txt, or SentencePiece model");
  TextRows rows(parsed, common);
  OutputFile output(common.output);
  Index tokens = 0, number = 0, failed = 0;
  for (TextRow row; !interrupted(); ++number) try {
      if (!rows.next(row)) break;
      const std::string where = rows.where(row);
      Encoding encoding;
      within_row([&] {
        encoding = row.pair ? tokenizer->encode_pair(row.text, *row.pair, where)
                            : tokenizer->encode(row.text, where);
      });
      output.write(row_json(row, encoding, tokenizer->vocabulary()));
      tokens += std::ssize(encoding.ids);
    } catch (const RowError& e) {
      if (parsed.count("text") > 0 || parsed.count("strict") > 0) throw;
      say_error(e);
      output.write(error_row(row.id_json, number, e.what()).str() + "\n");
      ++failed;
    }
  output.commit();
  check_interrupt();
  if (!common.quiet) say(concat(tokenizer->description(), ", ", tokens, " tokens"));
  return status_of_rows(failed, number, common);
}

VocabularyTraining training_of(const ParsedOptions& parsed) {
  VocabularyTraining training;
  if (parsed["train"].as<std::string>() == "bpe") training.kind = VocabularyKind::byte_pair;
  training.size = integer_option(parsed, "vocabulary", 1, 10'000'000);
  training.min_count = integer_option(parsed, "min-count", 1, 1'000'000'000);
  training.lower_case = parsed["lower-case"].as<std::string>() == "on";
  return training;
}

int train(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  const VocabularyTraining training = training_of(parsed);
  if (common.output == "-") throw UsageError("--output is missing, wanted the folder to write");
  make_folders(common.output);
  const FolderLock lock(common.output);
  TextRows rows(parsed, common);
  WordCounter counter(training);
  Index texts = 0;
  for (TextRow row; rows.next(row); ++texts) {
    check_interrupt();
    counter.add(row.text, rows.where(row));
    if (row.pair) counter.add(*row.pair, rows.where(row));
  }
  const std::vector<WordCounter::Word> words = counter.words();
  const TrainedVocabulary trained = train_vocabulary(words, training);
  save_tokenizer_files(trained, training, common.output);
  if (!common.quiet)
    say(concat(texts, " texts, ", words.size(), " different words, ", trained.vocabulary.size(), " tokens"));
  return 0;
}

int run(const ParsedOptions& parsed) {
  return parsed.count("train") > 0 ? train(parsed) : tokenize(parsed);
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
