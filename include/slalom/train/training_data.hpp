// Where training batches come from: text i of epoch e, the same whatever was asked before.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "slalom/data/batch.hpp"
#include "slalom/data/rows.hpp"
#include "slalom/data/synthetic.hpp"

namespace slalom {

class TrainingData {
 public:
  virtual ~TrainingData() = default;
  virtual Index texts_per_epoch() const = 0;
  /// Texts first … first + count − 1 of the epoch (0-based), special tokens included. Allocates nothing once
  /// warmed up.
  virtual void fill(Index epoch, Index first, Index count, PackedBatch& batch) = 0;
};

/// Fresh texts in every epoch: text epoch · texts_per_epoch + i of the source, wrapped in special tokens if
/// there are any.
class FreshTexts final : public TrainingData {
 public:
  FreshTexts(const TextSource& source, SpecialTokens special, Index texts_per_epoch)
      : source_(source), special_(special), texts_per_epoch_(texts_per_epoch) {}
  Index texts_per_epoch() const override { return texts_per_epoch_; }
  void fill(Index epoch, Index first, Index count, PackedBatch& batch) override;

 private:
  const TextSource& source_;
  SpecialTokens special_;
  Index texts_per_epoch_;
  SyntheticText text_;
  std::vector<TokenId> wrapped_;
};

/// Adds the row to the batch. Throws Error for a row without a label, naming file and line.
void add_labelled(const InputRow& row, const std::string& file, PackedBatch& batch);

/// Batches of texts of about the same length, so that no batch is much larger than the others of its time:
/// of `batches` batches of the shuffled texts, all are sorted by length, and the batches shuffled.
struct LengthBuckets {
  Index batch = 20, batches = 0;  // texts a batch; 0 or 1: texts stay as they are shuffled
};

/// The same rows in every epoch, in an order of its own: a Fisher-Yates shuffle drawn from (seed, epoch).
class ShuffledRows final : public TrainingData {
 public:
  /// Throws Error for a row without a label, naming its line, and if there are no rows.
  ShuffledRows(std::vector<InputRow> rows, const std::string& file, std::uint64_t seed,
               LengthBuckets buckets = {});
  Index texts_per_epoch() const override { return static_cast<Index>(rows_.size()); }
  void fill(Index epoch, Index first, Index count, PackedBatch& batch) override;

 private:
  void order(Index epoch);

  std::vector<InputRow> rows_;
  std::string file_;
  std::uint64_t seed_;
  LengthBuckets buckets_;
  std::vector<Index> order_;
  Index ordered_epoch_ = -1;
};

}  // namespace slalom
