// What is known, and reading it.
#include <algorithm>
#include <charconv>

#include "corpora.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/data/synthetic.hpp"

namespace slalom::corpora {

namespace {

std::optional<Index> count_of(const std::string& field, const std::string& where) {
  if (field == "-") return std::nullopt;
  Index count = 0;
  const char* const end = field.data() + field.size();
  if (const auto [stop, code] = std::from_chars(field.data(), end, count); stop != end || code != std::errc{})
    throw Error(where + ": found \"" + field + "\", wanted a count or -");
  return count;
}

template <class Labelled>
void count(const std::vector<Labelled>& reviews, Contents& contents) {
  contents.rows = std::ssize(reviews);
  contents.positive = std::ranges::count(reviews, 1, &Labelled::label);
  contents.negative = *contents.rows - *contents.positive;
}

}  // namespace

std::vector<Known> read_known(const std::string& path) {
  constexpr std::size_t kFields = 9;
  LineReader lines(path);
  std::vector<Known> all;
  std::string line;
  lines.next(line);  // the header
  while (lines.next(line)) {
    const std::vector<std::string> fields = split(line, '\t');
    const std::string where = lines.where();
    if (fields.size() != kFields)
      throw Error(concat(where, ": found ", fields.size(), " fields, wanted ", kFields));
    all.push_back({split(fields[0], '|'), fields[1], fields[2], fields[3], count_of(fields[4], where),
                   count_of(fields[5], where), count_of(fields[6], where), fields[7], fields[8]});
  }
  return all;
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
    contents.rows = std::ssize(read_slalom_words(path));
  if (!contents.reviews.empty()) count(contents.reviews, contents);
  if (!contents.attended.empty()) count(contents.attended, contents);
  contents.sha256 = sha256_of_files(known.form == "acl_imdb" ? acl_imdb_files(path) : std::vector{path});
  return contents;
}

std::string verdict(const Known& known, const Contents& contents) {
  if (contents.sha256 == known.sha256) return "as published";
  if (known.rows && known.rows == contents.rows && known.negative == contents.negative &&
      known.positive == contents.positive)
    return "row counts as published";
  return known.sha256 == "-" ? "other row counts" : "other bytes";
}

}  // namespace slalom::corpora
