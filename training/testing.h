// training/testing.h: a small model and small data for the tests of this folder.

#ifndef PARE_TRAINING_TESTING_H_
#define PARE_TRAINING_TESTING_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/data_loader.h"
#include "graph/model.h"

namespace pare::training::testing {

// 4 features -> batch norm "norm" -> dropout of a quarter -> linear "head" -> 3 classes. Ends the test on a failure.
std::shared_ptr<graph::Model> make_tiny_model();

// Batches from memory; the order is rotated by the epoch's number, so that epochs differ.
class TensorLoader : public data::DataLoader {
 public:
  explicit TensorLoader(std::vector<data::Batch> batches) : batches_(std::move(batches)) {}
  absl::Status start_epoch(int64_t epoch) override;
  absl::StatusOr<std::optional<data::Batch>> next() override;
  int64_t num_batches() const override { return static_cast<int64_t>(batches_.size()); }
  int64_t num_samples() const override;
  int64_t batch_size() const override { return batches_.empty() ? 0 : batches_.front().size(); }

  std::vector<data::Batch>& batches() { return batches_; }

 private:
  std::vector<data::Batch> batches_;
  size_t first_ = 0;
  std::optional<size_t> taken_;
};

// Points whose class is the largest of their first three features: learnable, the same on every call.
TensorLoader make_tiny_data(int64_t num_batches = 5, int64_t batch_size = 8);

}  // namespace pare::training::testing

#endif  // PARE_TRAINING_TESTING_H_
