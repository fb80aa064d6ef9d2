#include <cmath>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

absl::Status histogram(const Execution&, const Layout& layout, const float* x, const HistogramBins& bins,
                       int64_t* counts) {
  const float last = static_cast<float>(bins.bins - 1);
  for_each_element(layout, [&](int64_t i, int64_t c) {
    if (std::isnan(x[i])) return;
    int64_t* const channel_counts = counts + c * bins.counts();
    if (x[i] < bins.low[c]) {
      ++channel_counts[0];
    } else if (x[i] > bins.high[c]) {
      ++channel_counts[bins.bins + 1];
    } else {
      const float position = (x[i] - bins.low[c]) * bins.inverse_width[c];
      ++channel_counts[1 + static_cast<int64_t>(position < last ? position : last)];
    }
  });
  return absl::OkStatus();
}

}  // namespace pare::backends::reference
