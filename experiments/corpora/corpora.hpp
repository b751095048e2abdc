// Public data sets: what is there, whether it is as published, and the form that the studies read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "slalom/base/parallel.hpp"
#include "slalom/data/human_attention.hpp"
#include "slalom/data/reviews.hpp"

namespace slalom::corpora {

/// A file or folder that is known: a line of known.tsv, where "-" is nothing.
struct Known {
  std::vector<std::string> files;  // names below the folder of data, of which one is enough
  std::string form;                // reviews, sst2, attended, words, bytes; acl_imdb, polarity, attended_csv
  std::string gives;               // the file that studies read, without .gz
  std::string subset;              // of human attention
  std::optional<Index> rows, negative, positive;
  std::string sha256, source;

  bool is_original() const { return form == "acl_imdb" || form == "polarity" || form == "attended_csv"; }
};
/// Throws Error with file and line.
std::vector<Known> read_known(const std::string& path);

/// All that is in such a file.
struct Contents {
  std::vector<Review> reviews;
  std::vector<AttendedReview> attended;
  std::optional<Index> rows, negative, positive;
  std::string sha256;  // of a folder: of its reviews' files in the order in which they are read
};
/// Throws Error with file and line if it is not in its form.
Contents read_contents(const Known& known, const std::string& path);
/// "as published", "row counts as published", "other bytes" or "other row counts".
std::string verdict(const Known& known, const Contents& contents);

/// Lower case, without "<br />", and of what remains a-z and 0-9 alone: what repeated reviews are told by.
std::string normalised_text(const std::string& text);

/// The order in which converted reviews are written: each label shuffled, and as long as there are both, two
/// consecutive reviews have one of each. So the first N are a balanced sample.
std::vector<Review> balanced_order(std::vector<Review> reviews, std::uint64_t seed);

/// Writes what was found into a folder, in the form that studies read.
class Writer {
 public:
  /// Makes the folder.
  Writer(std::string folder, std::uint64_t seed) : folder_(std::move(folder)), seed_(seed) {}

  struct Written {
    std::string name;   // empty: nothing, another file gave it
    Index dropped = 0;  // reviews whose normalised text had been there before
  };
  /// Originals are converted, everything else is copied as it is unless an original gave the same. `name` is
  /// that of the file below the folder of data.
  Written add(const Known& known, const std::string& path, const std::string& name, Contents contents);
  /// Human attention comes in several files, and is written when all have been added.
  void finish();

 private:
  Index drop_repeated(const std::string& corpus, std::vector<Review>& reviews);
  void write_reviews(const std::string& name, const std::vector<Review>& reviews) const;
  void copy(const std::string& path, const std::string& name) const;
  void remove_other_form(const std::string& name) const;

  std::string folder_;
  std::uint64_t seed_;
  std::set<std::string> given_;
  std::vector<AttendedReview> attended_;
  std::map<std::string, std::unordered_set<std::string>>
      seen_;  // fingerprints of normalised texts of a corpus
};

}  // namespace slalom::corpora
