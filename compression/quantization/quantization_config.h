// compression/quantization/quantization_config.h: everything that the config of the method "quantization" says.
//
//   PARE_ASSIGN_OR_RETURN(QuantizationConfig config, QuantizationConfig::parse(algorithm_config));
//
// Keys are NNCF's; "gradient" ("exact", "nncf": ops/fake_quantize.h) and the range type "mse" are Pare's own.
//
//   {
//     "algorithm": "quantization",
//     "preset": "mixed",                                       // performance | mixed
//     "weights": {"bits": 4, "per_channel": true, "ignored_scopes": ["conv1"]},
//     "activations": {"mode": "symmetric", "unified_scale_ops": [["add_0", "add_1"]]},
//     "scope_overrides": {"weights": {"{re}fc.*": {"bits": 8, "initializer": {"range": {"type": "mse"}}}},
//                         "activations": {"/nncf_model_input_0": {"mode": "asymmetric"}}},
//     "quantize_inputs": true, "quantize_outputs": false, "overflow_fix": "disable",
//     "initializer": {"range": {"type": "mixed_min_max", "num_init_samples": 256},
//                     "batchnorm_adaptation": {"num_bn_adaptation_samples": 2000}},
//     "params": {"activations_quant_start_epoch": 1}            // any key here: the staged schedule
//   }
//
// "export_to_onnx_standard_ops" is accepted and changes nothing: our exports use standard operators only. So is
// "num_bn_forget_samples": exact averages have nothing to forget.

#ifndef PARE_COMPRESSION_QUANTIZATION_QUANTIZATION_CONFIG_H_
#define PARE_COMPRESSION_QUANTIZATION_QUANTIZATION_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/quantization/placement_options.h"
#include "compression/quantization/precision_settings.h"
#include "compression/quantization/range_settings.h"
#include "config/compression_config.h"
#include "graph/graph.h"
#include "ops/fake_quantize.h"
#include "schedulers/staged_scheduler.h"

namespace pare::quantization {

struct QuantizationConfig {
  PlacementOptions placement;
  RangeRules ranges;
  int64_t num_bn_adaptation_samples = 2000;
  ops::GradientRule gradient = ops::GradientRule::kExact;
  std::optional<PrecisionSettings> precision;  // mixed precision; nullopt: the bits that placement gives
  std::optional<StagedParams> staged;          // nullopt: everything is quantized from the start
  // Of all scopes, and of those within "weights" and "activations".
  bool validate_scopes = true, validate_weight_scopes = true, validate_activation_scopes = true;
  // What the config asks for and has no effect here, a sentence each, for the log.
  std::vector<std::string> notes;

  // InvalidArgument, with the JSON path, for whatever is not as expected: unknown keys, wrong types, bits outside [2,
  // 8].
  static absl::StatusOr<QuantizationConfig> parse(const AlgorithmConfig& algorithm);

  // With validate_scopes, InvalidArgument for a scope that matches no node of the graph.
  absl::Status check_scopes(const graph::Graph& graph) const;
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_QUANTIZATION_CONFIG_H_
