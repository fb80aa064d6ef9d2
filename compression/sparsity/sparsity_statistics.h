// compression/sparsity/sparsity_statistics.h: how sparse a model is, and which of its layers.
//
//   statistics.merge(sparsity_statistics(model()->graph(), rows));
//
//   model_sparsity            zeros over all of the model's parameters that a method has not added
//   sparsified_layers_level   zeros over the weights of the layers that the method works on
//   layers                    a table: name, shape, level, share of the model's weights in percent

#ifndef PARE_COMPRESSION_SPARSITY_SPARSITY_STATISTICS_H_
#define PARE_COMPRESSION_SPARSITY_SPARSITY_STATISTICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "statistics/statistics.h"

namespace pare::sparsity {

struct LayerSparsity {
  std::string name;
  const graph::Value* weight = nullptr;
  int64_t num_zeros = 0;
};

// `own`: parameters that methods have added, which do not count.
Statistics sparsity_statistics(const graph::Graph& graph, const std::vector<LayerSparsity>& layers,
                               const std::vector<graph::Value*>& own);

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_SPARSITY_STATISTICS_H_
