// backends/cpu/lanes-inl.h: sixteen numbers at a time, whatever the width of the machine's vectors and the type in
// memory.
//
//   for (; i + kLanes <= count; i += kLanes) {
//     for (int64_t part = 0; part < kParts; ++part) store_vector(f(load_vector(x + i + part * kWidth)), y + i + ...);
//   }
//   V group[kParts];
//   load_group(x + i, count - i, 0.0f, group);  // The rest.
//
// Compiled once an instruction set, between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE of hwy/foreach_target.h. A
// group of kLanes numbers is kParts vectors: sums that keep one accumulator a lane are so the same on every machine. A
// group that would reach over the end of the data goes through a padded copy, since a vector load may not.
//
// A structure of vectors says how it is made, with a constructor or with `= {}`: GCC compiles the constructors that it
// makes up itself without the instruction set, and NEON's vectors refuse that.

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

using Integers = hn::RebindToSigned<Floats>;
using Words = hn::RebindToUnsigned<Floats>;
using HalfWords = hn::Rebind<uint16_t, Floats>;

// Machines whose instructions convert float16 as backends/half.h does but for NaN, whose bits they change.
#undef PARE_CONVERTS_HALF
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
#define PARE_CONVERTS_HALF 1
using HalfFloats = hn::Rebind<hwy::float16_t, Floats>;
#else
#define PARE_CONVERTS_HALF 0
#endif

// kWidth numbers of any type, as floats: the conversions of backends/half.h, written for vectors, since Highway's own
// lose denormal numbers on some machines.
HWY_INLINE V load_vector(const float* from) { return hn::LoadU(Floats(), from); }

HWY_INLINE V load_vector(const BFloat16* from) {
  const auto bits = hn::PromoteTo(Words(), hn::LoadU(HalfWords(), &from->bits));
  return hn::BitCast(Floats(), hn::ShiftLeft<16>(bits));
}

HWY_INLINE V load_vector(const Half* from) {
#if PARE_CONVERTS_HALF
  const V converted = hn::PromoteTo(Floats(), hn::BitCast(HalfFloats(), hn::LoadU(HalfWords(), &from->bits)));
  if (HWY_LIKELY(hn::AllFalse(Floats(), hn::IsNaN(converted)))) return converted;
#endif
  const Words d;
  const Integers integers;
  const auto bits = hn::PromoteTo(d, hn::LoadU(HalfWords(), &from->bits));
  const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(d, 0x8000u)));
  const auto magnitude = hn::ShiftLeft<13>(hn::And(bits, hn::Set(d, 0x7FFFu)));
  // Signed comparisons do: both sides are below 2^31.
  const auto signed_magnitude = hn::BitCast(integers, magnitude);
  const auto is_special = hn::Gt(signed_magnitude, hn::Set(integers, 0x0F7FFFFF));
  const auto is_denormal = hn::Lt(signed_magnitude, hn::Set(integers, 0x00800000));
  const auto normal = hn::Add(magnitude, hn::Set(d, 0x38000000u));
  const auto special = hn::Add(magnitude, hn::Set(d, 0x70000000u));
  const auto unit = hn::Set(d, 0x38800000u);
  const V denormal = hn::Sub(hn::BitCast(Floats(), hn::Add(magnitude, unit)), hn::BitCast(Floats(), unit));
  auto result = hn::IfThenElse(hn::RebindMask(d, is_special), special, normal);
  result = hn::IfThenElse(hn::RebindMask(d, is_denormal), hn::BitCast(d, denormal), result);
  return hn::BitCast(Floats(), hn::Or(result, sign));
}

HWY_INLINE void store_vector(V x, float* to) { hn::StoreU(x, Floats(), to); }

HWY_INLINE void store_vector(V x, BFloat16* to) {
  const Words d;
  const auto bits = hn::BitCast(d, x);
  const auto last = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(d, 0x7FFFu)), last));
  const auto nan = hn::Or(hn::ShiftRight<16>(bits), hn::Set(d, 0x40u));
  const auto result = hn::IfThenElse(hn::RebindMask(d, hn::IsNaN(x)), nan, rounded);
  hn::StoreU(hn::DemoteTo(HalfWords(), hn::BitCast(Integers(), result)), HalfWords(), &to->bits);
}

