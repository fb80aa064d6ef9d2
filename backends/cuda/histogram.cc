#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status histogram(const Execution&, const Layout& layout, const T* x, const HistogramBins& bins, int64_t* counts) {
  Call call;
  x = call.input(x, layout.size());
  counts = call.in_out(counts, layout.channels * bins.counts());
  const float* const low = call.input(bins.low, layout.channels);
  const float* const high = call.input(bins.high, layout.channels);
  const float* const width = call.input(bins.width, layout.channels);
  const float* const inverse_width = call.input(bins.inverse_width, layout.channels);
  if (layout.size() > 0) {
    const ReductionPlan plan = counting_plan(layout, sizeof(T), {x}, call.multiprocessors());
    call.launch<T>(sources::histogram, "histogram", plan.blocks(), plan.reduction.threads, plan.reduction, x, low, high,
                   width, inverse_width, static_cast<uint32_t>(bins.bins), counts);
  }
  return call.finish();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status histogram(const Execution&, const Layout&, const T*, const HistogramBins&, int64_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
