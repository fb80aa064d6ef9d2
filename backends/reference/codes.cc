#include <vector>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

template <typename T>
absl::Status quantize_to_codes(const Execution&, const Layout& layout, const T* x, const QuantizationGrid& grid,
                               const int32_t* zero_point, uint8_t* codes, float* squared_error) {
  std::vector<double> errors(layout.channels);
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const float number = to_float(x[i]), level = nearest_level(grid, c, number), q = level == level ? level : 0.0f;
    codes[i] = static_cast<uint8_t>(static_cast<int32_t>(q) + zero_point[c]);
    const float difference = grid.step[c] * q - number, square = difference * difference;
    errors[c] += square;
  });
  if (squared_error != nullptr) {
    for (int64_t c = 0; c < layout.channels; ++c) squared_error[c] = static_cast<float>(errors[c]);
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status dequantize_codes(const Execution&, const Layout& layout, const uint8_t* codes, bool is_signed,
                              const float* step, const int32_t* zero_point, T* y) {
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const int32_t code = is_signed ? static_cast<int8_t>(codes[i]) : codes[i];
    y[i] = from_float<T>(step[c] * static_cast<float>(code - zero_point[c]));
  });
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                   \
  template absl::Status quantize_to_codes(const Execution&, const Layout&, const T*, const QuantizationGrid&, \
                                          const int32_t*, uint8_t*, float*);                                  \
  template absl::Status dequantize_codes(const Execution&, const Layout&, const uint8_t*, bool, const float*, \
                                         const int32_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