HWY_INLINE void store_vector(V x, Half* to) {
#if PARE_CONVERTS_HALF
  if (HWY_LIKELY(hn::AllFalse(Floats(), hn::IsNaN(x)))) {
    return hn::StoreU(hn::BitCast(HalfWords(), hn::DemoteTo(HalfFloats(), x)), HalfWords(), &to->bits);
  }
#endif
  const Words d;
  const Integers integers;
  const auto bits = hn::BitCast(d, x);
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 0x8000u));
  const auto magnitude = hn::And(bits, hn::Set(d, 0x7FFFFFFFu));
  const auto signed_magnitude = hn::BitCast(integers, magnitude);
  const auto is_infinite = hn::Gt(signed_magnitude, hn::Set(integers, 0x477FFFFF));
  const auto is_denormal = hn::Lt(signed_magnitude, hn::Set(integers, 0x38800000));
  const auto last = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d, 1u));
  const auto normal =
      hn::ShiftRight<13>(hn::Sub(hn::Add(hn::Add(magnitude, hn::Set(d, 0xFFFu)), last), hn::Set(d, 0x38000000u)));
  const V sum = hn::Add(hn::BitCast(Floats(), magnitude), hn::Set(Floats(), 0.5f));
  const auto denormal = hn::Sub(hn::BitCast(d, sum), hn::Set(d, 0x3F000000u));
  auto result = hn::IfThenElse(hn::RebindMask(d, is_denormal), denormal, normal);
  result = hn::IfThenElse(hn::RebindMask(d, is_infinite), hn::Set(d, 0x7C00u), result);
  result = hn::IfThenElse(hn::RebindMask(d, hn::IsNaN(x)), hn::Set(d, 0x7E00u), result);
  result = hn::Or(result, sign);
  hn::StoreU(hn::DemoteTo(HalfWords(), hn::BitCast(integers, result)), HalfWords(), &to->bits);
}

// The group at `from`, of which only `count` numbers are there; the others become `padding`.
template <typename T>
HWY_INLINE void load_group(const T* from, int64_t count, float padding, V* group) {
  if (count >= kLanes) {
    for (int64_t part = 0; part < kParts; ++part) group[part] = load_vector(from + part * kWidth);
    return;
  }
  HWY_ALIGN float padded[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) padded[i] = i < count ? to_float(from[i]) : padding;
  for (int64_t part = 0; part < kParts; ++part) group[part] = hn::Load(Floats(), padded + part * kWidth);
}

// Stores the first `count` numbers of the group.
template <typename T>
HWY_INLINE void store_group(const V* group, int64_t count, T* to) {
  if (count >= kLanes) {
    for (int64_t part = 0; part < kParts; ++part) store_vector(group[part], to + part * kWidth);
    return;
  }
  T padded[kLanes];
  for (int64_t part = 0; part < kParts; ++part) store_vector(group[part], padded + part * kWidth);
  for (int64_t i = 0; i < count; ++i) to[i] = padded[i];
}

// A fixed tree over kLanes numbers.
HWY_INLINE float sum_of_lanes(const float* lanes) {
  float sums[kLanes / 2];
  for (int64_t i = 0; i < 8; ++i) sums[i] = lanes[i] + lanes[i + 8];
  for (int64_t i = 0; i < 4; ++i) sums[i] += sums[i + 4];
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
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

// x < bound ? bound : x, and x > bound ? bound : x. Max and Min differ between machines in NaN and in the two zeros;
// x86 computes just this, in one instruction.
HWY_INLINE V at_least(V bound, V x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  return hn::Max(bound, x);
#else
  return hn::IfThenElse(hn::Lt(x, bound), bound, x);
#endif
}

HWY_INLINE V at_most(V bound, V x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  return hn::Min(bound, x);
#else
  return hn::IfThenElse(hn::Gt(x, bound), bound, x);
#endif
}

// clamp(round(x * inverse_step), lowest, highest).
HWY_INLINE V nearest_level(V x, V inverse_step, V lowest, V highest) {
  return at_most(highest, at_least(lowest, hn::Round(hn::Mul(x, inverse_step))));
}

HWY_INLINE V nearest_level(V x, const GridVectors& grid) {
  return nearest_level(x, grid.inverse_step, grid.lowest, grid.highest);
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_LANES_INL_H_
