// compression/analysis/calibration_net.h: a small network with a batch norm, and a loader over a tensor, for tests.
//
//   x [B, 2, 4, 4] -> conv1 (2 -> 4, 3x3, padding 1) -> bn1 -> relu -> conv2 (4 -> 3, 1x1, with bias)

#ifndef PARE_COMPRESSION_ANALYSIS_CALIBRATION_NET_H_
#define PARE_COMPRESSION_ANALYSIS_CALIBRATION_NET_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/data_loader.h"
#include "graph/model.h"

namespace pare {

// Deterministic weights; one factor of bn1 is negative and one is zero. In evaluation mode. The program ends if the
// graph cannot be built.
std::shared_ptr<graph::Model> make_calibration_net();

// An operator whose arguments are named; those that are not take their default, or None.
graph::Node* add_node(graph::Graph& graph, const std::string& scope, const std::string& op,
                      const std::map<std::string, graph::Value*>& arguments);

// Numbers from -1 to 1 that look random and are the same everywhere.
at::Tensor scattered(const std::vector<int64_t>& shape, uint32_t seed);

class TensorLoader : public data::DataLoader {
 public:
  // Batches of `batch_size` rows of `inputs`.
  TensorLoader(at::Tensor inputs, int64_t batch_size) : inputs_(std::move(inputs)), batch_size_(batch_size) {}

  absl::Status start_epoch(int64_t epoch) override;
  absl::StatusOr<std::optional<data::Batch>> next() override;
  int64_t num_batches() const override { return (num_samples() + batch_size_ - 1) / batch_size_; }
  int64_t num_samples() const override { return inputs_.size(0); }
  int64_t batch_size() const override { return batch_size_; }

 private:
  at::Tensor inputs_;
  int64_t batch_size_;
  std::optional<int64_t> position_;
};

}  // namespace pare

#endif  // PARE_COMPRESSION_ANALYSIS_CALIBRATION_NET_H_
