#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status mean_variance(const Execution&, const Layout& layout, const T* x, float* mean, float* variance) {
  Call call;
  x = call.input(x, layout.size());
  mean = call.output(mean, layout.channels);
  variance = call.output(variance, layout.channels);
  const auto size = static_cast<double>(layout.outer * layout.inner);
  reduce<T, MomentsOfPiece>(call, layout, {x}, sources::mean_variance, {"mean_variance", "mean_variance_combine"},
                            arguments(x), arguments(size, mean, variance));
  return call.finish();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status mean_variance(const Execution&, const Layout&, const T*, float*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
