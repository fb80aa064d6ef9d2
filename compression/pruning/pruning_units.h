// compression/pruning/pruning_units.h: what can be removed from a model: units, and the clusters that they stand in.
//
//   PARE_ASSIGN_OR_RETURN(auto units, PruningUnits::find(model->graph(), labels, config, options));
//   for (const PruningUnit& unit : units.units()) ... unit.filters ...      // removed together or not at all
//
// A unit is a class of channel_labels.h that holds filters: a filter of one layer, one filter of each of the layers
// that a residual connection adds up, or the rows of a linear layer that make an attention head. It is to be had if the
// class is not fixed and all of its filters are of layers that may be pruned. Layers that share units are a cluster.

#ifndef PARE_COMPRESSION_PRUNING_PRUNING_UNITS_H_
#define PARE_COMPRESSION_PRUNING_PRUNING_UNITS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compression/analysis/weighted_layers.h"
#include "compression/pruning/channel_labels.h"
#include "config/compression_config.h"
#include "graph/graph.h"

namespace pare::pruning {

// Which layers may be pruned, of those in the scopes.
struct LayerOptions {
  bool prune_first_conv = false;        // convolutions without another one before them
  bool prune_downsample_convs = false;  // those with a stride, depthwise ones apart
  bool prune_linear = true;
};

constexpr int32_t kNoUnit = -1;

// A convolution or a linear layer.
struct PrunedLayer {
  WeightedLayer layer;
  std::vector<int32_t> units;  // of each of its filters; kNoUnit: it stays

  int64_t num_filters() const { return static_cast<int64_t>(units.size()); }
};

struct PruningUnit {
  struct Filter {
    size_t layer;
    int64_t index;  // along the layer's output axis
  };
  std::vector<Filter> filters;
  size_t cluster = 0;
};

struct PruningCluster {
  std::vector<size_t> layers, units;
  int64_t num_channels = 0;     // of its layers, coupled ones counted once: the units, and those that stay
  bool has_wide_units = false;  // units of several filters of one layer: heads
};

// Of each unit, whether it is removed.
using RemovedUnits = std::vector<bool>;

class PruningUnits {
 public:
  // Errors: InvalidArgument, with the place in the config, for the scopes' mistakes and if there is no unit at all.
  static absl::StatusOr<PruningUnits> find(graph::Graph& graph, const ChannelLabels& labels,
                                           const AlgorithmConfig& config, const LayerOptions& options);

  const std::vector<PrunedLayer>& layers() const { return layers_; }
  const std::vector<PruningUnit>& units() const { return units_; }
  const std::vector<PruningCluster>& clusters() const { return clusters_; }

  // Axes all of whose indices are units, as the units that they hold: of each, one at least must stay.
  const std::vector<std::vector<size_t>>& axes() const { return axes_; }
  // The units of an axis of a tensor, index by index; empty if the axis has none.
  std::vector<int32_t> units_of(const Axis& axis, const LabelSets& sets) const;

 private:
  PruningUnits() = default;
  void find_units(const ChannelLabels& labels, const std::vector<bool>& may_be_pruned);
  void find_clusters(const ChannelLabels& labels);
  void find_axes(const ChannelLabels& labels);

  std::vector<PrunedLayer> layers_;
  std::vector<PruningUnit> units_;
  std::vector<PruningCluster> clusters_;
  std::vector<std::vector<size_t>> axes_;
  std::map<Label, int32_t> unit_of_class_;
};

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_PRUNING_UNITS_H_
