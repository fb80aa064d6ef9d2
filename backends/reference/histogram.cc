#include <cmath>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

template <typename T>
absl::Status histogram(const Execution&, const Layout& layout, const T* x, const HistogramBins& bins, int64_t* counts) {
  const float last = static_cast<float>(bins.bins - 1);
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const float number = to_float(x[i]);
    if (std::isnan(number)) return;
    int64_t* const channel_counts = counts + c * bins.counts();
    if (number < bins.low[c]) {
      ++channel_counts[0];
    } else if (number > bins.high[c]) {
      ++channel_counts[bins.bins + 1];
    } else {
      const float position = (number - bins.low[c]) * bins.inverse_width[c];
      float bin = std::trunc(position < last ? position : last);
      if (number < bins.low[c] + bin * bins.width[c]) --bin;
      ++channel_counts[1 + static_cast<int64_t>(bin)];
    }
  });
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status histogram(const Execution&, const Layout&, const T*, const HistogramBins&, int64_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
