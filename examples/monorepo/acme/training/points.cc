#include "acme/training/points.h"

#include <ATen/ops/empty.h>

#include <random>

namespace acme {

Points::Points(int64_t num_batches, uint64_t seed) {
  std::mt19937 random(static_cast<std::mt19937::result_type>(seed));
  const auto coordinate = [&] { return static_cast<float>(random() >> 8) / static_cast<float>(1 << 23) - 1; };
  for (int64_t b = 0; b < num_batches; ++b) {
    pare::data::Batch batch;
    at::Tensor inputs = at::empty({batch_size(), 2}, at::kFloat);
    batch.targets = at::empty({batch_size()}, at::kLong);
    for (int64_t i = 0; i < batch_size(); ++i) {
      const float x = coordinate(), y = coordinate();
      inputs.data_ptr<float>()[2 * i] = x;
      inputs.data_ptr<float>()[2 * i + 1] = y;
      batch.targets.data_ptr<int64_t>()[i] = x * x + y * y < 0.6f ? 1 : 0;
    }
    batch.inputs = {inputs};
    batches_.push_back(batch);
  }
  given_ = batches_.size();
}

absl::Status Points::start_epoch(int64_t) {
  given_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<pare::data::Batch>> Points::next() {
  if (given_ == batches_.size()) return std::nullopt;
  return batches_[given_++];
}

}  // namespace acme
