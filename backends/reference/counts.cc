#include <algorithm>
#include <cstdint>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

template <typename T>
absl::Status count_zeros(const Execution&, const Layout& layout, const T* x, int64_t* counts) {
  std::fill_n(counts, layout.channels, int64_t{0});
  for_each_element(layout, [&](int64_t i, int64_t c) { counts[c] += to_float(x[i]) == 0; });
  return absl::OkStatus();
}

template <typename T>
absl::Status count_above(const Execution&, const Layout& layout, const T* x, float threshold, int64_t* counts) {
  std::fill_n(counts, layout.channels, int64_t{0});
  for_each_element(layout, [&](int64_t i, int64_t c) { counts[c] += to_float(x[i]) > threshold; });
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                               \
  template absl::Status count_zeros(const Execution&, const Layout&, const T*, int64_t*); \
  template absl::Status count_above(const Execution&, const Layout&, const T*, float, int64_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
