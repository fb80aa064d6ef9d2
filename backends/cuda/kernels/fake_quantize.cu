#include "backends/cuda/kernels/elementwise.cuh"
#include "backends/cuda/kernels/quantization.cuh"
#include "backends/cuda/kernels/reduction.cuh"

namespace pare::backends::cuda {

PARE_KERNEL(fake_quantize_forward, Elementwise elements, const Element* x, Grid grid, Element* y) {
  for_each_group(
      elements, [&](uint32_t channel) { return Levels(grid, channel); },
      [&](const Group& group, const auto& levels_of) {
        float numbers[kWidth];
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) numbers[lane] = levels_of(lane).quantized(numbers[lane]);
        store(y, group, numbers);
      });
}

// The gradient alone.
PARE_KERNEL(fake_quantize_dx, Elementwise elements, const Element* dy, const Element* x, Grid grid, Element* dx) {
  for_each_group(
      elements, [&](uint32_t channel) { return Levels(grid, channel); },
      [&](const Group& group, const auto& levels_of) {
        float gradients[kWidth], numbers[kWidth];
        load(dy, group, gradients);
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          const Levels levels = levels_of(lane);
          if (levels.is_above(numbers[lane]) || levels.is_below(numbers[lane])) gradients[lane] = 0;
        }
        store(dx, group, gradients);
      });
}

// Inside, above and below; dx may be null.
PARE_KERNEL(fake_quantize_sums, Reduction reduction, const Element* dy, const Element* x, Grid grid, Element* dx,
            Sums<3>* partial) {
  reduce_pieces<Sums<3>>(
      reduction, [&](uint32_t channel) { return Levels(grid, channel); },
      [&](const Group& group, const auto& levels_of, LaneSums<3>(&sums)[kWidth]) {
        float gradients[kWidth], numbers[kWidth];
        load(dy, group, gradients);
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          if (lane >= group.count) continue;
          const Levels levels = levels_of(lane);
          const float number = numbers[lane], gradient = gradients[lane];
          if (levels.is_above(number)) {
            sums[lane].of[1] += gradient;
            gradients[lane] = 0;
          } else if (levels.is_below(number)) {
            sums[lane].of[2] += gradient;
            gradients[lane] = 0;
          } else {
            sums[lane].of[0] += gradient * (levels.quantized(number) - number);
          }
        }
        if (dx != nullptr) store(dx, group, gradients);
      },
      partial);
}

PARE_KERNEL(fake_quantize_combine, Combination combination, const Sums<3>* partial, float* inside, float* above,
            float* below) {
  combine_pieces(combination, partial, [&](uint32_t channel, const Sums<3>& sums) {
    inside[channel] = static_cast<float>(sums.of[0]);
    above[channel] = static_cast<float>(sums.of[1]);
    below[channel] = static_cast<float>(sums.of[2]);
  });
}

}  // namespace pare::backends::cuda
