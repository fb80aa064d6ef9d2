#include "backends/cuda/kernels/elementwise.cuh"

namespace pare::backends::cuda {

// scale, mask and y may be null.
PARE_KERNEL(magnitude_mask, Elementwise elements, const Element* x, const float* scale, float threshold, uint8_t* mask,
            Element* y) {
  for_each_group(
      elements, [&](uint32_t channel) { return scale == nullptr ? 1.0f : scale[channel]; },
      [&](const Group& group, const auto& scale_of) {
        float numbers[kWidth];
        uint8_t kept[kWidth];
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          kept[lane] = magnitude_of(numbers[lane]) * scale_of(lane) <= threshold ? 0 : 1;
          if (kept[lane] == 0) numbers[lane] = 0;
        }
        if (mask != nullptr) store_bytes(mask, group, kept);
        if (y != nullptr) store(y, group, numbers);
      });
}

PARE_KERNEL(apply_mask, Elementwise elements, const Element* x, const uint8_t* mask, Element* y) {
  for_each_group(elements, [&](const Group& group) {
    float numbers[kWidth];
    uint8_t kept[kWidth];
    load(x, group, numbers);
    load_bytes(mask, group, kept);
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) numbers[lane] = kept[lane] == 0 ? 0.0f : numbers[lane];
    store(y, group, numbers);
  });
}

}  // namespace pare::backends::cuda
