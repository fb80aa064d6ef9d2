#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status fake_quantize_forward(const Execution&, const Layout& layout, const T* x, const QuantizationGrid& grid,
                                   T* y) {
  Call call;
  x = call.input(x, layout.size());
  y = call.output(y, layout.size());
  launch_elementwise<T>(call, sources::fake_quantize, "fake_quantize_forward", elementwise(layout, sizeof(T), {x, y}),
                        x, bind_grid(call, layout, grid), y);
  return call.finish();
}

template <typename T>
absl::Status fake_quantize_backward(const Execution&, const Layout& layout, const T* dy, const T* x,
                                    const QuantizationGrid& grid, T* dx, const FakeQuantizeSums* sums) {
  Call call;
  dy = call.input(dy, layout.size());
  x = call.input(x, layout.size());
  dx = call.output(dx, layout.size());
  const Grid levels = bind_grid(call, layout, grid);
  if (sums == nullptr) {
    if (dx != nullptr) {
      launch_elementwise<T>(call, sources::fake_quantize, "fake_quantize_dx",
                            elementwise(layout, sizeof(T), {dy, x, dx}), dy, x, levels, dx);
    }
    return call.finish();
  }
  float* const inside = call.output(sums->inside, layout.channels);
  float* const above = call.output(sums->above, layout.channels);
  float* const below = call.output(sums->below, layout.channels);
  reduce<T, SumsOfPiece<3>>(call, layout, {dy, x, dx}, sources::fake_quantize,
                            {"fake_quantize_sums", "fake_quantize_combine"}, arguments(dy, x, levels, dx),
                            arguments(inside, above, below));
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                            \
  template absl::Status fake_quantize_forward(const Execution&, const Layout&, const T*, const QuantizationGrid&, T*); \
  template absl::Status fake_quantize_backward(const Execution&, const Layout&, const T*, const T*,                    \
                                               const QuantizationGrid&, T*, const FakeQuantizeSums*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
