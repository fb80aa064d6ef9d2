// compression/quantization/precision_search.h: which bits for which layer: the search of HAWQ-V2.
//
//   PARE_ASSIGN_OR_RETURN(auto choice, choose_precisions(layers, {2, 4, 8}, /*compression_ratio=*/1.5));
//   choice.bits[0]   // of layers[0]
//
//   sensitivity   sum over layers of (average trace of the Hessian) * ||Q_bits(W) - W||^2
//   complexity    sum over layers of FLOPs * bits
//   ratio         (sum of FLOPs * 8) / complexity
// Among the assignments in which a layer with a greater trace never has fewer bits, and whose ratio is at least the one
// asked for, the one of least sensitivity; of equal ones that of the least complexity.
// (Dong et al. 2020, HAWQ-V2, arXiv:1911.03852, sections 3.2 and 4.)

#ifndef PARE_COMPRESSION_QUANTIZATION_PRECISION_SEARCH_H_
#define PARE_COMPRESSION_QUANTIZATION_PRECISION_SEARCH_H_

#include <vector>

#include "absl/status/statusor.h"

namespace pare::quantization {

struct PrecisionLayer {
  double average_trace = 0;
  double flops = 0;                    // of the layer, at least 0
  std::vector<double> squared_errors;  // ||Q(W) - W||^2 for each of the bits that can be chosen
};

struct PrecisionChoice {
  std::vector<int> bits;  // of each layer
  double sensitivity = 0;
  double ratio = 0;
};

// `bits` in rising order. InvalidArgument if there are no layers or bits, if the ratio cannot be reached (the message
// says what can), or if there are more assignments to look at than ten million.
absl::StatusOr<PrecisionChoice> choose_precisions(const std::vector<PrecisionLayer>& layers,
                                                  const std::vector<int>& bits, double compression_ratio);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_PRECISION_SEARCH_H_
