#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status count_zeros(const Execution&, const Layout& layout, const T* x, int64_t* counts) {
  Call call;
  x = call.input(x, layout.size());
  counts = call.output(counts, layout.channels);
  reduce<T, CountOfPiece>(call, layout, {x}, sources::counts, {"count_zeros", "count_combine"}, arguments(x),
                          arguments(counts));
  return call.finish();
}

template <typename T>
absl::Status count_above(const Execution&, const Layout& layout, const T* x, float threshold, int64_t* counts) {
  Call call;
  x = call.input(x, layout.size());
  counts = call.output(counts, layout.channels);
  reduce<T, CountOfPiece>(call, layout, {x}, sources::counts, {"count_above", "count_combine"}, arguments(x, threshold),
                          arguments(counts));
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                               \
  template absl::Status count_zeros(const Execution&, const Layout&, const T*, int64_t*); \
  template absl::Status count_above(const Execution&, const Layout&, const T*, float, int64_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
