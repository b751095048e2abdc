// Bags of words on public reviews, where they are to be had.
#include <doctest/doctest.h>

#include <cctype>
#include <filesystem>
#include <string>
#include <unordered_map>

#include "slalom/bow/linear_classifiers.hpp"
#include "slalom/bow/naive_bayes.hpp"
#include "slalom/data/texts.hpp"

using namespace slalom;

namespace {

/// Numbers the lower-case runs of letters and apostrophes in order of appearance, from 1; 0 is an unknown
/// word.
class Words {
 public:
  std::vector<TokenId> read(const std::string& text, bool learn) {
    std::vector<TokenId> ids;
    std::string word;
    const auto end_word = [&] {
      if (word.empty()) return;
      const auto next = static_cast<TokenId>(ids_.size() + 1);
      if (learn) ids.push_back(ids_.try_emplace(word, next).first->second);
      if (!learn) ids.push_back(ids_.contains(word) ? ids_[word] : 0);
      word.clear();
    };
    for (const char c : text) {
      const int lower = std::tolower(static_cast<unsigned char>(c));
      if ((lower >= 'a' && lower <= 'z') || lower == '\'')
        word += static_cast<char>(lower);
      else
        end_word();
    }
    end_word();
    return ids;
  }
  Index size() const { return std::ssize(ids_) + 1; }

 private:
  std::unordered_map<std::string, TokenId> ids_;
};

PackedBatch read_reviews(const std::string& path, Words& words, bool learn) {
  TextReader reader(path);
  PackedBatch batch;
  for (TextRow row; reader.next(row);) batch.add(words.read(row.text, learn), row.label.value());
  return batch;
}

double accuracy(const PackedBatch& texts, const LinearBag& bag) {
  double right = 0;
  for (Index b = 0; b < texts.texts(); ++b)
    right += (bag.value(texts.text(b)) > 0) == (texts.labels[static_cast<std::size_t>(b)] == 1);
  return right / static_cast<double>(texts.texts());
}

/// What a corpus should give with naive Bayes and logistic regression.
void check_corpus(const std::string& path, double multinomial, double logistic) {
  Words words;
  const PackedBatch train = read_reviews(path + "_train.tsv.gz", words, true),
                    test = read_reviews(path + "_test.tsv.gz", words, false);
  const CountedTokens tokens(words.size(), [](TokenId) { return false; });
  const LinearBag bayes = fit_naive_bayes(count_labelled_texts(train, tokens)),
                  regression =
                      fit_linear_classifier(LinearLoss::logistic, train, tokens, {.cost = 1.0 / 16}).bag;
  CHECK(std::abs(accuracy(test, bayes) - multinomial) < 1e-3);
  CHECK(std::abs(accuracy(test, regression) - logistic) < 2e-3);
}

}  // namespace

TEST_CASE("bags of words reach their known accuracies on IMDB and Yelp reviews") {
  const std::string data = "../shared/data/";
  if (!std::filesystem::exists(data)) {
    MESSAGE("skipped: no " << data);
    return;
  }
  check_corpus(data + "imdb", .803, .8545);
  check_corpus(data + "yelp", .875, .908);
}
