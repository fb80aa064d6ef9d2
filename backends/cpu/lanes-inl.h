// backends/cpu/lanes-inl.h: sixteen numbers at a time, whatever the width of the machine's vectors.
//
// Compiled once an instruction set, between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE of hwy/foreach_target.h. A
// group of kLanes numbers is kParts vectors: sums that keep one accumulator a lane are so the same on every machine. A
// group that would reach over the end of the data goes through a padded copy, since a vector load may not.

#if defined(PARE_BACKENDS_CPU_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PARE_BACKENDS_CPU_LANES_INL_H_
#undef PARE_BACKENDS_CPU_LANES_INL_H_
#else
#define PARE_BACKENDS_CPU_LANES_INL_H_
#endif

#include <cstdint>

#include "backends/kernel_backend.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

inline constexpr int64_t kLanes = 16;
using Floats = hn::CappedTag<float, kLanes>;
using V = hn::Vec<Floats>;
inline constexpr int64_t kWidth = hn::MaxLanes(Floats());
inline constexpr int64_t kParts = kLanes / kWidth;

// The group at `from`, of which only `count` numbers are there; the others become `padding`.
HWY_INLINE void load_group(const float* from, int64_t count, float padding, V* group) {
  const Floats d;
  if (count >= kLanes) {
    for (int64_t part = 0; part < kParts; ++part) group[part] = hn::LoadU(d, from + part * kWidth);
    return;
  }
  HWY_ALIGN float padded[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) padded[i] = i < count ? from[i] : padding;
  for (int64_t part = 0; part < kParts; ++part) group[part] = hn::Load(d, padded + part * kWidth);
}

// Stores the first `count` numbers of the group.
HWY_INLINE void store_group(const V* group, int64_t count, float* to) {
  const Floats d;
  if (count >= kLanes) {
    for (int64_t part = 0; part < kParts; ++part) hn::StoreU(group[part], d, to + part * kWidth);
    return;
  }
  HWY_ALIGN float padded[kLanes];
  for (int64_t part = 0; part < kParts; ++part) hn::Store(group[part], d, padded + part * kWidth);
  for (int64_t i = 0; i < count; ++i) to[i] = padded[i];
}

// QuantizationGrid in vectors: of one channel, or of as many channels as there are lanes.
struct GridVectors {
  V step, inverse_step, lowest, highest;
};

HWY_INLINE GridVectors grid_of_channel(const QuantizationGrid& grid, int64_t channel) {
  const Floats d;
  return {hn::Set(d, grid.step[channel]), hn::Set(d, grid.inverse_step[channel]), hn::Set(d, grid.lowest[channel]),
          hn::Set(d, grid.highest[channel])};
}

// The grids of the `count` channels from `first` on, a part of a group each.
HWY_INLINE void grids_of_channels(const QuantizationGrid& grid, int64_t first, int64_t count, GridVectors* grids) {
  V step[kParts], inverse_step[kParts], lowest[kParts], highest[kParts];
  load_group(grid.step + first, count, 1.0f, step);
  load_group(grid.inverse_step + first, count, 1.0f, inverse_step);
  load_group(grid.lowest + first, count, 0.0f, lowest);
  load_group(grid.highest + first, count, 0.0f, highest);
  for (int64_t part = 0; part < kParts; ++part) {
    grids[part] = {step[part], inverse_step[part], lowest[part], highest[part]};
  }
}

// clamp(round(x * inverse_step), lowest, highest). Comparisons and not Min and Max, whose answers for NaN and for the
// two zeros differ between machines.
HWY_INLINE V nearest_level(V x, const GridVectors& grid) {
  V level = hn::Round(hn::Mul(x, grid.inverse_step));
  level = hn::IfThenElse(hn::Lt(level, grid.lowest), grid.lowest, level);
  return hn::IfThenElse(hn::Gt(level, grid.highest), grid.highest, level);
}

HWY_INLINE V fake_quantized(V x, const GridVectors& grid) {
  return hn::Add(hn::Mul(nearest_level(x, grid), grid.step), hn::Zero(Floats()));
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_LANES_INL_H_
