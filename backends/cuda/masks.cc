#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status magnitude_mask(const Execution&, const Layout& layout, const T* x, const float* scale, float threshold,
                            uint8_t* mask, T* y) {
  Call call;
  x = call.input(x, layout.size());
  scale = call.input(scale, layout.channels);
  mask = call.output(mask, layout.size());
  y = call.output(y, layout.size());
  launch_elementwise<T>(call, sources::masks, "magnitude_mask", elementwise(layout, sizeof(T), {x, mask, y}), x, scale,
                        threshold, mask, y);
  return call.finish();
}

template <typename T>
absl::Status apply_mask(const Execution&, int64_t size, const T* x, const uint8_t* mask, T* y) {
  Call call;
  x = call.input(x, size);
  mask = call.input(mask, size);
  y = call.output(y, size);
  launch_elementwise<T>(call, sources::masks, "apply_mask",
                        elementwise(Layout::per_tensor(size), sizeof(T), {x, mask, y}), x, mask, y);
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                           \
  template absl::Status magnitude_mask(const Execution&, const Layout&, const T*, const float*, float, uint8_t*, T*); \
  template absl::Status apply_mask(const Execution&, int64_t, const T*, const uint8_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
