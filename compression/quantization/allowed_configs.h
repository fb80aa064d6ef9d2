// compression/quantization/allowed_configs.h: which quantizers an operator's inputs may have: what the device can do,
// narrowed to what the config asks for.
//
//   PARE_ASSIGN_OR_RETURN(std::vector<QuantizerConfig> configs, allowed_weight_configs(*conv, rules, constraints));
//   configs[0]   // the one to prefer
//
// Bits: CPU and GPU 8; NPU 8, 4 and (weights) 2, below 8 symmetric alone, as in NNCF's descriptions of these devices.
// ANY takes the CPU's operators but any number of bits, since it promises no device's integer units; TRIAL also takes
// activations per channel, for convolutions.
// Weights are symmetric, signed and per channel unless the config says otherwise; 8-bit symmetric signed ones leave out
// their lowest level. Activations are per tensor; symmetric for the preset "performance", asymmetric for "mixed".

#ifndef PARE_COMPRESSION_QUANTIZATION_ALLOWED_CONFIGS_H_
#define PARE_COMPRESSION_QUANTIZATION_ALLOWED_CONFIGS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "compression/analysis/operator_traits.h"
#include "compression/quantization/placement_options.h"
#include "compression/quantization/quantizer_config.h"
#include "graph/graph.h"

namespace pare::quantization {

struct DeviceRules {
  TargetDevice device = TargetDevice::kAny;
  bool prefers_asymmetric_activations = false;
};

// Best first, never empty. InvalidArgument, with the key's place in the config and the node's name, if the device
// cannot do what `constraints` ask for, or if that is no quantizer at all (bits out of range).
absl::StatusOr<std::vector<QuantizerConfig>> allowed_weight_configs(const graph::Node& node, const DeviceRules& rules,
                                                                    const QuantizerConstraints& constraints);
absl::StatusOr<std::vector<QuantizerConfig>> allowed_activation_configs(const graph::Node& node,
                                                                        const DeviceRules& rules,
                                                                        const QuantizerConstraints& constraints);
// Of a quantizer on the model's output, which serves no operator.
absl::StatusOr<std::vector<QuantizerConfig>> allowed_output_configs(const DeviceRules& rules,
                                                                    const QuantizerConstraints& constraints);

// `config`, of a quantizer of the value `name`, with what `changes` sets; the same errors.
absl::StatusOr<QuantizerConfig> changed_activation_config(const std::string& name, const DeviceRules& rules,
                                                          const QuantizerConfig& config,
                                                          const QuantizerConstraints& changes);

// What both allow, in the order of `first`. A sign that one leaves open is the other's.
std::vector<QuantizerConfig> intersect(const std::vector<QuantizerConfig>& first,
                                       const std::vector<QuantizerConfig>& second);

// What `changes` sets, over `base`.
QuantizerConstraints overridden(const QuantizerConstraints& base, const QuantizerConstraints& changes);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_ALLOWED_CONFIGS_H_
