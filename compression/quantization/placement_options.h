// compression/quantization/placement_options.h: what a config says about where quantizers go, and of which kind.
//
//   PlacementOptions options;
//   options.weights.bits = 4;
//   PARE_ASSIGN_OR_RETURN(options.ignored, ScopeSet::create({"fc"}, "/compression/ignored_scopes"));

#ifndef PARE_COMPRESSION_QUANTIZATION_PLACEMENT_OPTIONS_H_
#define PARE_COMPRESSION_QUANTIZATION_PLACEMENT_OPTIONS_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compression/quantization/quantizer_config.h"
#include "compression/scopes.h"

namespace pare::quantization {

// What a config says about weights or activations, or about one scope of them; unset: as the preset and device say.
struct QuantizerConstraints {
  std::optional<QuantizationMode> mode;
  std::optional<int> bits;
  std::optional<bool> is_signed;
  std::optional<bool> per_channel;
  std::optional<bool> logarithm_scale;
  // Where in the config each key stands ("bits" -> "$.compression.weights.bits"), for messages; may be empty.
  std::map<std::string, std::string> paths = {};

  // "$.compression.weights.bits: ", or "" if the key's place is not known.
  std::string prefix(const std::string& key) const {
    const auto found = paths.find(key);
    return found == paths.end() ? "" : found->second + ": ";
  }
};

struct PlacementOptions {
  std::string target_device = "ANY";   // ANY | CPU | GPU | NPU | TRIAL: which operators take quantized inputs, and how
  std::string preset = "performance";  // performance: symmetric; mixed: asymmetric activations
  // enable | disable | first_layer_only: for devices CPU and ANY, 8-bit weights use half of their levels, so that
  // products summed in 16 bits, as x86 without VNNI does, cannot overflow. NNCF's default is enable; ours is disable:
  // it costs a bit of every weight, for a kind of processor that gets rare. ONNX Runtime on one has a session option
  // for it.
  std::string overflow_fix = "disable";
  QuantizerConstraints weights, activations;
  // Scopes for all quantizers, for weights' alone, and for activations' alone.
  ScopeSet target, ignored, target_weights, ignored_weights, target_activations, ignored_activations;
  // scope_overrides: a later match wins.
  std::vector<std::pair<ScopeSet, QuantizerConstraints>> weight_overrides, activation_overrides;
  bool quantize_inputs = true;
  bool quantize_outputs = false;
  // Names of operators (unified_scale_ops): each inner list is a group of nodes whose input quantizers share one scale.
  std::vector<std::vector<ScopeSet>> unified_scale_groups;
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_PLACEMENT_OPTIONS_H_
