#include <vector>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

template <typename T>
absl::Status fake_quantize_forward(const Execution&, const Layout& layout, const T* x, const QuantizationGrid& grid,
                                   T* y) {
  for_each_element(layout,
                   [&](int64_t i, int64_t c) { y[i] = from_float<T>(fake_quantized(grid, c, to_float(x[i]))); });
  return absl::OkStatus();
}

template <typename T>
absl::Status fake_quantize_backward(const Execution&, const Layout& layout, const T* dy, const T* x,
                                    const QuantizationGrid& grid, T* dx, const FakeQuantizeSums* sums) {
  std::vector<double> inside(layout.channels), above(layout.channels), below(layout.channels);
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const float gradient = to_float(dy[i]), number = to_float(x[i]);
    const bool is_above = number > grid.step[c] * grid.highest[c];
    const bool is_below = number < grid.step[c] * grid.lowest[c];
    if (is_above) above[c] += gradient;
    if (is_below) below[c] += gradient;
    if (!is_above && !is_below) inside[c] += double{gradient} * (fake_quantized(grid, c, number) - number);
    if (dx != nullptr) dx[i] = from_float<T>(is_above || is_below ? 0.0f : gradient);
  });
  if (sums != nullptr) {
    for (int64_t c = 0; c < layout.channels; ++c) {
      sums->inside[c] = static_cast<float>(inside[c]);
      sums->above[c] = static_cast<float>(above[c]);
      sums->below[c] = static_cast<float>(below[c]);
    }
  }
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                            \
  template absl::Status fake_quantize_forward(const Execution&, const Layout&, const T*, const QuantizationGrid&, T*); \
  template absl::Status fake_quantize_backward(const Execution&, const Layout&, const T*, const T*,                    \
                                               const QuantizationGrid&, T*, const FakeQuantizeSums*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
