#include "corpora.hpp"

#include <filesystem>
#include <initializer_list>
#include <iostream>

#include "slalom/base/error.hpp"
#include "slalom/data/generated_reviews.hpp"

namespace slalom::experiment {

namespace {

constexpr std::uint64_t kFirstTestReview = std::uint64_t{1} << 40;

/// The first of the files that is in the folder, plain or as .gz; "" if none is.
std::string find_file(const std::string& folder, std::initializer_list<const char*> names) {
  for (const char* name : names)
    for (const char* end : {".gz", ""})
      if (std::string path = concat(folder, "/", name, end); std::filesystem::exists(path)) return path;
  return "";
}

std::string required_file(const std::string& folder, std::initializer_list<const char*> names) {
  std::string path = find_file(folder, names);
  if (path.empty())
    throw Error(concat(folder, ": found no ", listed(names), ", also not as .gz"),
                "`make data DATA=DIR` prepares published files; data/README.md says where to get them");
  return path;
}

std::vector<Review> generate(std::uint64_t seed, std::uint64_t first, Index count) {
  std::vector<Review> reviews;
  for (Index i = 0; i < count; ++i)
    reviews.push_back(generated_review(seed, first + static_cast<std::uint64_t>(i)));
  return reviews;
}

}  // namespace

std::string data_folder(const std::string& chosen) {
  if (chosen == kGenerated) return "";
  if (chosen.empty()) {
    std::cerr << "no folder of reviews was named (--data DIR, make DATA=DIR): generated reviews are used\n";
    return "";
  }
  if (!std::filesystem::is_directory(chosen)) throw Error(chosen + ": found no such folder");
  return chosen;
}

std::string data_folder_help(const std::string& files) {
  return concat("folder of ", files, ", or \"", kGenerated, "\" (default)");
}

TextCorpus read_corpus(const std::string& key, const std::string& folder, Index most_train, Index most_test,
                       std::uint64_t seed) {
  if (key != "imdb" && key != "yelp" && key != "sst2" && key != kGenerated)
    throw Error("corpus \"" + key + "\", wanted imdb, yelp, sst2 or " + kGenerated);
  if (folder.empty() || key == kGenerated)
    return {kGenerated, "generated reviews", true, generate(seed, 0, most_train),
            generate(seed, kFirstTestReview, most_test)};
  if (key == "sst2")
    return {key, "SST-2", false, read_sst2(required_file(folder, {"sst2_train.tsv"}), most_train),
            read_sst2(required_file(folder, {"sst2_dev.tsv"}), most_test)};
  return {key, key == "imdb" ? "IMDB" : "Yelp", false,
          read_reviews(required_file(folder, {(key + "_train.tsv").c_str()}), most_train),
          read_reviews(required_file(folder, {(key + "_test.tsv").c_str()}), most_test)};
}

std::vector<AttendedReview> read_attended(const std::string& folder, const std::string& subset, Index most,
                                          std::uint64_t seed) {
  if (subset != "50" && subset != "100" && subset != "200")
    throw Error("human attention of \"" + subset + "\" words, wanted 50, 100 or 200");
  std::vector<AttendedReview> reviews;
  if (folder.empty()) {
    for (Index i = 0; i < most; ++i)
      reviews.push_back(generated_attended_review(seed, static_cast<std::uint64_t>(i), std::stoll(subset)));
    return reviews;
  }
  const std::string path = required_file(folder, {"yelp_hat.jsonl", "yelp_hat.tsv"});
  for (AttendedReview& review : read_human_attention(path))
    if (review.subset == subset && std::ssize(reviews) < most) reviews.push_back(std::move(review));
  if (reviews.empty()) throw Error(concat(path, ": found no review of the subset ", subset));
  return reviews;
}

}  // namespace slalom::experiment
