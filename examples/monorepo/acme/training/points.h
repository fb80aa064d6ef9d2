// acme/training/points.h: a data loader of acme's own: points in a square, whose class is whether they lie in a disk.
//
//   Points points(/*num_batches=*/20, /*seed=*/0);
//
// 64 points a batch, the same ones in every epoch.

#ifndef ACME_TRAINING_POINTS_H_
#define ACME_TRAINING_POINTS_H_

#include <cstdint>
#include <vector>

#include "data/data_loader.h"

namespace acme {

class Points : public pare::data::DataLoader {
 public:
  Points(int64_t num_batches, uint64_t seed);

  absl::Status start_epoch(int64_t epoch) override;
  absl::StatusOr<std::optional<pare::data::Batch>> next() override;
  int64_t num_batches() const override { return static_cast<int64_t>(batches_.size()); }
  int64_t num_samples() const override { return num_batches() * batch_size(); }
  int64_t batch_size() const override { return 64; }

 private:
  std::vector<pare::data::Batch> batches_;
  size_t given_;
};

}  // namespace acme

#endif  // ACME_TRAINING_POINTS_H_
