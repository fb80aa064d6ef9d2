// backends/vulkan/float_controls.h: asks a shader for exact float arithmetic where a device offers it.
//
// What a device promises for 32-bit floats (VK_KHR_shader_float_controls) is an execution mode in the shader's SPIR-V.
// It is put in when the device is known, so that one compiled shader serves all devices.

#ifndef PARE_BACKENDS_VULKAN_FLOAT_CONTROLS_H_
#define PARE_BACKENDS_VULKAN_FLOAT_CONTROLS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace pare::backends::vulkan {

struct FloatControls {
  bool denorm_preserve = false;
  bool rounding_to_even = false;
  bool signed_zero_inf_nan_preserve = false;
};

// The module with these modes for 32-bit floats on its entry point. The module is valid and has one entry point.
std::vector<uint32_t> with_float_controls(absl::Span<const uint32_t> module, const FloatControls& controls);

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_FLOAT_CONTROLS_H_
