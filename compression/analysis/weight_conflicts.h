// compression/analysis/weight_conflicts.h: whether two methods may work on the same weight.
//
//   PARE_RETURN_IF_ERROR(check_weight_is_free(*layer.weight, WeightUse::kZeros, config));
//
//             kZeros  kQuantizes  kBinarizes
//   kZeros    no      yes         no          a binarized weight has no zeros
//   kQuantizes yes    no          no          a binarized weight has two values already
//   kBinarizes no     no          no
// Filters that pruning removes (kRemoves) go with everything.

#ifndef PARE_COMPRESSION_ANALYSIS_WEIGHT_CONFLICTS_H_
#define PARE_COMPRESSION_ANALYSIS_WEIGHT_CONFLICTS_H_

#include "absl/status/status.h"
#include "config/compression_config.h"
#include "graph/graph.h"

namespace pare {

// What a method makes of the weights that it works on.
enum class WeightUse { kZeros, kQuantizes, kBinarizes, kRemoves };

// InvalidArgument, naming the config's method, the weight, and the other method (graph::Transform::owner()), if a
// transform that is on the weight already (on its way into an operator, through transposes) does not go with `use`.
// Transforms are known by their types: "sparsity_mask", "rb_mask" and "movement_mask" are kZeros, "quantizer" is
// kQuantizes, "weight_binarizer" kBinarizes; others go with everything.
absl::Status check_weight_is_free(const graph::Value& weight, WeightUse use, const AlgorithmConfig& config);

}  // namespace pare

#endif  // PARE_COMPRESSION_ANALYSIS_WEIGHT_CONFLICTS_H_
