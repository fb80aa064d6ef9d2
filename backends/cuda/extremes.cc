#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status min_max(const Execution&, const Layout& layout, const T* x, float* min, float* max) {
  Call call;
  x = call.input(x, layout.size());
  min = call.output(min, layout.channels);
  max = call.output(max, layout.channels);
  reduce<T, ExtremesOfPiece>(call, layout, {x}, sources::extremes, {"min_max", "min_max_combine"}, arguments(x),
                             arguments(min, max));
  return call.finish();
}

template <typename T>
absl::Status abs_max(const Execution&, const Layout& layout, const T* x, float* abs_max) {
  Call call;
  x = call.input(x, layout.size());
  abs_max = call.output(abs_max, layout.channels);
  reduce<T, MagnitudeOfPiece>(call, layout, {x}, sources::extremes, {"abs_max", "abs_max_combine"}, arguments(x),
                              arguments(abs_max));
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                 \
  template absl::Status min_max(const Execution&, const Layout&, const T*, float*, float*); \
  template absl::Status abs_max(const Execution&, const Layout&, const T*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
