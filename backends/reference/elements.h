// backends/reference/elements.h: what the reference's kernels share: the order of a tensor's elements, and rounding to
// a level.

#ifndef PARE_BACKENDS_REFERENCE_ELEMENTS_H_
#define PARE_BACKENDS_REFERENCE_ELEMENTS_H_

#include <cmath>
#include <cstdint>

#include "backends/kernel_backend.h"

namespace pare::backends::reference {

// Calls visit(element, channel) for every element, in memory order.
template <typename Visit>
void for_each_element(const Layout& layout, Visit visit) {
  int64_t element = 0;
  for (int64_t outer = 0; outer < layout.outer; ++outer) {
    for (int64_t channel = 0; channel < layout.channels; ++channel) {
      for (int64_t inner = 0; inner < layout.inner; ++inner) visit(element++, channel);
    }
  }
}

// clamp(round(x * inverse_step), lowest, highest) in channel c, as a float; NaN for NaN.
inline float nearest_level(const QuantizationGrid& grid, int64_t c, float x) {
  const float level = std::nearbyint(x * grid.inverse_step[c]);  // Halves to even in the default rounding mode.
  if (level < grid.lowest[c]) return grid.lowest[c];
  if (level > grid.highest[c]) return grid.highest[c];
  return level;
}

inline float fake_quantized(const QuantizationGrid& grid, int64_t c, float x) {
  return nearest_level(grid, c, x) * grid.step[c] + 0.0f;
}

}  // namespace pare::backends::reference

#endif  // PARE_BACKENDS_REFERENCE_ELEMENTS_H_
