#include <cmath>
#include <vector>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

template <typename T>
absl::Status filter_norms(const Execution&, const Layout& layout, const T* x, float* l1, float* l2) {
  std::vector<double> magnitudes(layout.channels), squares(layout.channels);
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const float number = to_float(x[i]);
    magnitudes[c] += std::fabs(number);
    squares[c] += number * number;
  });
  for (int64_t c = 0; c < layout.channels; ++c) {
    if (l1 != nullptr) l1[c] = static_cast<float>(magnitudes[c]);
    if (l2 != nullptr) l2[c] = std::sqrt(static_cast<float>(squares[c]));
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status pairwise_distances(const Execution&, const Layout& layout, const T* x, float* distances) {
  for (int64_t i = 0; i < layout.channels; ++i) {
    distances[i * layout.channels + i] = 0;
    for (int64_t j = 0; j < i; ++j) {
      double squares = 0;
      for (int64_t outer = 0; outer < layout.outer; ++outer) {
        const T* const a = x + (outer * layout.channels + i) * layout.inner;
        const T* const b = x + (outer * layout.channels + j) * layout.inner;
        for (int64_t inner = 0; inner < layout.inner; ++inner) {
          const float difference = to_float(a[inner]) - to_float(b[inner]);
          squares += difference * difference;
        }
      }
      const float distance = std::sqrt(static_cast<float>(squares));
      distances[i * layout.channels + j] = distance;
      distances[j * layout.channels + i] = distance;
    }
  }
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                      \
  template absl::Status filter_norms(const Execution&, const Layout&, const T*, float*, float*); \
  template absl::Status pairwise_distances(const Execution&, const Layout&, const T*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
