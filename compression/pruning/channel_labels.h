// compression/pruning/channel_labels.h: which channels of which tensors of a whole model go together.
//
//   PARE_ASSIGN_OR_RETURN(ChannelLabels labels, ChannelLabels::analyze(*model, {{1, 3, 32, 32}}, {}));
//   const TensorLabels* weight = labels.tensor(conv1_weight);
//   labels.sets().find(weight->axes[0].labels[5])   // the class of filter 5: of its bias, its batch norm, and the
//                                                   // channel 5 of every weight that takes what it makes
//
// Every axis of a parameter, a buffer or a constant tensor starts with labels of its own; the rules of the operators
// (label_rules.h), in the order of execution, unite those that flow into each other, and fix those of the outputs and
// of what no rule understands. So a residual connection makes one class of the channels on both sides, a depthwise
// convolution one of its inputs and outputs, a flattening one of all places of a channel. (The idea: Fang et al. 2023,
// DepGraph, arXiv:2301.12900; here the relation is per index and not per layer.)

#ifndef PARE_COMPRESSION_PRUNING_CHANNEL_LABELS_H_
#define PARE_COMPRESSION_PRUNING_CHANNEL_LABELS_H_

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compression/pruning/axis_labels.h"
#include "compression/pruning/label_rules.h"
#include "graph/model.h"

namespace pare::pruning {

struct LabelOptions {
  // Whether weights and biases of batch norms are masked, too; else a removed channel is not zero after one.
  bool masks_batch_norms = true;
};

class ChannelLabels {
 public:
  // Runs the model once, in evaluation mode, on zeros of these shapes: the shapes of all values decide. Errors: the
  // model's. Valid until the graph changes.
  static absl::StatusOr<ChannelLabels> analyze(graph::Model& model, const std::vector<std::vector<int64_t>>& input_size,
                                               const LabelOptions& options);

  const LabelSets& sets() const { return sets_; }
  // nullptr if the value is no tensor (no list of tensors).
  const TensorLabels* tensor(const graph::Value* value) const;
  const std::vector<TensorLabels>* list(const graph::Value* value) const;
  // Parameters, buffers and constant tensors, in the graph's order.
  const std::vector<graph::Value*>& stored() const { return stored_; }
  // Those of them that the masked model needs zeros in: they flow through the network, or are weights of it.
  bool is_masked(const graph::Value* stored) const { return masked_.count(stored) > 0; }
  // The labelled axes of all values, stored or computed.
  std::vector<const Axis*> axes() const;

 private:
  ChannelLabels() = default;
  void label_stored(graph::Graph& graph, const LabelOptions& options);
  void apply_rules(const graph::Graph& graph);

  LabelSets sets_;
  LabelMap values_;
  std::vector<graph::Value*> stored_;
  std::set<const graph::Value*> masked_;
};

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_CHANNEL_LABELS_H_
