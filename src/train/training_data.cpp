#include "slalom/train/training_data.hpp"

#include <algorithm>
#include <numeric>

#include "slalom/base/error.hpp"

namespace slalom {

void add_labelled(const InputRow& row, const std::string& file, PackedBatch& batch) {
  if (!row.label && row.targets.empty())
    throw Error(concat(file, ": line ", row.line, ": field \"label\": found nothing, wanted a label"));
  batch.add(row.ids, row.label.value_or(0), row.types, row.targets);
}

void FreshTexts::fill(Index epoch, Index first, Index count, PackedBatch& batch) {
  batch.clear();
  for (Index i = first; i < first + count; ++i) {
    source_.get(epoch * texts_per_epoch_ + i, text_);
    wrap(text_.tokens, special_, wrapped_);
    batch.add(wrapped_, text_.label);
  }
}

ShuffledRows::ShuffledRows(std::vector<InputRow> rows, const std::string& file, std::uint64_t seed,
                           LengthBuckets buckets)
    : rows_(std::move(rows)), file_(file), seed_(seed), buckets_(buckets), order_(rows_.size()) {
  if (buckets_.batch < 1) throw UsageError(concat("batch ", buckets_.batch, ", wanted 1 or more"));
  if (rows_.empty()) throw Error(file + ": found no rows to train on");
  for (PackedBatch one; const InputRow& row : rows_) {
    one.clear();
    add_labelled(row, file, one);
  }
}

void ShuffledRows::order(Index epoch) {
  std::iota(order_.begin(), order_.end(), Index{0});
  Rng rng(seed_, Purpose::data, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order_.size(); i > 1; --i)
    std::swap(order_[i - 1], order_[rng.below(static_cast<std::uint32_t>(i))]);
  ordered_epoch_ = epoch;
  if (buckets_.batches < 2) return;
  const auto length = [&](Index row) { return rows_[static_cast<std::size_t>(row)].ids.size(); };
  const Index n = std::ssize(order_), bucket = buckets_.batch * buckets_.batches;
  for (Index first = 0; first < n; first += bucket) {
    const auto begin = order_.begin() + first, end = order_.begin() + std::min(first + bucket, n);
    std::stable_sort(begin, end, [&](Index a, Index b) { return length(a) < length(b); });
    for (Index i = (end - begin) / buckets_.batch; i > 1; --i) {
      const Index j = rng.below(static_cast<std::uint32_t>(i));
      if (j != i - 1)
        std::swap_ranges(begin + j * buckets_.batch, begin + (j + 1) * buckets_.batch,
                         begin + (i - 1) * buckets_.batch);
    }
  }
}

void ShuffledRows::fill(Index epoch, Index first, Index count, PackedBatch& batch) {
  if (ordered_epoch_ != epoch) order(epoch);
  batch.clear();
  for (Index i = first; i < first + count; ++i) {
    const InputRow& row = rows_[static_cast<std::size_t>(order_[static_cast<std::size_t>(i)])];
    add_labelled(row, file_, batch);
  }
}

}  // namespace slalom
