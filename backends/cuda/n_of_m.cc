#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status n_of_m_mask(const Execution&, const Layout& layout, const T* x, int n, int m, uint8_t* mask) {
  Call call;
  x = call.input(x, layout.size());
  mask = call.output(mask, layout.size());
  const int64_t groups = (layout.channels + m - 1) / m, places = layout.outer * groups * layout.inner;
  call.launch<T>(sources::n_of_m, "n_of_m_mask", call.blocks_for(places), kMaxThreads, x,
                 static_cast<uint64_t>(layout.outer), static_cast<uint64_t>(layout.channels),
                 divider(layout.inner, places), divider(groups, places), n, m, mask);
  return call.finish();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status n_of_m_mask(const Execution&, const Layout&, const T*, int, int, uint8_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
