// Agreement with linear models of the corpus, and with texts whose log-odds is known.
#include "text_tables.hpp"

namespace slalom::text_tables {

Section naive_bayes_section(const Study& study) {
  Section section{
      .id = "naive-bayes",
      .item = "nb",
      .title = "Agreement with linear models of the corpus",
      .text =
          "Spearman rank correlation of a text's scores with those that a linear model of the training "
          "corpus gives its tokens, oriented to the predicted class: mean over texts ± standard error, "
          "higher is better. Naive Bayes (log ((count⁺ + 20) / (count⁻ + 20)), the paper's reference) "
          "comes first; logistic regression and linear SVM, which weigh words together, are further "
          "references. What agrees with these is not what the model computes: a model may well go by "
          "something else. The published metric counts every token once and explains the positive class. A "
          "number in brackets is the paper's.",
      .blocks = metric_blocks(study,
                              {"published-naive-bayes", "naive-bayes", "logistic-regression", "linear-svm"})};
  for (Block& block : section.blocks)
    block.closed = block.note.starts_with(metric_named("logistic-regression").title) ||
                   block.note.starts_with(metric_named("linear-svm").title);
  return section;
}

Section true_log_odds_section(const Study& study) {
  return {.id = "true-log-odds",
          .item = "truth",
          .title = "Agreement with a known truth",
          .text =
              "Texts drawn from the unigram distributions of two classes: the log-odds of such a text is "
              "the sum over its tokens of log P(token | 1) / P(token | 0), so every token has a true "
              "score. Correlation of the scores with it, mean over texts ± standard error, higher is "
              "better. Spearman compares orders, Pearson the scores themselves up to one factor. The "
              "model has learned these texts from examples: what it computes is near the truth, not the "
              "truth.",
          .blocks = metric_blocks(study, {"true-log-odds", "true-log-odds-pearson"})};
}

}  // namespace slalom::text_tables
