// backends/vulkan/kernels.h: the backend's kernels, one source each. Their contracts stand in KernelTable.

#ifndef PARE_BACKENDS_VULKAN_KERNELS_H_
#define PARE_BACKENDS_VULKAN_KERNELS_H_

#include "absl/status/status.h"
#include "backends/kernel_backend.h"

namespace pare::backends::vulkan {

absl::Status fake_quantize_forward(const Execution& execution, const Layout& layout, const float* x,
                                   const QuantizationGrid& grid, float* y);

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_KERNELS_H_
