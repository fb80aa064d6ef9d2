#include <limits>
#include <vector>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

template <typename T>
absl::Status mean_variance(const Execution&, const Layout& layout, const T* x, float* mean, float* variance) {
  const double size = static_cast<double>(layout.outer * layout.inner);
  std::vector<double> means(layout.channels), squares(layout.channels);
  for_each_element(layout, [&](int64_t i, int64_t c) { means[c] += to_float(x[i]); });
  for (double& sum : means) sum = size > 0 ? sum / size : std::numeric_limits<double>::quiet_NaN();
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const double distance = to_float(x[i]) - means[c];
    squares[c] += distance * distance;
  });
  for (int64_t c = 0; c < layout.channels; ++c) {
    mean[c] = static_cast<float>(means[c]);
    variance[c] = static_cast<float>(squares[c] / size);
  }
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status mean_variance(const Execution&, const Layout&, const T*, float*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
