// Labelled reviews, from files of our own form and from published data sets as they come.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/base/index.hpp"

namespace slalom {

struct Review {
  std::string text;  // UTF-8
  int label = 0;     // 1: positive
};

// All readers throw Error with file, line, field, what was found and what was wanted: for labels other than
// those named, for text that is not UTF-8 and for files without a review. Files may be gzip.

/// Lines "label<TAB>text", label 0 or 1; the first `most` of them.
std::vector<Review> read_reviews(const std::string& path, Index most = std::numeric_limits<Index>::max());

/// Sentences of GLUE's SST-2: the header "sentence<TAB>label", then such lines; the first `most` of them.
/// Spaces at the ends of a sentence are kept.
std::vector<Review> read_sst2(const std::string& path, Index most = std::numeric_limits<Index>::max());

/// A split of the Large Movie Review Dataset, such as aclImdb/train: neg/ and pos/ hold a file a review,
/// named NUMBER_RATING.txt. First the negative ones, in the order of acl_imdb_files(); each as one_line().
std::vector<Review> read_acl_imdb(const std::string& folder);
/// neg/*.txt, then pos/*.txt, each by number, then by name.
std::vector<std::string> acl_imdb_files(const std::string& folder);

/// train.csv or test.csv of yelp_review_polarity_csv: no header, class "1" (negative) or "2" (positive), and
/// the text, in which the escapes \n, \r, \t, \" and \uXXXX are undone; then as one_line(). Other backslashes
/// stay.
std::vector<Review> read_polarity_csv(const std::string& path);

/// Each run of line breaks, tabs and their kin (U+0009-U+000D, U+001C-U+001F, U+0085, U+2028, U+2029) as one
/// space, without white space at the ends. The text must be UTF-8.
std::string one_line(std::string_view text);

/// 0 or 1 for a label that is written as `negative` or `positive`; throws Error naming `where` for any other.
int sentiment_label(std::string_view found, std::string_view negative, std::string_view positive,
                    const std::string& where);

}  // namespace slalom
