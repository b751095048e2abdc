#include "slalom/explain/black_box.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {

std::vector<double> BlackBox::log_odds(const PackedTexts& texts) {
  std::vector<std::size_t> number;  // (B) of each text among the different ones
  for (Index b = 0; b < texts.texts(); ++b)
    number.push_back(static_cast<std::size_t>(distinct_.number<TokenId>(texts.key(b))));
  outputs_.resize(static_cast<std::size_t>(distinct_.size()), std::nan(""));
  cost_.queries += texts.texts();
  PackedTexts fresh;
  std::vector<Index> place;  // of fresh texts in the batch
  std::vector<bool> chosen(outputs_.size());
  for (Index b = 0; b < texts.texts(); ++b) {
    const std::size_t k = number[static_cast<std::size_t>(b)];
    if (chosen[k] || !std::isnan(outputs_[k])) continue;
    chosen[k] = true;
    fresh.add(texts.text(b), texts.types_of(b));
    place.push_back(b);
  }
  if (!place.empty()) {
    std::vector<double> outputs(place.size(), std::nan(""));
    query(fresh, outputs);
    for (std::size_t i = 0; i < place.size(); ++i)
      if (!std::isfinite(outputs[i]))
        throw Error(concat("[black box] text ", place[i], " of ", texts.texts(), ": the log-odds is ",
                           shortest(outputs[i]), ", wanted a finite number"));
    for (std::size_t i = 0; i < place.size(); ++i)
      outputs_[number[static_cast<std::size_t>(place[i])]] = outputs[i];
    cost_.unique_queries += fresh.texts();
    cost_.token_forwards += fresh.rows();
  }
  std::vector<double> result;
  for (const std::size_t k : number) result.push_back(outputs_[k]);
  return result;
}

bool BlackBox::knows(const PackedTexts& texts, Index b) const {
  const std::optional<Index> k = distinct_.find<TokenId>(texts.key(b));
  return k && !std::isnan(outputs_[static_cast<std::size_t>(*k)]);
}

void BlackBox::forget() {
  distinct_.clear();
  outputs_.clear();
}

double BlackBox::log_odds(std::span<const TokenId> text) {
  return log_odds(packed(text)).front();
}

void ClassBlackBox::set_target(Index target) {
  if (target < 0 || target >= classes())
    throw Error(concat("[black box] target ", target, ", the model has classes 0 to ", classes() - 1));
  target_ = target;
  forget();
}

template <class T>
ModelBlackBox<T>::ModelBlackBox(TextClassifier<T>& model, Index target, Index batch_rows, BlockMaps maps)
    : model_(model),
      predictor_(model, batch_rows, maps),
      rounding_(maps == BlockMaps::bf16 ? kBf16Epsilon
                                        : static_cast<double>(std::numeric_limits<T>::epsilon())) {
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
std::vector<Index> ModelBlackBox<T>::predicted(const PackedTexts& texts) {
  predictor_.logits(texts, logits_);
  std::vector<Index> classes;
  for (Index b = 0; b < texts.texts(); ++b) {
    const T* row = logits_.data() + b * model_.labels();
    classes.push_back(std::max_element(row, row + model_.labels()) - row);
  }
  return classes;
}

// Texts of like length share a batch, so that its longest text sets no one else's memory.
template <class T>
void ModelBlackBox<T>::query(const PackedTexts& texts, std::span<double> outputs) {
  std::vector<Index> order(static_cast<std::size_t>(texts.texts()));
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order, {}, [&](Index b) { return texts.text(b).size(); });
  PackedTexts sorted;
  sorted.reserve(texts.texts(), texts.rows());
  for (Index b : order) sorted.add(texts.text(b), texts.types_of(b));
  predictor_.logits(sorted, logits_);
  const auto C = static_cast<std::size_t>(model_.labels());
  for (std::size_t i = 0; i < order.size(); ++i)
    outputs[static_cast<std::size_t>(order[i])] = log_odds_of(std::span(logits_).subspan(i * C, C));
  for (const auto& [i, logits] : predictor_.checked())
    bf16_differences_.push_back(std::abs(
        outputs[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] - log_odds_of(logits)));
}

template <class T>
std::vector<std::string> ModelBlackBox<T>::warnings() const {
  if (bf16_differences_.empty()) return {};
  return {sentence(summarise_differences(bf16_differences_))};
}

template <class T>
void ModelBlackBox<T>::forget() {
  BlackBox::forget();
  bf16_differences_.clear();
  predictor_.restart();
}

void FunctionBlackBox::query(const PackedTexts& texts, std::span<double> outputs) {
  for (std::size_t b = 0; b < outputs.size(); ++b) outputs[b] = f_(texts.text(static_cast<Index>(b)));
}

template class ModelBlackBox<float>;
template class ModelBlackBox<double>;

}  // namespace slalom
