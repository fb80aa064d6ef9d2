#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status key_histogram(const Execution&, const Layout& layout, const T* x, const SelectionKeys& keys,
                           const KeyBins& bins, int64_t* counts) {
  Call call;
  x = call.input(x, layout.size());
  counts = call.in_out(counts, layout.channels * bins.counts());
  const uint32_t* const low = call.input(bins.low, layout.channels);
  const float* const center = call.input(keys.center, layout.channels);
  const float* const scale = call.input(keys.scale, layout.channels);
  if (layout.size() > 0) {
    const ReductionPlan plan = counting_plan(layout, sizeof(T), {x}, call.multiprocessors());
    call.launch<T>(sources::key_histogram, "key_histogram", plan.blocks(), plan.reduction.threads, plan.reduction, x,
                   keys.magnitude, center, scale, low, bins.shift, static_cast<uint32_t>(bins.bins), counts);
  }
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                            \
  template absl::Status key_histogram(const Execution&, const Layout&, const T*, const SelectionKeys&, const KeyBins&, \
                                      int64_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
