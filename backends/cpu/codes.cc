#include <algorithm>
#include <cstdint>

#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/codes.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

using Integers = hn::RebindToSigned<Floats>;

// The levels of a group as integers, a NaN's as 0.
HWY_INLINE void levels_of_group(const float* x, int64_t count, const GridVectors* grids, int64_t grid_stride,
                                int32_t* levels) {
  V group[kParts];
  load_group(x, count, 0.0f, group);
  for (int64_t part = 0; part < kParts; ++part) {
    const V level = nearest_level(group[part], grids[part * grid_stride]);
    const V number = hn::IfThenZeroElse(hn::IsNaN(level), level);
    hn::Store(hn::ConvertTo(Integers(), number), Integers(), levels + part * kWidth);
  }
}

void codes_of_span(const float* x, int64_t count, const GridVectors& grid, int32_t zero_point, uint8_t* codes) {
  HWY_ALIGN int32_t levels[kLanes];
  for (int64_t i = 0; i < count; i += kLanes) {
    levels_of_group(x + i, count - i, &grid, 0, levels);
    const int64_t there = std::min(kLanes, count - i);
    for (int64_t k = 0; k < there; ++k) codes[i + k] = static_cast<uint8_t>(levels[k] + zero_point);
  }
}

void codes_of_rows(const float* x, int64_t rows, int64_t channels, const QuantizationGrid& grid,
                   const int32_t* zero_point, uint8_t* codes) {
  HWY_ALIGN int32_t levels[kLanes];
  for (int64_t channel = 0; channel < channels; channel += kLanes) {
    const int64_t count = channels - channel, there = std::min(kLanes, count);
    GridVectors grids[kParts];
    grids_of_channels(grid, channel, count, grids);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = row * channels + channel;
      levels_of_group(x + at, count, grids, 1, levels);
      for (int64_t k = 0; k < there; ++k) codes[at + k] = static_cast<uint8_t>(levels[k] + zero_point[channel + k]);
    }
  }
}

void codes_of_tensor(const Execution& execution, const Layout& layout, const float* x, const QuantizationGrid& grid,
                     const int32_t* zero_point, uint8_t* codes) {
  if (has_channel_rows(layout)) {
    for_each_row_block(execution, layout, [&](int64_t, int64_t first, int64_t rows) HWY_ATTR {
      const int64_t at = first * layout.channels;
      codes_of_rows(x + at, rows, layout.channels, grid, zero_point, codes + at);
    });
  } else {
    for_each_span(execution, layout, [&](int64_t first, int64_t count, int64_t channel) HWY_ATTR {
      codes_of_span(x + first, count, grid_of_channel(grid, channel), zero_point[channel], codes + first);
    });
  }
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(codes_of_tensor);

absl::Status quantize_to_codes(const Execution& execution, const Layout& layout, const float* x,
                               const QuantizationGrid& grid, const int32_t* zero_point, uint8_t* codes) {
  HWY_DYNAMIC_DISPATCH(codes_of_tensor)(execution, layout, x, grid, zero_point, codes);
  return absl::OkStatus();
}

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
