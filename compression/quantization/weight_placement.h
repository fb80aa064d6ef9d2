// compression/quantization/weight_placement.h: the quantizers on parameters.
//
//   PARE_ASSIGN_OR_RETURN(std::vector<QuantizationPoint> points, place_weight_quantizers(context));
//
// One for each parameter, or more where operators that share it want quantizers that differ.

#ifndef PARE_COMPRESSION_QUANTIZATION_WEIGHT_PLACEMENT_H_
#define PARE_COMPRESSION_QUANTIZATION_WEIGHT_PLACEMENT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "compression/quantization/placement_context.h"
#include "compression/quantization/quantizer_setup.h"

namespace pare::quantization {

// In the order in which the weights are first used; names are the parameters' and may repeat. Errors: InvalidArgument
// if two operators read a weight through one and the same operator and want different quantizers, or if a config asks
// for one range a channel where a reshape has mixed channels with other axes.
absl::StatusOr<std::vector<QuantizationPoint>> place_weight_quantizers(const PlacementContext& context);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_WEIGHT_PLACEMENT_H_
