// compression/quantization/quantizer_setup.h: which quantizers go where: what placement decides and insertion carries
// out.
//
//   PARE_ASSIGN_OR_RETURN(QuantizerSetup setup, place_quantizers(graph, options));
//   std::cout << describe(setup);
//
// prints
//
//   weights: 20 quantizers
//     conv1.weight             INT8 symmetric signed per-channel narrow-range (axis 0)  for conv1/aten::conv2d
//     ...
//   activations: 30 quantizers
//     x                        INT8 symmetric per-tensor                                for conv1/aten::conv2d
//     ...

#ifndef PARE_COMPRESSION_QUANTIZATION_QUANTIZER_SETUP_H_
#define PARE_COMPRESSION_QUANTIZATION_QUANTIZER_SETUP_H_

#include <string>
#include <vector>

#include "compression/quantization/quantizer_config.h"
#include "graph/graph.h"

namespace pare::quantization {

struct QuantizationPoint {
  // The value that is quantized: a parameter or buffer for weights; an output of a node or an input of the graph for
  // activations.
  graph::Value* value = nullptr;
  // The uses that get the quantized value; never empty. Other uses of `value` see it as it is.
  std::vector<graph::Use> uses;
  bool is_weight = false;
  QuantizerConfig config;
  // Weights: the axis of the output channels (0 for conv, 1 for transposed conv, ...), of `value` itself.
  // Activations: 1. Matters only if config.per_channel.
  int64_t channel_axis = 0;
  // "layer1.0.conv1.weight" for weights, the node's name (or the input's) for activations; unique, used for the
  // parameters.
  std::string name;
  // The operators that this quantizer serves, for messages and statistics.
  std::vector<graph::Node*> served;
  // Points with the same id, other than -1, share one range (unified scales: the inputs of a concat).
  int unified_scale_group = -1;
  int input_index = -1;  // which of the graph's inputs `value` is; -1 if none
};

struct QuantizerSetup {
  std::vector<QuantizationPoint> points;  // weights first, then activations in the order of execution
};

// A listing for people, a line a quantizer, as above.
std::string describe(const QuantizerSetup& setup);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_QUANTIZER_SETUP_H_
