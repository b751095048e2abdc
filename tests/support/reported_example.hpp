// Explained texts with known numbers for the tests of their views.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "slalom/base/random.hpp"
#include "slalom/report/reported_text.hpp"

namespace slalom::test {

inline ReportedToken reported_token(const std::string& text, TokenId id, bool special = false) {
  ReportedToken token;
  token.text = token.piece = text;
  token.ids = {id};
  token.special = special;
  return token;
}

/// Scores of one explanation, special tokens without; a fidelity of R² .934 on 50 deletions.
inline ReportedExplanation reported_slalom(const std::vector<double>& value,
                                           const std::vector<double>& importance) {
  ReportedExplanation e;
  e.method = "slalom-fidel";
  std::vector<double> linear;
  for (std::size_t i = 0; i < value.size(); ++i) linear.push_back(std::exp(importance[i]) * value[i]);
  e.columns = {{"value", value}, {"importance", importance}, {"linear", linear}};
  e.background = Background{-0.55, 1.79};
  e.ranking = "linear";
  e.fidelity = Fidelity{};
  e.fidelity->r2 = 0.934;
  e.fidelity->mse = 0.2025;
  e.fidelity->correlation = 0.97;
  e.fidelity->removed = {1, 2, 3, 4, 5};
  e.fidelity->mse_removed = {0.05, 0.11, 0.2, 0.28, 0.37};
  e.fidelity->n = 50;
  e.fidelity->unseen = 48;
  e.cost = {501, 346, 4512};
  e.seconds = 0.0213;
  e.checks = {{"mse_fit", 0.00689}, {"iterations", 12}, {"converged", 1}};
  return e;
}

inline ReportedExplanation reported_weights(const std::string& method, const std::vector<double>& weight) {
  ReportedExplanation e = reported_slalom(weight, weight);
  e.method = method;
  e.background.reset();
  e.fidelity->r2 = 0.41;
  e.columns = {{"weight", weight}, {"standard_error", std::vector<double>(weight.size(), 0.05)}};
  e.ranking = "weight";
  return e;
}

/// "[CLS] a won ##der ##ful movie [SEP]" with a SLALOM whose linear scores are 0, 2 e^0.5, 0.5 e^−1, −1 and
/// 0.3.
inline ReportedText reported_example() {
  const double none = std::nan("");
  ReportedText t;
  t.id = "example";
  t.target = "POSITIVE";
  t.log_odds = 2.31;
  for (const char* name : {"[CLS]", "a", "won", "##der", "##ful", "movie", "[SEP]"})
    t.tokens.push_back(
        reported_token(name, static_cast<TokenId>(t.tokens.size()), std::string(name)[0] == '['));
  t.tokens[3].text = "der";
  t.tokens[4].text = "ful";
  t.explanations = {reported_slalom({none, 0, 2, 0.5, -1, 0.3, none}, {none, -2, 0.5, -1, 0, 0, none})};
  t.parameters = {{"model", "out/my_model"}, {"seed", "7"}};
  return t;
}

/// n tokens "t0", "t1" … of lengths 2 to 9 with normal values and importances, and an additive method beside.
inline ReportedText many_tokens(Index n) {
  ReportedText t = reported_example();
  t.tokens.clear();
  std::vector<double> value, importance;
  Rng rng(3, Purpose::test);
  for (Index i = 0; i < n; ++i) {
    t.tokens.push_back(
        reported_token("t" + std::to_string(i) + std::string(static_cast<std::size_t>(i % 7), 'o'),
                       static_cast<TokenId>(i)));
    value.push_back(rng.normal());
    importance.push_back(rng.normal());
  }
  t.explanations = {reported_slalom(value, importance), reported_weights("linear-deletion", value)};
  return t;
}

inline std::size_t occurrences(const std::string& s, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = s.find(what); at != std::string::npos; at = s.find(what, at + 1)) ++n;
  return n;
}

}  // namespace slalom::test
