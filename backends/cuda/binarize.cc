#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status binarize_weights(const Execution&, const Layout& layout, const T* x, const float* scale, T* y) {
  Call call;
  x = call.input(x, layout.size());
  scale = call.input(scale, layout.channels);
  y = call.output(y, layout.size());
  launch_elementwise<T>(call, sources::binarize, "binarize_weights", elementwise(layout, sizeof(T), {x, y}), x, scale,
                        y);
  return call.finish();
}

template <typename T>
absl::Status binarize_activations_forward(const Execution&, const Layout& layout, const T* x, const float* scale,
                                          const float* threshold, T* y) {
  Call call;
  x = call.input(x, layout.size());
  scale = call.input(scale, 1);
  threshold = call.input(threshold, layout.channels);
  y = call.output(y, layout.size());
  launch_elementwise<T>(call, sources::binarize, "binarize_activations_forward", elementwise(layout, sizeof(T), {x, y}),
                        x, scale, threshold, y);
  return call.finish();
}

template <typename T>
absl::Status binarize_activations_backward(const Execution&, const Layout& layout, const T* dy, const T* x,
                                           const float* scale, const float* threshold, T* dx,
                                           const BinarizationSums* sums) {
  Call call;
  dy = call.input(dy, layout.size());
  x = call.input(x, layout.size());
  scale = call.input(scale, 1);
  dx = call.output(dx, layout.size());
  if (sums == nullptr) {
    if (dx != nullptr) {
      launch_elementwise<T>(call, sources::binarize, "binarize_activations_dx",
                            elementwise(layout, sizeof(T), {dy, x, dx}), dy, x, scale, dx);
    }
    return call.finish();
  }
  threshold = call.input(threshold, layout.channels);
  float* const inside = call.output(sums->inside, layout.channels);
  float* const above = call.output(sums->above, layout.channels);
  float* const between = call.output(sums->between, layout.channels);
  reduce<T, SumsOfPiece<3>>(call, layout, {dy, x, dx}, sources::binarize,
                            {"binarize_activations_sums", "binarize_activations_combine"},
                            arguments(dy, x, scale, threshold, dx), arguments(inside, above, between));
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                   \
  template absl::Status binarize_weights(const Execution&, const Layout&, const T*, const float*, T*);        \
  template absl::Status binarize_activations_forward(const Execution&, const Layout&, const T*, const float*, \
                                                     const float*, T*);                                       \
  template absl::Status binarize_activations_backward(const Execution&, const Layout&, const T*, const T*,    \
                                                      const float*, const float*, T*, const BinarizationSums*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
