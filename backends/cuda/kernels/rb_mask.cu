#include "backends/cuda/kernels/elementwise.cuh"
#include "backends/exponential.h"
#include "backends/philox.h"

namespace pare::backends::cuda {

// With is_random, logits decide with the words of `random`; else their signs alone. w, mask and y may be null.
PARE_KERNEL(rb_mask_forward, Elementwise elements, const Element* w, const float* logits, bool is_random,
            RandomStream random, uint8_t* mask, Element* y) {
  for_each_group(elements, [&](const Group& group) {
    float logit[kWidth];
    uint8_t kept[kWidth];
    load(logits, group, logit);
#pragma unroll
    for (int first = 0; first < kWidth; first += 4) {
      const uint64_t block = (group.first + first) / 4;
      const std::array<uint32_t, 4> words =
          philox_block({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                        static_cast<uint32_t>(random.draw), static_cast<uint32_t>(random.draw >> 32)},
                       {static_cast<uint32_t>(random.seed), static_cast<uint32_t>(random.seed >> 32)});
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float u = uniform(words[i]), x = logit[first + i];
        kept[first + i] = is_random ? u > (1.0f - u) * exponential(-x) : x > 0;
      }
    }
    if (mask != nullptr) store_bytes(mask, group, kept);
    if (y != nullptr) {
      float numbers[kWidth];
      load(w, group, numbers);
#pragma unroll
      for (int lane = 0; lane < kWidth; ++lane) numbers[lane] = kept[lane] == 0 ? 0.0f : numbers[lane];
      store(y, group, numbers);
    }
  });
}

// dw and d_logits may be null.
PARE_KERNEL(rb_mask_backward, Elementwise elements, const Element* dy, const Element* w, const uint8_t* mask,
            Element* dw, float* d_logits) {
  for_each_group(elements, [&](const Group& group) {
    float gradients[kWidth];
    load(dy, group, gradients);
    if (d_logits != nullptr) {
      float numbers[kWidth];
      load(w, group, numbers);
#pragma unroll
      for (int lane = 0; lane < kWidth; ++lane) numbers[lane] *= gradients[lane];
      store(d_logits, group, numbers);
    }
    if (dw != nullptr) {
      uint8_t kept[kWidth];
      load_bytes(mask, group, kept);
#pragma unroll
      for (int lane = 0; lane < kWidth; ++lane) gradients[lane] = kept[lane] == 0 ? 0.0f : gradients[lane];
      store(dw, group, gradients);
    }
  });
}

}  // namespace pare::backends::cuda
