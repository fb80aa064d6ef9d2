#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

template <typename T>
absl::Status min_max(const Execution&, const Layout& layout, const T* x, float* min, float* max) {
  std::fill_n(min, layout.channels, std::numeric_limits<float>::infinity());
  std::fill_n(max, layout.channels, -std::numeric_limits<float>::infinity());
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const float number = to_float(x[i]);
    // Once an extreme is NaN, no comparison is true any more, and it stays.
    if (number < min[c] || std::isnan(number)) min[c] = number + 0.0f;
    if (number > max[c] || std::isnan(number)) max[c] = number + 0.0f;
  });
  return absl::OkStatus();
}

template <typename T>
absl::Status abs_max(const Execution&, const Layout& layout, const T* x, float* abs_max) {
  std::fill_n(abs_max, layout.channels, 0.0f);
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const float magnitude = std::fabs(to_float(x[i]));
    if (magnitude > abs_max[c] || std::isnan(magnitude)) abs_max[c] = magnitude;
  });
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                 \
  template absl::Status min_max(const Execution&, const Layout&, const T*, float*, float*); \
  template absl::Status abs_max(const Execution&, const Layout&, const T*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
