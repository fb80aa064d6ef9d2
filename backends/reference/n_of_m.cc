#include <algorithm>
#include <cmath>
#include <cstdint>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

template <typename T>
absl::Status n_of_m_mask(const Execution&, const Layout& layout, const T* x, int n, int m, uint8_t* mask) {
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const int64_t first = c / m * m, end = std::min(first + m, layout.channels);
    const float magnitude = std::fabs(to_float(x[i]));
    int before = 0;
    for (int64_t other = first; other < end; ++other) {
      const float others = std::fabs(to_float(x[i + (other - c) * layout.inner]));
      const bool is_greater = others > magnitude || (std::isnan(others) && !std::isnan(magnitude));
      const bool is_less = others < magnitude || (std::isnan(magnitude) && !std::isnan(others));
      before += is_greater || (!is_less && other < c);
    }
    mask[i] = before < n ? 1 : 0;
  });
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status n_of_m_mask(const Execution&, const Layout&, const T*, int, int, uint8_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
