// compression/pruning/channel_removal.h: takes channels out of a model for good: smaller tensors, the same outputs.
//
//   // Filters 3 and 5 of conv1, with their biases, batch norms, and the channels of the layers that take them.
//   PARE_RETURN_IF_ERROR(remove_channels(*model, {{1, 3, 32, 32}}, {{conv1_weight, 0, 3}, {conv1_weight, 0, 5}}, {}));
//
// Whatever goes with the named channels (channel_labels.h) is cut out of parameters, buffers and constants; numbers of
// groups, sizes of reshapes, bounds of slices, sizes of splits and pads follow (argument_rewrites.h). The model
// computes what it computed with the removed weights at zero, in training mode, too. Parameters that are cut are new
// tensors without gradients: an optimizer that holds the old ones is to be made anew (training/trainer.h does so), and
// CompressionAlgorithm::scale_gradients() to be called again. A torch::nn::Module that the model was imported from
// keeps the whole tensors.

#ifndef PARE_COMPRESSION_PRUNING_CHANNEL_REMOVAL_H_
#define PARE_COMPRESSION_PRUNING_CHANNEL_REMOVAL_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "compression/pruning/channel_labels.h"
#include "graph/model.h"

namespace pare::pruning {

struct ChannelIndex {
  const graph::Value* tensor;  // a parameter, buffer or constant tensor
  int64_t axis;
  int64_t index;
};

// Runs the model on zeros of these shapes before and after. Errors: InvalidArgument, and the model is as it was, if a
// channel does not exist, is needed (it flows into an output, or into an operator that needs all channels), or is the
// last of its kind somewhere; Internal, and the model is to be thrown away, if the result has not the shapes that it
// must have.
absl::Status remove_channels(graph::Model& model, const std::vector<std::vector<int64_t>>& input_size,
                             const std::vector<ChannelIndex>& channels, const LabelOptions& options);

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_CHANNEL_REMOVAL_H_
