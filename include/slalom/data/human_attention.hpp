// Which words people marked when they judged a review (Yelp-HAT: Sen et al., "Human Attention Maps for Text
// Classification", ACL 2020).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace slalom {

struct AttendedReview {
  std::string id, subset;                        // "50-0018", "50"
  int label = 0;                                 // 1: positive, by the stars
  std::vector<std::string> words;                // (n), n ≥ 1: the review cut at white space
  std::vector<std::string> answers;              // (annotators): "yes" (positive), "no", "idk" or empty
  std::vector<std::vector<std::uint8_t>> marks;  // (annotators, n), annotators ≥ 1: 1 where a word was marked
};

/// (n) 1 where every annotator marked the word: the paper's ground truth.
std::vector<std::uint8_t> consensus(const AttendedReview& review);
/// (n) how many annotators marked the word.
std::vector<int> agreement(const AttendedReview& review);
/// "50-0018".
std::string numbered_id(const std::string& subset, std::size_t number);

// The readers throw Error with file, line, field, what was found and what was wanted.

/// By its name, which may end in .gz: .jsonl has objects with id, subset, label, tokens, answers and
/// attention; .tsv has id, subset, label, the words joined by spaces, three vectors of marks as digits, and
/// the answers joined by commas ("-" for an empty one).
std::vector<AttendedReview> read_human_attention(const std::string& path);

/// A published file of one row an annotator: Input.label, Input.text, Answer.Q1Answer and Answer.html_output,
/// which has a <span> a word, of class "active" where the word was marked. Rows of the same text and label
/// are one review; reviews are in the order of their first rows, with the ids SUBSET-0000, SUBSET-0001, ….
std::vector<AttendedReview> read_human_attention_csv(const std::string& path, const std::string& subset);

}  // namespace slalom
