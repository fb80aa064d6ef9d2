// compression/quantization/insertion.h: puts the quantizers that placement decided on into a graph.
//
//   PARE_ASSIGN_OR_RETURN(auto inserted, insert_quantizers(graph, setup, {.gradient = ops::GradientRule::kExact}));
//
// Parameters are named "<point's name>.quantizer.scale" (or .input_low, .input_range). They start at 1: a weight's has
// one number for each of the channels, an activation's, whose channels only a run tells (channel_counts.h), has one.
// Points of one unified scale group share the parameters of the group's first.

#ifndef PARE_COMPRESSION_QUANTIZATION_INSERTION_H_
#define PARE_COMPRESSION_QUANTIZATION_INSERTION_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "compression/quantization/quantizer.h"
#include "compression/quantization/quantizer_setup.h"
#include "graph/graph.h"

namespace pare::quantization {

struct InsertedQuantizer {
  QuantizationPoint point;
  std::shared_ptr<Quantizer> quantizer;
  graph::Node* node = nullptr;  // its input 0 is the point's value
};

// `options`: the gradient rule; the rest is the points'. Errors: InvalidArgument if a point's
// uses are not its value's, if configs of a unified group differ, or a weight lacks its channel axis; AlreadyExists if
// a point's name is taken.
absl::StatusOr<std::vector<InsertedQuantizer>> insert_quantizers(graph::Graph& graph, const QuantizerSetup& setup,
                                                                 Quantizer::Options options);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_INSERTION_H_
