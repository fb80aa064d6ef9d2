#include "backends/cuda/kernels/elementwise.cuh"
#include "backends/cuda/kernels/reduction.cuh"

namespace pare::backends::cuda {

PARE_KERNEL(binarize_weights, Elementwise elements, const Element* x, const float* scale, Element* y) {
  for_each_group(
      elements, [&](uint32_t channel) { return scale[channel]; },
      [&](const Group& group, const auto& scale_of) {
        float numbers[kWidth];
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          const float number = numbers[lane];
          if (!is_nan(number)) numbers[lane] = number > 0 ? scale_of(lane) : -scale_of(lane);
        }
        store(y, group, numbers);
      });
}

PARE_DEVICE float binarized_activation(float x, float scale, float threshold) {
  return is_nan(x) ? x : x > scale * threshold ? scale : 0.0f;
}

PARE_KERNEL(binarize_activations_forward, Elementwise elements, const Element* x, const float* scale,
            const float* threshold, Element* y) {
  for_each_group(
      elements, [&](uint32_t channel) { return threshold[channel]; },
      [&](const Group& group, const auto& threshold_of) {
        float numbers[kWidth];
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          numbers[lane] = binarized_activation(numbers[lane], *scale, threshold_of(lane));
        }
        store(y, group, numbers);
      });
}

// The gradient alone.
PARE_KERNEL(binarize_activations_dx, Elementwise elements, const Element* dy, const Element* x, const float* scale,
            Element* dx) {
  for_each_group(elements, [&](const Group& group) {
    float gradients[kWidth], numbers[kWidth];
    load(dy, group, gradients);
    load(x, group, numbers);
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) {
      if (numbers[lane] > *scale || numbers[lane] < 0) gradients[lane] = 0;
    }
    store(dx, group, gradients);
  });
}

// Inside, above and between; dx may be null.
PARE_KERNEL(binarize_activations_sums, Reduction reduction, const Element* dy, const Element* x, const float* scale,
            const float* threshold, Element* dx, Sums<3>* partial) {
  reduce_pieces<Sums<3>>(
      reduction, [&](uint32_t channel) { return threshold[channel]; },
      [&](const Group& group, const auto& threshold_of, LaneSums<3>(&sums)[kWidth]) {
        float gradients[kWidth], numbers[kWidth];
        load(dy, group, gradients);
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          if (lane >= group.count) continue;
          const float number = numbers[lane], gradient = gradients[lane];
          const bool is_above = number > *scale;
          if (is_above) {
            sums[lane].of[1] += gradient;
          } else {
            sums[lane].of[0] += gradient * (binarized_activation(number, *scale, threshold_of(lane)) - number);
          }
          if (number > 0 && number < *scale) sums[lane].of[2] += gradient;
          if (is_above || number < 0) gradients[lane] = 0;
        }
        if (dx != nullptr) store(dx, group, gradients);
      },
      partial);
}

PARE_KERNEL(binarize_activations_combine, Combination combination, const Sums<3>* partial, float* inside, float* above,
            float* between) {
  combine_pieces(combination, partial, [&](uint32_t channel, const Sums<3>& sums) {
    inside[channel] = static_cast<float>(sums.of[0]);
    above[channel] = static_cast<float>(sums.of[1]);
    between[channel] = static_cast<float>(sums.of[2]);
  });
}

}  // namespace pare::backends::cuda
