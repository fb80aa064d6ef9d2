#include <cmath>
#include <cstdint>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

template <typename T>
absl::Status magnitude_mask(const Execution&, const Layout& layout, const T* x, const float* scale, float threshold,
                            uint8_t* mask, T* y) {
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const float magnitude = std::fabs(to_float(x[i]));
    const bool is_removed = (scale == nullptr ? magnitude : magnitude * scale[c]) <= threshold;
    if (mask != nullptr) mask[i] = is_removed ? 0 : 1;
    if (y != nullptr) y[i] = is_removed ? T{} : x[i];
  });
  return absl::OkStatus();
}

template <typename T>
absl::Status apply_mask(const Execution&, int64_t size, const T* x, const uint8_t* mask, T* y) {
  for (int64_t i = 0; i < size; ++i) y[i] = mask[i] != 0 ? x[i] : T{};
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                           \
  template absl::Status magnitude_mask(const Execution&, const Layout&, const T*, const float*, float, uint8_t*, T*); \
  template absl::Status apply_mask(const Execution&, int64_t, const T*, const uint8_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
