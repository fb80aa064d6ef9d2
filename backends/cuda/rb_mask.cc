#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status rb_mask_forward(const Execution&, int64_t size, const T* w, const float* logits,
                             const RandomStream* random, uint8_t* mask, T* y) {
  Call call;
  w = y == nullptr ? nullptr : call.input(w, size);
  logits = call.input(logits, size);
  mask = call.output(mask, size);
  y = call.output(y, size);
  launch_elementwise<T>(call, sources::rb_mask, "rb_mask_forward",
                        elementwise(Layout::per_tensor(size), sizeof(T), {w, logits, mask, y}), w, logits,
                        random != nullptr, random == nullptr ? RandomStream() : *random, mask, y);
  return call.finish();
}

template <typename T>
absl::Status rb_mask_backward(const Execution&, int64_t size, const T* dy, const T* w, const uint8_t* mask, T* dw,
                              float* d_logits) {
  Call call;
  dy = call.input(dy, size);
  w = d_logits == nullptr ? nullptr : call.input(w, size);
  mask = dw == nullptr ? nullptr : call.input(mask, size);
  dw = call.output(dw, size);
  d_logits = call.output(d_logits, size);
  launch_elementwise<T>(call, sources::rb_mask, "rb_mask_backward",
                        elementwise(Layout::per_tensor(size), sizeof(T), {dy, w, mask, dw, d_logits}), dy, w, mask, dw,
                        d_logits);
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                     \
  template absl::Status rb_mask_forward(const Execution&, int64_t, const T*, const float*, const RandomStream*, \
                                        uint8_t*, T*);                                                          \
  template absl::Status rb_mask_backward(const Execution&, int64_t, const T*, const T*, const uint8_t*, T*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
