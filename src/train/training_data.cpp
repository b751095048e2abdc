#include "slalom/train/training_data.hpp"

#include <numeric>

#include "slalom/base/error.hpp"

namespace slalom {

void FreshTexts::fill(Index epoch, Index first, Index count, PackedBatch& batch) {
  batch.clear();
  for (Index i = first; i < first + count; ++i) {
    source_.get(epoch * texts_per_epoch_ + i, text_);
    wrap(text_.tokens, special_, wrapped_);
    batch.add(wrapped_, text_.label);
  }
}

ShuffledRows::ShuffledRows(std::vector<InputRow> rows, const std::string& file, std::uint64_t seed)
    : rows_(std::move(rows)), seed_(seed), order_(rows_.size()) {
  if (rows_.empty()) throw Error(file + ": found no rows to train on");
  for (const InputRow& row : rows_)
    if (!row.label)
      throw Error(text(file, ": line ", row.line, ": field \"label\": found nothing, wanted a class number"));
}

void ShuffledRows::fill(Index epoch, Index first, Index count, PackedBatch& batch) {
  if (ordered_epoch_ != epoch) {
    std::iota(order_.begin(), order_.end(), Index{0});
    Rng rng(seed_, Purpose::data, static_cast<std::uint64_t>(epoch));
    for (std::size_t i = order_.size(); i > 1; --i)
      std::swap(order_[i - 1], order_[rng.below(static_cast<std::uint32_t>(i))]);
    ordered_epoch_ = epoch;
  }
  batch.clear();
  for (Index i = first; i < first + count; ++i) {
    const InputRow& row = rows_[static_cast<std::size_t>(order_[static_cast<std::size_t>(i)])];
    batch.add(row.ids, *row.label, row.types);
  }
}

}  // namespace slalom
