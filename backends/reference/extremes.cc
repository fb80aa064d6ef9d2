#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

absl::Status min_max(const Execution&, const Layout& layout, const float* x, float* min, float* max) {
  std::fill_n(min, layout.channels, std::numeric_limits<float>::infinity());
  std::fill_n(max, layout.channels, -std::numeric_limits<float>::infinity());
  for_each_element(layout, [&](int64_t i, int64_t c) {
    // Once an extreme is NaN, no comparison is true any more, and it stays.
    if (x[i] < min[c] || std::isnan(x[i])) min[c] = x[i] + 0.0f;
    if (x[i] > max[c] || std::isnan(x[i])) max[c] = x[i] + 0.0f;
  });
  return absl::OkStatus();
}

absl::Status abs_max(const Execution&, const Layout& layout, const float* x, float* abs_max) {
  std::fill_n(abs_max, layout.channels, 0.0f);
  for_each_element(layout, [&](int64_t i, int64_t c) {
    if (std::fabs(x[i]) > abs_max[c] || std::isnan(x[i])) abs_max[c] = std::fabs(x[i]);
  });
  return absl::OkStatus();
}

}  // namespace pare::backends::reference
