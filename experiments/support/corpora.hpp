// The texts of the studies of sentiment models: public reviews of a folder that is named, else generated
// ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slalom/base/index.hpp"
#include "slalom/data/human_attention.hpp"
#include "slalom/data/reviews.hpp"

namespace slalom::experiment {

/// What is chosen to have generated reviews.
inline constexpr const char* kGenerated = "generated";

struct TextCorpus {
  std::string key;    // "imdb", "yelp", "sst2" or "generated"
  std::string title;  // "IMDB", "generated reviews"
  bool generated = false;
  std::vector<Review> train, test;  // no review of one is in the other
};

/// The folder of public reviews; "" for generated ones, which are kGenerated or, said on stderr, nothing
/// chosen. Throws Error if the chosen one is not there.
std::string data_folder(const std::string& chosen);
/// "folder of …, or "generated" (default)", for the help of --data.
std::string data_folder_help(const std::string& files);

/// The first reviews of KEY_train.tsv and KEY_test.tsv (of SST-2: sst2_train.tsv, sst2_dev.tsv), each also
/// with .gz; of an empty folder generated ones, a function of the seed. Throws Error for another key, for
/// files that are missing and as the readers do.
TextCorpus read_corpus(const std::string& key, const std::string& folder, Index most_train, Index most_test,
                       std::uint64_t seed);

/// The first reviews of a subset, "50", "100" or "200" words long, of yelp_hat.jsonl or yelp_hat.tsv, each
/// also with .gz; of an empty folder generated ones. Throws Error as read_corpus() does, and for a subset
/// that the file does not have.
std::vector<AttendedReview> read_attended(const std::string& folder, const std::string& subset, Index most,
                                          std::uint64_t seed);

}  // namespace slalom::experiment
