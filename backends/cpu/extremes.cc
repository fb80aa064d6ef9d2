#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/extremes.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

struct ExtremeVectors {
  V min, max;
};

HWY_INLINE ExtremeVectors no_extremes() {
  const Floats d;
  const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  return {infinity, hn::Neg(infinity)};
}

// A NaN is taken, and then stays, since no comparison with it is true.
HWY_INLINE void take(V x, ExtremeVectors& extremes) {
  const auto is_nan = hn::IsNaN(x);
  extremes.min = hn::IfThenElse(hn::Or(hn::Lt(x, extremes.min), is_nan), x, extremes.min);
  extremes.max = hn::IfThenElse(hn::Or(hn::Gt(x, extremes.max), is_nan), x, extremes.max);
}

HWY_INLINE void store_extremes(const ExtremeVectors* extremes, int64_t count, float* min, float* max) {
  V groups[2][kParts];
  for (int64_t part = 0; part < kParts; ++part) {
    groups[0][part] = extremes[part].min;
    groups[1][part] = extremes[part].max;
  }
  store_group(groups[0], count, min);
  store_group(groups[1], count, max);
}

// min and max get kLanes numbers for each piece, or one for each channel of a block of rows.
void extremes_of_pieces(const Execution& execution, const Layout& layout, const float* x, float* min, float* max) {
  const Floats d;
  for_each_piece(execution, layout, [&](int64_t index, const Piece& piece) HWY_ATTR {
    ExtremeVectors extremes[kParts];
    for (ExtremeVectors& part : extremes) part = no_extremes();
    for (int64_t span = 0; span < piece.spans; ++span) {
      const float* const from = x + piece.first + span * piece.stride;
      int64_t i = 0;
      for (; i + kLanes <= piece.length; i += kLanes) {
        for (int64_t part = 0; part < kParts; ++part) take(hn::LoadU(d, from + i + part * kWidth), extremes[part]);
      }
      if (i < piece.length) {
        V group[kParts];
        load_group(from + i, piece.length - i, from[i], group);  // Once more the same number changes nothing.
        for (int64_t part = 0; part < kParts; ++part) take(group[part], extremes[part]);
      }
    }
    store_extremes(extremes, kLanes, min + index * kLanes, max + index * kLanes);
  });
}

void extremes_of_rows(const Execution& execution, const Layout& layout, const float* x, float* min, float* max) {
  for_each_row_block(execution, layout, [&](int64_t block, int64_t first, int64_t rows) HWY_ATTR {
    for (int64_t channel = 0; channel < layout.channels; channel += kLanes) {
      const int64_t count = layout.channels - channel;
      ExtremeVectors extremes[kParts];
      for (ExtremeVectors& part : extremes) part = no_extremes();
      for (int64_t row = first; row < first + rows; ++row) {
        V group[kParts];
        load_group(x + row * layout.channels + channel, count, 0.0f, group);
        for (int64_t part = 0; part < kParts; ++part) take(group[part], extremes[part]);
      }
      const int64_t at = block * layout.channels + channel;
      store_extremes(extremes, count, min + at, max + at);
    }
  });
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(extremes_of_pieces);
HWY_EXPORT(extremes_of_rows);

absl::Status min_max(const Execution& execution, const Layout& layout, const float* x, float* min, float* max) {
  const bool rows = has_channel_rows(layout);
  const int64_t terms = rows ? row_blocks(layout) : pieces_of_channel(layout);
  // Partial extremes come as [terms, channels, lanes].
  const int64_t lanes = rows ? 1 : 16;
  std::vector<float> partial_min(terms * layout.channels * lanes), partial_max(partial_min.size());
  if (rows) {
    HWY_DYNAMIC_DISPATCH(extremes_of_rows)(execution, layout, x, partial_min.data(), partial_max.data());
  } else {
    HWY_DYNAMIC_DISPATCH(extremes_of_pieces)(execution, layout, x, partial_min.data(), partial_max.data());
  }
  std::fill_n(min, layout.channels, std::numeric_limits<float>::infinity());
  std::fill_n(max, layout.channels, -std::numeric_limits<float>::infinity());
  for (size_t i = 0; i < partial_min.size(); ++i) {
    const int64_t channel = static_cast<int64_t>(i) / lanes % layout.channels;
    if (partial_min[i] < min[channel] || std::isnan(partial_min[i])) min[channel] = partial_min[i] + 0.0f;
    if (partial_max[i] > max[channel] || std::isnan(partial_max[i])) max[channel] = partial_max[i] + 0.0f;
  }
  return absl::OkStatus();
}

absl::Status abs_max(const Execution& execution, const Layout& layout, const float* x, float* abs_max) {
  std::vector<float> min(layout.channels);
  const absl::Status status = min_max(execution, layout, x, min.data(), abs_max);
  for (int64_t channel = 0; channel < layout.channels; ++channel) {
    const float magnitude = std::max(-min[channel], abs_max[channel]);
    // Both are NaN or none is; of nothing, both are minus infinity here.
    abs_max[channel] = std::isnan(min[channel]) ? min[channel] : std::max(magnitude, 0.0f);
  }
  return status;
}

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
