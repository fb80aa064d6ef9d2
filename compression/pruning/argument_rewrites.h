// compression/pruning/argument_rewrites.h: the numbers in operators' arguments that change with the size of an axis.
//
//   PARE_RETURN_IF_ERROR(rewrite_arguments(graph, node, labels, cut));   // view(x, [-1, 64]) to view(x, [-1, 48])

#ifndef PARE_COMPRESSION_PRUNING_ARGUMENT_REWRITES_H_
#define PARE_COMPRESSION_PRUNING_ARGUMENT_REWRITES_H_

#include <cstdint>
#include <set>

#include "absl/status/status.h"
#include "compression/pruning/channel_labels.h"
#include "graph/graph.h"

namespace pare::pruning {

// Which indices go: those with labels of these classes.
class Cut {
 public:
  Cut(const LabelSets& sets, std::set<Label> classes) : sets_(sets), classes_(std::move(classes)) {}

  bool removes(Label label) const { return classes_.count(sets_.find(label)) > 0; }
  // How many of the indices begin ... end - 1 of a labelled axis stay.
  int64_t kept(const Axis& axis, size_t begin, size_t end) const;
  int64_t kept(const Axis& axis) const { return kept(axis, 0, axis.labels.size()); }
  bool touches(const Axis& axis) const { return kept(axis) != static_cast<int64_t>(axis.labels.size()); }
  bool touches(const TensorLabels& tensor) const;

 private:
  const LabelSets& sets_;
  std::set<Label> classes_;
};

// Groups of depthwise convolutions, sizes of view, reshape, unflatten and expand, split sizes (a chunk or a split by
// one size becomes aten::split_with_sizes: the node is replaced), bounds of slice and narrow, pads. Others have none.
// The labels are those of the graph before any of it. Errors: the graph's.
absl::Status rewrite_arguments(graph::Graph& graph, graph::Node* node, const ChannelLabels& labels, const Cut& cut);

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_ARGUMENT_REWRITES_H_
