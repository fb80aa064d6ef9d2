#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status filter_norms(const Execution&, const Layout& layout, const T* x, float* l1, float* l2) {
  Call call;
  x = call.input(x, layout.size());
  l1 = call.output(l1, layout.channels);
  l2 = call.output(l2, layout.channels);
  reduce<T, SumsOfPiece<2>>(call, layout, {x}, sources::filters, {"filter_norms", "filter_norms_combine"}, arguments(x),
                            arguments(l1, l2));
  return call.finish();
}

template <typename T>
absl::Status pairwise_distances(const Execution&, const Layout& layout, const T* x, float* distances) {
  Call call;
  x = call.input(x, layout.size());
  distances = call.output(distances, layout.channels * layout.channels);
  constexpr uint64_t kTile = 16;
  const uint64_t tiles = (layout.channels + kTile - 1) / kTile;
  call.launch<T>(sources::filters, "pairwise_distances", tiles * (tiles + 1) / 2, kMaxThreads, x,
                 static_cast<uint64_t>(layout.outer), static_cast<uint32_t>(layout.channels),
                 static_cast<uint64_t>(layout.inner), distances);
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                      \
  template absl::Status filter_norms(const Execution&, const Layout&, const T*, float*, float*); \
  template absl::Status pairwise_distances(const Execution&, const Layout&, const T*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
