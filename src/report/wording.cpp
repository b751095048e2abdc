#include "slalom/report/wording.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/characters.hpp"

namespace slalom {

namespace {

const char* const kMinus = "−";
const char* const kNone = "–";

// "0.91" is ".91", "−0.37" is "−.37".
std::string without_zero(std::string number) {
  const std::size_t at = number.starts_with('-') ? 1 : 0;
  if (number.compare(at, 2, "0.") == 0) number.erase(at, 1);
  return number;
}

std::string with_minus(std::string number) {
  if (number.starts_with('-')) number.replace(0, 1, kMinus);
  return number;
}

}  // namespace

std::string signed_number(double x, int decimals) {
  const std::string digits = unsigned_number(std::abs(x), decimals);
  const bool zero = digits.find_first_not_of("0.") == std::string::npos;
  return zero || std::isnan(x) ? digits : (x > 0 ? "+" : kMinus) + digits;
}

std::string unsigned_number(double x, int decimals) {
  if (!std::isfinite(x) || std::abs(x) >= 1e7) return plain_number(x);
  return with_minus(fixed(x, std::abs(x) >= 1000 ? 0 : decimals));
}

std::string plain_number(double x, int digits) {
  if (std::isnan(x)) return kNone;
  if (std::isinf(x)) return x > 0 ? "∞" : concat(kMinus, "∞");
  return with_minus(significant(x, digits));
}

int score_decimals(std::span<const double> scores) {
  double largest = 0;
  for (const double x : scores)
    if (std::isfinite(x)) largest = std::max(largest, std::abs(x));
  if (largest == 0) return 2;
  return std::clamp(2 - static_cast<int>(std::floor(std::log10(largest))), 2, 6);
}

std::string probability_text(double p) {
  if (std::isnan(p)) return kNone;
  if (p < 0.0005) return "< .001";
  if (p >= 0.9995) return "> .999";
  return without_zero(fixed(p, p < 0.0095 || p >= 0.9905 ? 3 : 2));
}

std::string r2_text(double r2) {
  return std::isfinite(r2) ? with_minus(without_zero(fixed(r2, 2))) : plain_number(r2);
}

std::string count_text(Index count) {
  std::string digits = std::to_string(count);
  const Index first = count < 0 ? 1 : 0;
  for (Index at = std::ssize(digits) - 3; at > first; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

double probability(double log_odds) {
  return 1 / (1 + std::exp(-log_odds));
}

ScoreMeaning score_meaning(const std::string& column, const std::string& target) {
  const std::string pro = "for " + target, contra = "against " + target;
  if (column == "value") return {column, "log-odds that the token alone would give, nats", pro, contra};
  if (column == "importance")
    return {column, "share of the weighted mean that the token takes, as a logarithm", "more than average",
            "less than average"};
  if (column == "part")
    return {column,
            "the token's share of the weight times its value: with the background's it adds up to the "
            "surrogate's log-odds, nats",
            pro, contra};
  if (column == "linear") return {column, "exp(importance) · value: the part without its scale", pro, contra};
  if (column == "removal")
    return {column, "predicted change of the log-odds when the token is left out, nats",
            "leaving it out speaks " + pro, "leaving it out speaks " + contra};
  if (column == "weight") return {column, "the token's additive part in the log-odds, nats", pro, contra};
  if (column == "part_se") return {"part ±", "standard error of the part, nats", "", ""};
  if (column == "value_se") return {"value ±", "standard error of the value, nats", "", ""};
  if (column == "importance_se") return {"importance ±", "standard error of the importance", "", ""};
  if (column == "standard_error") return {"weight ±", "standard error of the weight, nats", "", ""};
  return {column, "score of the method", pro, contra};
}

std::string token_name(const ReportedToken& token) {
  const std::size_t first = token.text.find_first_not_of(" \n\t\r");
  if (first == std::string::npos) return token.text.find('\n') != std::string::npos ? "↵" : "␣";
  return visible(token.text.substr(first));
}

std::string score_text(const std::string& column, double score, int decimals) {
  const bool error = score_meaning(column, "").positive.empty();
  return error ? unsigned_number(score, decimals) : signed_number(score, decimals);
}

std::string target_sentence(const ReportedText& t) {
  const std::string f = concat(scale_name(t.problem), " ", signed_number(t.log_odds, 2));
  if (t.problem == ProblemType::regression) return concat(f, " of ", t.target);
  return concat(f, " for ", t.target, t.problem == ProblemType::single_label ? " against the rest" : "",
                ", probability ", probability_text(probability(t.log_odds)));
}

Trust trust(const Explanation& e) {
  if (!e.fidelity) return Trust::unmeasured;
  const double r2 = e.fidelity->r2;
  if (std::isnan(r2)) return Trust::undefined;
  return r2 > 0.9 ? Trust::high : r2 > 0.5 ? Trust::medium : Trust::low;
}

std::string trust_word(Trust t) {
  switch (t) {
    case Trust::high:
      return "close";
    case Trust::medium:
      return "in outline";
    case Trust::low:
      return "poor";
    case Trust::undefined:
      return "undefined";
    case Trust::unmeasured:
      break;
  }
  return "not measured";
}

std::string trust_sentence(Trust t) {
  switch (t) {
    case Trust::high:
      return "predicts the model's answers to deletions of this text closely";
    case Trust::medium:
      return "predicts the outline of the model's answers, not their details: trust the order of strong "
             "tokens, "
             "not single numbers";
    case Trust::low:
      return "does not describe this model at this text: do not rely on these scores";
    case Trust::undefined:
      return "all true answers are equal, so that R² says nothing";
    case Trust::unmeasured:
      break;
  }
  return "fidelity was not measured: nothing says how far to trust these scores";
}

std::string fidelity_numbers(const Explanation& e) {
  if (!e.fidelity) return {};
  const Fidelity& f = *e.fidelity;
  const std::string fresh = f.unseen == f.n ? "none of them" : concat(count_text(f.n - f.unseen), " of them");
  const std::string alone =
      std::isnan(f.r2_scores) ? "" : concat(" (the scores alone ", r2_text(f.r2_scores), ")");
  return concat("R² ", r2_text(f.r2), alone, ", correlation ", r2_text(f.correlation),
                ", root mean squared error ", plain_number(std::sqrt(f.mse)), " nats on ", count_text(f.n),
                f.n == 1 ? " deletion, " : " deletions, ", fresh, " used for the explanation");
}

std::string cost_sentence(const Explanation& e) {
  return concat(count_text(e.cost.queries), e.cost.queries == 1 ? " query (" : " queries (",
                count_text(e.cost.unique_queries), " different), ", count_text(e.cost.token_forwards),
                " token-forwards, ", plain_number(e.seconds, 2), " s");
}

const Background* background_of(const Explanation& e) {
  const auto* slalom = std::get_if<SlalomScores>(&e.scores);
  return slalom != nullptr && slalom->background ? &*slalom->background : nullptr;
}

bool has_plane(const ReportedExplanation& e) {
  return e.find("value") != nullptr && e.find("importance") != nullptr;
}

std::string flip_sentence(const Flip& flip, const std::vector<std::string>& removed) {
  if (removed.empty()) return flip.chosen_by + ": no removal is predicted to change the sign";
  std::string names;
  for (const std::string& token : removed) names += concat(names.empty() ? "“" : ", “", token, "”");
  return concat(flip.chosen_by, ": without ", names, " the log-odds is ", signed_number(flip.log_odds, 2),
                flip.flips ? "" : ", of the same sign", " (", count_text(flip.queries),
                flip.queries == 1 ? " query)" : " queries)");
}

std::string background_sentence(const Explanation& e) {
  const Background* b = background_of(e);
  if (b == nullptr) return {};
  double weight = std::exp(b->importance);
  for (const double s : std::get<SlalomScores>(e.scores).importance) weight += std::exp(s);
  return concat("background (special tokens and read-out): value ", signed_number(b->value, 2),
                ", importance ", signed_number(b->importance, 2), ", part ",
                signed_number(std::exp(b->importance) / weight * b->value, 2));
}

}  // namespace slalom
