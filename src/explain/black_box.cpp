#include "slalom/explain/black_box.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {

namespace {

// The ids, and behind a −1, which is none, the segments: no text has the key of a longer one.
std::string key_of(const PackedBatch& texts, Index b) {
  std::vector<TokenId> key(texts.text(b).begin(), texts.text(b).end());
  if (const std::span<const TokenId> types = texts.types_of(b); !types.empty()) {
    key.push_back(-1);
    key.insert(key.end(), types.begin(), types.end());
  }
  return {reinterpret_cast<const char*>(key.data()), key.size() * sizeof(TokenId)};
}

}  // namespace

std::vector<double> BlackBox::log_odds(const PackedBatch& texts) {
  PackedBatch fresh;
  std::vector<std::pair<Index, double*>> asked;  // text and where its answer is kept
  std::vector<const double*> answer_of;          // (B); nodes of the map stay where they are
  for (Index b = 0; b < texts.texts(); ++b) {
    const auto [place, is_new] = known_.try_emplace(key_of(texts, b), std::nan(""));
    answer_of.push_back(&place->second);
    if (!is_new) continue;
    fresh.add(texts.text(b), 0, texts.types_of(b));
    asked.emplace_back(b, &place->second);
  }
  cost_.queries += texts.texts();
  if (!asked.empty()) {
    std::vector<double> answers(asked.size(), std::nan(""));
    try {
      ask(fresh, answers);
      for (std::size_t i = 0; i < asked.size(); ++i)
        if (!std::isfinite(answers[i]))
          throw Error(concat("[black box] text ", asked[i].first, " of ", texts.texts(), ": the log-odds is ",
                             shortest(answers[i]), ", wanted a finite number"));
    } catch (...) {
      for (const auto& [b, kept] : asked) known_.erase(key_of(texts, b));
      throw;
    }
    for (std::size_t i = 0; i < asked.size(); ++i) *asked[i].second = answers[i];
    cost_.unique_queries += fresh.texts();
    cost_.token_forwards += fresh.rows();
  }
  std::vector<double> result;
  result.reserve(answer_of.size());
  for (const double* answer : answer_of) result.push_back(*answer);
  return result;
}

bool BlackBox::knows(const PackedBatch& texts, Index b) const {
  return known_.contains(key_of(texts, b));
}

double BlackBox::log_odds(std::span<const TokenId> text) {
  PackedBatch one;
  one.add(text);
  return log_odds(one).front();
}

void ClassBlackBox::set_target(Index target) {
  if (target < 0 || target >= classes())
    throw Error(concat("[black box] target ", target, ", the model has classes 0 to ", classes() - 1));
  target_ = target;
  forget();
}

template <class T>
ModelBlackBox<T>::ModelBlackBox(TextClassifier<T>& model, Index target, Index batch_rows)
    : model_(model), predictor_(model, batch_rows) {
  set_target(target);
}

template <class T>
Index ModelBlackBox<T>::longest() const {
  const auto* transformer = dynamic_cast<const Classifier<T>*>(&model_);
  if (transformer == nullptr || transformer->config().positions != Positions::learned)
    return std::numeric_limits<Index>::max();
  return transformer->config().max_positions;
}

template <class T>
GradientAccess ModelBlackBox<T>::gradient_access() {
  if (auto* transformer = dynamic_cast<Classifier<T>*>(&model_)) return {transformer, target()};
  return {{}, target()};
}

template <class T>
std::vector<Index> ModelBlackBox<T>::predicted(const PackedBatch& texts) {
  predictor_.logits(texts.packed(), logits_);
  std::vector<Index> classes;
  for (Index b = 0; b < texts.texts(); ++b) {
    const T* row = logits_.data() + b * model_.labels();
    classes.push_back(std::max_element(row, row + model_.labels()) - row);
  }
  return classes;
}

// Texts of like length share a batch, so that its longest text sets no one else's memory.
template <class T>
void ModelBlackBox<T>::ask(const PackedBatch& texts, std::span<double> answers) {
  std::vector<Index> order(answers.size());
  for (std::size_t b = 0; b < order.size(); ++b) order[b] = static_cast<Index>(b);
  std::ranges::stable_sort(order, {}, [&](Index b) { return texts.text(b).size(); });
  PackedBatch sorted;
  sorted.reserve(texts.texts(), texts.rows());
  for (Index b : order) sorted.add(texts.text(b), 0, texts.types_of(b));
  predictor_.logits(sorted.packed(), logits_);
  const auto C = static_cast<std::size_t>(model_.labels());
  for (std::size_t i = 0; i < order.size(); ++i)
    answers[static_cast<std::size_t>(order[i])] = static_cast<double>(
        slalom::log_odds<T>(std::span(logits_).subspan(i * C, C), target(), model_.problem()));
}

void FunctionBlackBox::ask(const PackedBatch& texts, std::span<double> answers) {
  for (std::size_t b = 0; b < answers.size(); ++b) answers[b] = f_(texts.text(static_cast<Index>(b)));
}

template class ModelBlackBox<float>;
template class ModelBlackBox<double>;

}  // namespace slalom
