// compression/pruning/filter_masks.h: the units that are removed, as masks that training goes through.
//
//   PARE_ASSIGN_OR_RETURN(FilterMasks masks, FilterMasks::insert(graph, labels, units, config));
//   masks.set(removed);              // zeros, while training goes on
//   masks.removed();                 // from the masks: what a checkpoint has brought
//
// Every parameter with a removed channel is masked, in what makes the channel (filters, biases, batch norms) and in
// what takes it (the channels of the next weights): so whatever stands between (sigmoid(0) is not 0), the masked model
// computes what the model without the channels computes. A mask is a buffer of the graph, "<name>.filter_mask", bool,
// of the tensor's shape, true where a number stays.

#ifndef PARE_COMPRESSION_PRUNING_FILTER_MASKS_H_
#define PARE_COMPRESSION_PRUNING_FILTER_MASKS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/pruning/channel_labels.h"
#include "compression/pruning/channel_removal.h"
#include "compression/pruning/pruning_units.h"
#include "config/compression_config.h"
#include "graph/graph.h"
#include "graph/transform.h"

namespace pare::pruning {

// inputs: the tensor and its mask.
class FilterMask : public graph::Transform {
 public:
  std::string_view type() const override { return "filter_mask"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override;
};

class FilterMasks {
 public:
  FilterMasks() = default;

  // True everywhere. Errors: InvalidArgument if another method's work on a weight does not go with removal.
  static absl::StatusOr<FilterMasks> insert(graph::Graph& graph, const ChannelLabels& labels, const PruningUnits& units,
                                            const AlgorithmConfig& config);

  // In place. Throws c10::Error.
  void set(const RemovedUnits& removed);
  // InvalidArgument, naming the mask, if the masks are of no set of units: a damaged checkpoint.
  absl::StatusOr<RemovedUnits> removed() const;
  // For remove_channels(): each removed filter.
  static std::vector<ChannelIndex> channels(const PruningUnits& units, const RemovedUnits& removed);

  // Takes masks and hooks out again.
  absl::Status take_out(graph::Graph& graph);

  struct Masked {
    graph::Value* tensor = nullptr;
    graph::Value* mask = nullptr;
    graph::Node* hook = nullptr;
    std::vector<std::vector<int32_t>> units;  // of each axis, index by index; empty where the axis has none
  };
  const std::vector<Masked>& masked() const { return masked_; }

 private:
  static at::Tensor mask_of(const Masked& masked, const RemovedUnits& removed);

  std::vector<Masked> masked_;
  size_t num_units_ = 0;
};

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_FILTER_MASKS_H_
