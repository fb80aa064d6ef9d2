// compression/sparsity/masked_layers.h: layers whose weights go through a mask: what methods that set weights to zero
// share.
//
//   PARE_ASSIGN_OR_RETURN(auto masked, mask_layers(*model, std::move(layers), config));
//   masked[0].set_mask(ops::magnitude_mask(masked[0].weight(), threshold, scale));
//   ... train ...
//   PARE_RETURN_IF_ERROR(fold_masks(graph, masked));   // the weights' zeros are their own
//
// A mask is a buffer of the graph, "<weight's name>.sparsity_mask", bool, of the weight's shape, true where a number
// stays: a checkpoint keeps it, and refuses one of another shape. The weight itself stays as it is, whatever momentum
// and weight decay do to it; what the operators see is zero exactly where the mask is false, and the gradient there is
// zero.

#ifndef PARE_COMPRESSION_SPARSITY_MASKED_LAYERS_H_
#define PARE_COMPRESSION_SPARSITY_MASKED_LAYERS_H_

#include <ATen/core/Tensor.h>

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/analysis/weighted_layers.h"
#include "config/compression_config.h"
#include "graph/model.h"
#include "graph/transform.h"

namespace pare::sparsity {

// inputs: the weight and its mask.
class SparsityMask : public graph::Transform {
 public:
  std::string_view type() const override { return "sparsity_mask"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override;
};

struct MaskedLayer {
  WeightedLayer layer;
  graph::Value* mask = nullptr;  // nullptr once it is folded
  graph::Node* hook = nullptr;

  // Detached: what is written into them autograd does not see.
  at::Tensor weight() const { return layer.weight->tensor().detach(); }
  // Copies into the mask. Throws c10::Error for another shape.
  void set_mask(const at::Tensor& values);
  // Their weight's zeros under the mask: those that are masked, and those that are zero anyway.
  int64_t num_zeros() const;
  int64_t num_weights() const { return layer.weight->tensor().numel(); }
};

// Puts a mask, true everywhere, on each layer's weight, before whatever other methods do with it. Errors:
// InvalidArgument if a weight has another method's zeros or is binarized (compression/analysis/weight_conflicts.h).
absl::StatusOr<std::vector<MaskedLayer>> mask_layers(graph::Graph& graph, std::vector<WeightedLayer> layers,
                                                     const AlgorithmConfig& config);

// "rb_sparsity at $.compression[1]": what a transform's owner is called.
std::string owner_of(const AlgorithmConfig& config);

// Writes the zeros into the weights (in place: an optimizer keeps its tensors) and takes masks and hooks out of the
// graph. The model computes the same: what other methods do to a weight (quantizers) leaves a zero zero. Those that are
// folded are left alone, so again is fine.
absl::Status fold_masks(graph::Graph& graph, std::vector<MaskedLayer>& layers);

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_MASKED_LAYERS_H_
