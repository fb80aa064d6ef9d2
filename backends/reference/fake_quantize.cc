#include <vector>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

absl::Status fake_quantize_forward(const Execution&, const Layout& layout, const float* x, const QuantizationGrid& grid,
                                   float* y) {
  for_each_element(layout, [&](int64_t i, int64_t c) { y[i] = fake_quantized(grid, c, x[i]); });
  return absl::OkStatus();
}

absl::Status fake_quantize_backward(const Execution&, const Layout& layout, const float* dy, const float* x,
                                    const QuantizationGrid& grid, float* dx, const FakeQuantizeSums* sums) {
  std::vector<double> inside(layout.channels), above(layout.channels), below(layout.channels);
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const float gradient = dy[i];
    const bool is_above = x[i] > grid.step[c] * grid.highest[c];
    const bool is_below = x[i] < grid.step[c] * grid.lowest[c];
    if (is_above) above[c] += gradient;
    if (is_below) below[c] += gradient;
    if (!is_above && !is_below) inside[c] += double{gradient} * (fake_quantized(grid, c, x[i]) - x[i]);
    if (dx != nullptr) dx[i] = is_above || is_below ? 0.0f : gradient;
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

}  // namespace pare::backends::reference
