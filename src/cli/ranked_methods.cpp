#include "slalom/cli/ranked_methods.hpp"

#include <algorithm>

#include "slalom/base/error.hpp"
#include "slalom/cli/options.hpp"

namespace slalom {

namespace {

constexpr std::string_view kScores[] = {"linear", "value", "importance", "removal", "weight"};

}  // namespace

std::vector<RankedMethod> ranked_methods(const std::string& list) {
  std::vector<RankedMethod> methods;
  for (const std::string& word : split_list(list)) {
    const std::size_t colon = word.find(':');
    const std::string score = colon == std::string::npos ? "" : word.substr(colon + 1);
    if (colon != std::string::npos && std::ranges::find(kScores, score) == std::end(kScores))
      throw UsageError("--methods " + word + ", wanted " + listed(kScores) + " after the colon");
    if (std::ranges::find(methods, word, &RankedMethod::name) != methods.end())
      throw UsageError("--methods: " + word + " twice");
    methods.push_back({word, &method_named(word.substr(0, colon)), score});
  }
  if (methods.empty()) throw UsageError("--methods, wanted one or more");
  return methods;
}

std::vector<const Method*> methods_of(const std::vector<RankedMethod>& methods) {
  std::vector<const Method*> list;
  list.reserve(methods.size());
  for (const RankedMethod& m : methods) list.push_back(m.method);
  return list;
}

std::string ranking_of(const Explanation& e, const RankedMethod& method) {
  if (!method.score.empty()) return method.score;
  return std::holds_alternative<SlalomScores>(e.scores) ? "part" : "weight";
}

const std::vector<double>& scores_of(const Explanation& e, const RankedMethod& method) {
  const std::string score = ranking_of(e, method);
  if (const auto* slalom = std::get_if<SlalomScores>(&e.scores)) {
    if (score == "part") return slalom->part;
    if (score == "linear") return slalom->linear;
    if (score == "value") return slalom->value;
    if (score == "importance") return slalom->importance;
    if (score == "removal") return slalom->removal;
    throw UsageError("--methods " + method.name +
                     ", wanted part, linear, value, importance or removal after the colon");
  }
  if (score != "weight") throw UsageError("--methods " + method.name + ": the method has one score, weight");
  return std::get<LinearScores>(e.scores).weight;
}

}  // namespace slalom
