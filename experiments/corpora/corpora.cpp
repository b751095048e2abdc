// Public data sets: what is there, whether it is as published, and the form that the studies read.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>

#include "../support/experiment.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/random.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/data/human_attention.hpp"
#include "slalom/data/reviews.hpp"
#include "slalom/data/synthetic.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;

// --- what is known ---------------------------------------------------------------------------------------

struct Counts {
  std::optional<Index> rows, negative, positive;
  bool operator==(const Counts&) const = default;
};

// A file or folder that is known: a line of known.tsv, where "-" is nothing.
struct Known {
  std::vector<std::string> files;  // names below the folder of data, of which one is enough
  std::string form;                // reviews, sst2, attended, words, bytes; acl_imdb, polarity, attended_csv
  std::string gives;               // the file that studies read, without .gz
  std::string subset;              // of human attention
  Counts counts;
  std::string sha256, source;

  bool is_original() const { return form == "acl_imdb" || form == "polarity" || form == "attended_csv"; }
};

std::optional<Index> count_of(const std::string& field, const std::string& where) {
  if (field == "-") return std::nullopt;
  const std::optional<Index> count = parse_number<Index>(field);
  if (!count) throw Error(where + ": found \"" + field + "\", wanted a count or -");
  return count;
}

std::vector<Known> read_known(const std::string& path) {
  constexpr std::size_t kFields = 9;
  LineReader lines(path);
  std::vector<Known> all;
  std::string line;
  lines.next(line);  // the header
  while (lines.next(line)) {
    const std::vector<std::string> fields = split(line, '\t');
    if (fields.size() != kFields)
      throw Error(concat(lines.where(), ": found ", fields.size(), " fields, wanted ", kFields));
    const auto count = [&](std::size_t i) { return count_of(fields[i], lines.where()); };
    all.push_back({split(fields[0], '|'), fields[1], fields[2], fields[3],
                   Counts{count(4), count(5), count(6)}, fields[7], fields[8]});
  }
  return all;
}

// All that is in such a file.
struct Contents {
  std::vector<Review> reviews;
  std::vector<AttendedReview> attended;
  Counts counts;
  std::string sha256;  // of a folder: of its reviews' files in the order in which they are read
};

template <class Labelled>
Counts counts_of(const std::vector<Labelled>& reviews) {
  const Index rows = std::ssize(reviews), positive = std::ranges::count(reviews, 1, &Labelled::label);
  return {rows, rows - positive, positive};
}

Contents read_contents(const Known& known, const std::string& path) {
  Contents contents;
  if (known.form == "reviews")
    contents.reviews = read_reviews(path);
  else if (known.form == "sst2")
    contents.reviews = read_sst2(path);
  else if (known.form == "acl_imdb")
    contents.reviews = read_acl_imdb(path);
  else if (known.form == "polarity")
    contents.reviews = read_polarity_csv(path);
  else if (known.form == "attended")
    contents.attended = read_human_attention(path);
  else if (known.form == "attended_csv")
    contents.attended = read_human_attention_csv(path, known.subset);
  else if (known.form == "words")
    contents.counts.rows = std::ssize(read_slalom_words(path));
  if (!contents.reviews.empty()) contents.counts = counts_of(contents.reviews);
  if (!contents.attended.empty()) contents.counts = counts_of(contents.attended);
  contents.sha256 = sha256_of_files(known.form == "acl_imdb" ? acl_imdb_files(path) : std::vector{path});
  return contents;
}

std::string verdict(const Known& known, const Contents& contents) {
  if (contents.sha256 == known.sha256) return "as published";
  if (known.counts.rows && known.counts == contents.counts) return "row counts as published";
  return known.sha256 == "-" ? "other row counts" : "other bytes";
}

// --- the files that studies read -------------------------------------------------------------------------

// Lower case, without "<br />", and of what remains a-z and 0-9 alone: what repeated reviews are told by.
std::string normalised_text(const std::string& text) {
  constexpr std::string_view kBreak = "<br />";
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (std::string_view(text).substr(at).starts_with(kBreak))
      at += kBreak.size() - 1;
    else if (c >= 'A' && c <= 'Z')
      out += static_cast<char>(c - 'A' + 'a');
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      out += c;
  }
  return out;
}

