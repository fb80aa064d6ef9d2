#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

absl::Status quantize_to_codes(const Execution&, const Layout& layout, const float* x, const QuantizationGrid& grid,
                               const int32_t* zero_point, uint8_t* codes) {
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const float level = nearest_level(grid, c, x[i]);
    const int32_t q = level == level ? static_cast<int32_t>(level) : 0;
    codes[i] = static_cast<uint8_t>(q + zero_point[c]);
  });
  return absl::OkStatus();
}

}  // namespace pare::backends::reference
