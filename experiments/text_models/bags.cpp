// Models that read the same tokens without regard to their order.
#include "slalom/bow/linear_classifiers.hpp"
#include "slalom/bow/naive_bayes.hpp"
#include "text_models.hpp"

namespace slalom::text_models {

namespace {

template <class Score>
Json tested(const char* name, const PackedBatch& test, const Score& score) {
  Index right = 0;
  for (Index b = 0; b < test.texts(); ++b)
    right += (score(test.text(b)) > 0) == (test.labels[static_cast<std::size_t>(b)] == experiment::kPositive);
  return {{"name", name}, {"right", right}, {"texts", test.texts()}};
}

}  // namespace

std::vector<Json> bags_of_words(const Texts& texts, const Tokenizer& tokenizer) {
  PackedBatch train = experiment::batch_of(texts.rows);
  for (Index b = 0; b < texts.held_out.texts(); ++b)
    train.add(texts.held_out.text(b), texts.held_out.labels[static_cast<std::size_t>(b)]);
  const CountedTokens tokens(tokenizer.vocabulary().size(), experiment::special_ids_of(tokenizer));
  const NaiveBayes bayes(count_labelled_texts(train, tokens));
  const LogisticRegression regression = fit_logistic_regression(train, tokens);
  const LinearSvm svm = fit_linear_svm(train, tokens);
  return {tested("naive Bayes", texts.test, [&](auto text) { return bayes.log_odds(text); }),
          tested("logistic regression", texts.test, [&](auto text) { return regression.log_odds(text); }),
          tested("linear SVM", texts.test, [&](auto text) { return svm.margin(text); })};
}

}  // namespace slalom::text_models