// The order in which converted reviews are written: each label shuffled, and as long as there are both, two
// consecutive reviews have one of each. So the first N are a balanced sample.
std::vector<Review> balanced_order(std::vector<Review> reviews, std::uint64_t seed) {
  std::array<std::vector<Review>, 2> of_label;
  for (Review& review : reviews)
    of_label.at(static_cast<std::size_t>(review.label)).push_back(std::move(review));
  for (std::uint64_t label = 0; label < 2; ++label) {
    Rng rng(seed, Purpose::data, label);
    std::vector<Review>& list = of_label[label];
    for (std::size_t left = list.size(); left > 1; --left)
      std::swap(list[left - 1], list[rng.below(static_cast<std::uint32_t>(left))]);
  }
  Rng first(seed, Purpose::data, 2);
  reviews.clear();
  for (std::size_t pair = 0; pair < std::max(of_label[0].size(), of_label[1].size()); ++pair)
    for (const std::size_t flip = first.below(2); const std::size_t label : {flip, 1 - flip})
      if (pair < of_label[label].size()) reviews.push_back(std::move(of_label[label][pair]));
  return reviews;
}

std::string attended_line(const AttendedReview& review) {
  Json attention = Json::array();
  for (const auto& marks : review.marks) {
    Json& row = attention.emplace_back(Json::array());
    for (const std::uint8_t mark : marks) row.push_back(mark == 1 ? 1 : 0);
  }
  return JsonRow()
             .field("id", review.id)
             .field("subset", review.subset)
             .field("label", review.label)
             .field("tokens", std::span<const std::string>(review.words))
             .field("answers", std::span<const std::string>(review.answers))
             .raw("attention", attention.dump())
             .str() +
         "\n";
}

// Writes what was found into a folder, in the form that studies read.
class Writer {
 public:
  Writer(std::string folder, std::uint64_t seed) : folder_(std::move(folder)), seed_(seed) {}

  // The name of the file (empty: nothing, another file gave it), and how many reviews were left out since
  // their normalised text had been there before. Originals are converted, everything else is copied as it is
  // unless an original gave the same. `name` is that of the file below the folder of data.
  std::pair<std::string, Index> add(const Known& known, const std::string& path, const std::string& name,
                                    Contents contents) {
    make_folders(folder_);
    std::unordered_set<std::string>& seen = seen_[known.gives.substr(0, known.gives.find('_'))];
    const bool is_first = given_.insert(known.gives).second;
    if (!is_first && !known.is_original()) return {};
    for (const AttendedReview& review : contents.attended) {
      std::string text;
      for (const std::string& word : review.words) text += word;
      seen.insert(fingerprint(normalised_text(text)));
    }
    if (known.form == "attended_csv") {
      std::ranges::move(contents.attended, std::back_inserter(attended_));
      return {known.gives, 0};
    }
    const auto dropped = std::erase_if(contents.reviews, [&](const Review& review) {
      return !seen.insert(fingerprint(normalised_text(review.text))).second;
    });
    if (!known.is_original()) return {copied(path, name, known.gives), 0};
    std::string lines;
    for (const Review& review : balanced_order(std::move(contents.reviews), seed_))
      lines += concat(review.label, "\t", review.text, "\n");
    write(known.gives, lines);
    return {known.gives, static_cast<Index>(dropped)};
  }

  // Human attention comes in several files, and is written when all have been added.
  void finish() {
    std::map<std::string, std::string> files;
    for (const AttendedReview& review : attended_) {
      const bool whole = review.marks.size() == 3 && review.subset != "part7";
      files[whole ? "yelp_hat.jsonl" : "yelp_hat_extra.jsonl"] += attended_line(review);
    }
    for (const auto& [name, lines] : files) write(name, lines);
  }

 private:
  // Studies look for NAME.gz, then for NAME: what an earlier run left as the other one must not be found.
  void write(const std::string& name, std::string_view bytes) const {
    write_file(folder_ + "/" + name, bytes);
    std::filesystem::remove(folder_ + "/" +
                            (name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name + ".gz"));
  }

