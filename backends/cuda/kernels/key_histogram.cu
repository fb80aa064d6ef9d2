#include "backends/cuda/kernels/counting.cuh"
#include "backends/selection_key.h"

namespace pare::backends::cuda {

struct KeyedChannel {
  uint32_t low;
  float center, scale;
};

// center and scale may be null.
PARE_KERNEL(key_histogram, Reduction reduction, const Element* x, bool magnitude, const float* center,
            const float* scale, const uint32_t* low, int shift, uint32_t bins, int64_t* counts) {
  count_bins(
      reduction, x, bins + 2,
      [&](uint32_t c) {
        return KeyedChannel{low[c], center == nullptr ? 0.0f : center[c], scale == nullptr ? 1.0f : scale[c]};
      },
      [&](float number, const KeyedChannel& of) -> int64_t {
        float selected = number;
        if (magnitude) {
          if (center != nullptr) selected -= of.center;
          selected = magnitude_of(selected) * of.scale;
        }
        const uint32_t key = selection_key(selected);
        if (key < of.low) return 0;
        const uint32_t bin = (key - of.low) >> shift;
        return bin < bins ? 1 + int64_t{bin} : int64_t{bins} + 1;
      },
      counts);
}

}  // namespace pare::backends::cuda
