// compression/quantization/precision_settings.h: what a config's "initializer.precision" asks for: bits a layer.
//
//   "initializer": {"precision": {"type": "hawq", "bits": [2, 4, 8], "compression_ratio": 1.5}}
//   "initializer": {"precision": {"type": "manual", "bitwidth_per_scope": [[4, "layer1.0.conv1"], [2, "fc|WEIGHT"]]}}
//
// Keys, as NNCF has them: type (hawq | manual), bits ([2, 4, 8], rising), compression_ratio (1.5), num_data_points
// (100), iter_number (200), tolerance (1e-4), and Pare's own seed (0); bitwidth_per_scope, pairs of bits and a scope,
// of which a later one wins. A scope means the weights and the inputs of the layers that it names; with "|WEIGHT" or
// "|INPUT" at its end one of the two. "|OUTPUT" names the quantizer on the outputs of the operators.

#ifndef PARE_COMPRESSION_QUANTIZATION_PRECISION_SETTINGS_H_
#define PARE_COMPRESSION_QUANTIZATION_PRECISION_SETTINGS_H_

#include <vector>

#include "absl/status/status.h"
#include "compression/quantization/hessian_trace.h"
#include "compression/scopes.h"
#include "config/object_reader.h"

namespace pare::quantization {

struct PrecisionSettings {
  enum class Kind { kHawq, kManual };
  enum class Part { kWeightAndInput, kWeight, kInput, kOutput };
  struct Assignment {
    int bits;
    ScopeSet scope;
    Part part;
  };

  Kind kind = Kind::kHawq;
  std::vector<int> bits = {2, 4, 8};
  double compression_ratio = 1.5;
  HessianTraceOptions traces;
  std::vector<Assignment> assignments;  // kManual

  // Mistakes go to the reader of the object "precision".
  static PrecisionSettings read(config::ObjectReader& precision);
  absl::Status check_all_match(const graph::Graph& graph) const;
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_PRECISION_SETTINGS_H_
