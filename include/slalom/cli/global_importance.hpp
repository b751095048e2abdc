// slalom explain --aggregate: global token importance, one row for each token of all rows.
#pragma once

#include "slalom/cli/explaining.hpp"
#include "slalom/explain/global_importance.hpp"
#include "slalom/report/table.hpp"

namespace slalom {

/// The text of a token for readers.
using ReadableToken = std::function<std::string(TokenId)>;

/// Text, value, importance, linear score, occurrences, naive Bayes where there is any, and what sets the
/// token apart.
Table importance_table(const std::vector<GlobalImportance::Token>& tokens, const ReadableToken& readable);
/// Of these tokens those with a token_remark().
std::vector<GlobalImportance::Token> remarkable(std::vector<GlobalImportance::Token> tokens,
                                                const ReadableToken& readable);
/// How well the card predicts the classifier, in words and numbers.
std::string global_fidelity_sentence(const GlobalImportance& card);

/// A line about them all, then a line for each token; or a report for a reader at a terminal.
int print_global_importance(const Explaining& run);

}  // namespace slalom
