// compression/quantization/overrides.h: the ends of scope_overrides: those that name outputs, and what had no effect.
//
// An override of "activations" is first of all for the quantizers of the inputs of the operators that it names. One
// that names no operator with quantized inputs, but one whose output is quantized, or an input of the model, is for
// these:
// {"/nncf_model_input_0": {"bits": 7}}, {"{re}ELU\\[act\\]": {"signed": true}}, as in NNCF.

#ifndef PARE_COMPRESSION_QUANTIZATION_OVERRIDES_H_
#define PARE_COMPRESSION_QUANTIZATION_OVERRIDES_H_

#include <vector>

#include "absl/status/status.h"
#include "compression/quantization/placement_context.h"
#include "compression/quantization/quantizer_setup.h"

namespace pare::quantization {

// Changes the configs of the points that such overrides name, and with them of those that share a scale with one.
// InvalidArgument, with the place in the config, for what the device cannot do.
absl::Status apply_output_overrides(const PlacementContext& context, std::vector<QuantizationPoint>& points);

// Logs a line for each override that reached no quantizer, and one if "signed" is asked for where quantizers are
// asymmetric: their zero point follows the data, and it has no effect.
void warn_of_unused_constraints(const PlacementContext& context, const std::vector<QuantizationPoint>& points);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_OVERRIDES_H_
