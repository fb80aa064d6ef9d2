// compression/analysis/zero_inputs.h: something to run a model on where only shapes matter.
//
//   PARE_ASSIGN_OR_RETURN(std::vector<at::Tensor> inputs, zero_inputs(*model, {{1, 3, 32, 32}}));

#ifndef PARE_COMPRESSION_ANALYSIS_ZERO_INPUTS_H_
#define PARE_COMPRESSION_ANALYSIS_ZERO_INPUTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/model.h"

namespace pare {

// Zeros of these shapes, on the model's device and in its dtype; whole numbers for inputs that are indices. Errors:
// InvalidArgument if there are not as many shapes as inputs, and what LibTorch says of sizes that are too large.
absl::StatusOr<std::vector<at::Tensor>> zero_inputs(const graph::Model& model,
                                                    const std::vector<std::vector<int64_t>>& input_size);

}  // namespace pare

#endif  // PARE_COMPRESSION_ANALYSIS_ZERO_INPUTS_H_
