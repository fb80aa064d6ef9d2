// compression/quantization/hessian_trace.h: how much a network's loss bends when a layer's weights change.
//
//   PARE_ASSIGN_OR_RETURN(auto traces, average_hessian_traces(*model, weights, loader, {}));
//
// The average trace of the Hessian of the loss by one layer's weights, its mean eigenvalue, by Hutchinson's estimator:
//   tr(H) / n = E[v^T H v] / n,  v of independent +1 and -1 with equal chances (Rademacher)
// H v is the derivative of (gradient . v): a second backward pass, for all layers at once; what one layer's v adds to
// another's product has the mean zero. (Dong et al. 2020, HAWQ-V2, arXiv:1911.03852, section 3.)

#ifndef PARE_COMPRESSION_QUANTIZATION_HESSIAN_TRACE_H_
#define PARE_COMPRESSION_QUANTIZATION_HESSIAN_TRACE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "data/data_loader.h"
#include "distributed/process_group.h"
#include "graph/model.h"

namespace pare::quantization {

struct HessianTraceOptions {
  int64_t num_data_points = 100;  // samples over which the loss is averaged
  int64_t max_iterations = 200;   // draws of v for each batch
  // A batch is done when a draw changes the sum of the traces so far by no more than this share of it.
  double tolerance = 1e-4;
  uint64_t seed = 0;
};

// In several processes each looks at its part of the samples, and all get the mean over all samples.
//
// For each weight, in their order. The model runs in evaluation mode; its mode and gradients are as before afterwards.
// The loss is the cross entropy of the model's output, [batch, classes], and the batches' targets. Errors:
//   InvalidArgument     a weight that requires no gradient or that the output does not depend on, no targets, no
//   samples Unimplemented       an operator of the model has no second derivative (its name is in LibTorch's words)
//   Internal            a trace that is not finite
//   and the loader's and the model's.
absl::StatusOr<std::vector<double>> average_hessian_traces(graph::Model& model,
                                                           const std::vector<graph::Value*>& weights,
                                                           data::DataLoader& loader, const HessianTraceOptions& options,
                                                           ProcessGroup* process_group = nullptr);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_HESSIAN_TRACE_H_
