#include "backends/cuda/kernels/counting.cuh"

namespace pare::backends::cuda {

struct Bins {
  float low, high, width, inverse_width;
};

// low, high, width and inverse_width: one number a channel.
PARE_KERNEL(histogram, Reduction reduction, const Element* x, const float* low, const float* high, const float* width,
            const float* inverse_width, uint32_t bins, int64_t* counts) {
  const float last = static_cast<float>(bins - 1);
  count_bins(
      reduction, x, bins + 2,
      [&](uint32_t c) {
        return Bins{low[c], high[c], width[c], inverse_width[c]};
      },
      [&](float number, const Bins& of) -> int64_t {
        if (is_nan(number)) return -1;
        if (number < of.low) return 0;
        if (number > of.high) return bins + 1;
        const float position = (number - of.low) * of.inverse_width;
        float bin = truncf(position < last ? position : last);
        if (number < of.low + bin * of.width) bin -= 1;
        return 1 + static_cast<int64_t>(bin);
      },
      counts);
}

}  // namespace pare::backends::cuda