  std::string copied(const std::string& path, const std::string& name, const std::string& gives) const {
    const std::string to = name.find('/') == std::string::npos ? name : gives;
    std::ifstream in(path, std::ios::binary);  // the bytes as they are stored, compressed or not
    write(to, std::string(std::istreambuf_iterator<char>(in), {}));
    return to;
  }

  std::string folder_;
  std::uint64_t seed_;
  std::set<std::string> given_;
  std::vector<AttendedReview> attended_;
  std::map<std::string, std::unordered_set<std::string>> seen_;  // of a corpus, fingerprints of texts
};

// --- program ---------------------------------------------------------------------------------------------

// Checks a file, and writes it in the form that studies read; a broken one is told of.
Json examined(const Known& known, const std::string& folder, const std::string& name, Writer& writer) {
  check_interrupt();
  Json row = {{"file", name}, {"form", known.form}, {"verdict", "broken"}, {"sha256", ""}};
  std::pair<std::string, Index> written;
  try {
    const std::string path = folder + "/" + name;
    Contents contents = read_contents(known, path);
    const Counts counts = contents.counts;
    row["sha256"] = contents.sha256;
    const std::string said = verdict(known, contents);
    written = writer.add(known, path, name, std::move(contents));
    row["verdict"] = said;
    if (counts.rows) row["rows"] = *counts.rows;
    if (counts.negative) row.update({{"negative", *counts.negative}, {"positive", *counts.positive}});
  } catch (const Error& error) {
    if (error.status() == ExitStatus::interrupted) throw;
    say_error(error);
    row["sha256"] = "";
  }
  row["written"] = written.first;
  row["dropped"] = written.second;
  return row;
}

Table table_of_files(const std::vector<Json>& files) {
  std::vector<Column<Json>> columns;
  for (const char* name :
       {"file", "form", "rows", "negative", "positive", "sha256", "verdict", "written", "dropped"}) {
    const bool number = std::string_view("rows negative positive dropped").find(name) != std::string::npos;
    columns.push_back({name, [name](const Json& row) { return row.contains(name) ? as_is(name)(row) : "-"; },
                       number ? Table::Align::right : Table::Align::left});
  }
  return table_of(files, columns);
}

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  const std::string folder = parsed["data"].word, output = common.output == "-" ? "out/data" : common.output;
  if (!folder.empty() && !std::filesystem::is_directory(folder))
    throw Error(folder + ": found no such folder");
  std::error_code ignored;
  if (!folder.empty() && std::filesystem::equivalent(folder, output, ignored))
    throw UsageError("--output " + output + ", wanted another folder than --data");

  const std::vector<Known> all = read_known("experiments/corpora/known.tsv");
  std::set<std::string> given;
  std::vector<Json> files, missing;
  Writer writer(output, common.seed);
  for (const Known& known : all)
    for (const std::string& name : known.files)
      if (!folder.empty() && std::filesystem::exists(concat(folder, "/", name))) {
        given.insert(known.gives);
        files.push_back(examined(known, folder, name, writer));
        break;
      }
  writer.finish();
  for (const Known& known : all)
    if (given.insert(known.gives).second)
      missing.push_back({{"file", known.gives}, {"source", known.source}});
  if (!files.empty()) std::cout << table_of_files(files).text() << "\n";
  if (!missing.empty())
    std::cout << table_of<Json>(missing, {{"missing", as_is("file")},
                                          {"where to get it", as_is("source"), Table::Align::left}})
                     .text();
  if (folder.empty()) return 0;
  make_folders(output);
  write_file(output + "/corpora.json",
             Json{{"seed", common.seed}, {"files", files}, {"missing", missing}}.dump() + "\n");
  const bool broken = std::ranges::count(files, "broken", [](const Json& row) { return row["verdict"]; }) > 0;
  return static_cast<int>(broken ? ExitStatus::bad_input : ExitStatus::done);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(
      argc, argv,
      {.name = "corpora",
       .summary = "Checks public data sets, and prepares them for the studies (data/README.md)",
       .options = {{"data", "DIR", "",
                    "folder of what was fetched; without one, what there is to fetch is listed"}},
       .run = run,
       .program = ""});
}
