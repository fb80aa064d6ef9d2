#include <cstdint>

#include "backends/exponential.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {
namespace {

bool is_kept(float logit, const RandomStream* random, int64_t element) {
  if (random == nullptr) return logit > 0;
  const float u = uniform(philox_word(*random, element));
  return u > (1.0f - u) * exponential(-logit);
}

}  // namespace

template <typename T>
absl::Status rb_mask_forward(const Execution&, int64_t size, const T* w, const float* logits,
                             const RandomStream* random, uint8_t* mask, T* y) {
  for (int64_t i = 0; i < size; ++i) {
    const bool kept = is_kept(logits[i], random, i);
    if (mask != nullptr) mask[i] = kept ? 1 : 0;
    if (y != nullptr) y[i] = kept ? w[i] : T{};
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status rb_mask_backward(const Execution&, int64_t size, const T* dy, const T* w, const uint8_t* mask, T* dw,
                              float* d_logits) {
  for (int64_t i = 0; i < size; ++i) {
    if (d_logits != nullptr) d_logits[i] = to_float(dy[i]) * to_float(w[i]);
    if (dw != nullptr) dw[i] = mask[i] != 0 ? dy[i] : T{};
  }
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                     \
  template absl::Status rb_mask_forward(const Execution&, int64_t, const T*, const float*, const RandomStream*, \
                                        uint8_t*, T*);                                                          \
  template absl::Status rb_mask_backward(const Execution&, int64_t, const T*, const T*, const uint8_t*, T*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
