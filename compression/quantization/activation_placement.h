// compression/quantization/activation_placement.h: the quantizers on what flows between operators, by propagation (see
// placement.h for the rules).
//
//   PARE_ASSIGN_OR_RETURN(std::vector<QuantizationPoint> points, place_activation_quantizers(context));

#ifndef PARE_COMPRESSION_QUANTIZATION_ACTIVATION_PLACEMENT_H_
#define PARE_COMPRESSION_QUANTIZATION_ACTIVATION_PLACEMENT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "compression/quantization/placement_context.h"
#include "compression/quantization/quantizer_setup.h"

namespace pare::quantization {

// In the order of execution: inputs of the graph first. Names are the values' and may repeat. Errors: InvalidArgument
// if a config contradicts what an operator allows, or quantizers that are to share one scale have no config in common.
absl::StatusOr<std::vector<QuantizationPoint>> place_activation_quantizers(const PlacementContext& context);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_ACTIVATION_PLACEMENT_H_
