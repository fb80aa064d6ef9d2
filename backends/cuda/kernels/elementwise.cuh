// kernels/elementwise.cuh: goes over a tensor in groups of 16 bytes, with the parameters of each element's channel.
//
//   PARE_KERNEL(scale, Elementwise elements, const Element* x, const float* scale, Element* y) {
//     for_each_group(elements, [&](uint32_t channel) { return scale[channel]; },
//                    [&](const Group& group, const auto& scale_of) {
//                      float numbers[kWidth];
//                      load(x, group, numbers);
//                      for (int lane = 0; lane < kWidth; ++lane) numbers[lane] *= scale_of(lane);
//                      store(y, group, numbers);
//                    });
//   }

#ifndef PARE_BACKENDS_CUDA_KERNELS_ELEMENTWISE_CUH_
#define PARE_BACKENDS_CUDA_KERNELS_ELEMENTWISE_CUH_

#include "backends/cuda/kernels/kernel.cuh"

namespace pare::backends::cuda {

// Where an element stands: the run of its channel, and its place within.
struct RunPlace {
  uint64_t within;
  uint32_t channel;
};

PARE_DEVICE RunPlace run_place(const Elementwise& elements, uint64_t element) {
  if (elements.is_of_one_channel) return {element, 0};
  const uint64_t run = quotient(element, elements.inner);
  return {element - run * elements.inner.divisor,
          static_cast<uint32_t>(run - quotient(run, elements.runs) * elements.channels)};
}

// Calls body(group, parameters_of) for every group, parameters_of(lane) being parameters(channel) of a lane's channel.
template <typename Parameters, typename Body>
PARE_DEVICE void for_each_group(const Elementwise& elements, const Parameters& parameters, const Body& body) {
  const uint64_t step = all_threads() * kWidth;
  for (uint64_t first = first_index() * kWidth; first < elements.size; first += step) {
    const uint64_t left = elements.size - first;
    const Group group{first, left < kWidth ? static_cast<uint32_t>(left) : kWidth,
                      left >= kWidth && elements.is_aligned};
    const RunPlace place = run_place(elements, first);
    if (elements.has_whole_groups) {
      const auto of_all = parameters(place.channel);
      body(group, [&](int) { return of_all; });
    } else {
      body(group, [&](int lane) {
        uint32_t channel = place.channel;
        uint64_t within = place.within + lane;
        while (within >= elements.inner.divisor) {
          within -= elements.inner.divisor;
          channel = channel + 1 == elements.channels ? 0 : channel + 1;
        }
        return parameters(channel);
      });
    }
  }
}

// The same where all elements are alike.
template <typename Body>
PARE_DEVICE void for_each_group(const Elementwise& elements, const Body& body) {
  for_each_group(
      elements, [](uint32_t) { return 0; }, [&](const Group& group, const auto&) { body(group); });
}

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_KERNELS_ELEMENTWISE_CUH_
