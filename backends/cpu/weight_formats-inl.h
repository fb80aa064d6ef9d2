// backends/cpu/weight_formats-inl.h: the arithmetic of each WeightFormat on vectors of numbers.
//
//   using F = Format<WeightFormat::kNf4>;
//   GroupParameters p = parameters_of_groups<F>(below, above);   // A group in each lane.
//   V difference;
//   I code = F::code(x, p_of_one_group, difference);             // Of the numbers of one group.
//   V y = hn::Mul(p.scale, F::value(code, p.zero_point));
//
// Compiled once an instruction set, like lanes-inl.h. Minima and maxima are safe here: there is no NaN, and the sign of
// a zero does not matter where they are taken.

#if defined(PARE_BACKENDS_CPU_WEIGHT_FORMATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PARE_BACKENDS_CPU_WEIGHT_FORMATS_INL_H_
#undef PARE_BACKENDS_CPU_WEIGHT_FORMATS_INL_H_
#else
#define PARE_BACKENDS_CPU_WEIGHT_FORMATS_INL_H_
#endif

#include <bit>
#include <cstdint>
#include <limits>

#include "backends/cpu/bytes-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/weight_format.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

struct GroupParameters {
  V scale, inverse, zero_point;
};

HWY_INLINE V reciprocal(V x) {
  const Integers d;
  const auto bits = hn::BitCast(d, x), sign = hn::And(bits, hn::Set(d, std::numeric_limits<int32_t>::min()));
  const V magnitude = hn::BitCast(Floats(), hn::Xor(bits, sign));
  V guess = hn::BitCast(Floats(), hn::Sub(hn::Set(d, 0x7EF311C3), hn::Xor(bits, sign)));
  for (int i = 0; i < 3; ++i) {
    const V rest = hn::Sub(hn::Set(Floats(), 1.0f), hn::Mul(magnitude, guess));
    guess = hn::Add(guess, hn::Mul(guess, rest));
  }
  return hn::BitCast(Floats(), hn::Or(hn::BitCast(d, guess), sign));
}

// 1.5 * 2^23. A small number added to it is rounded to the nearest integer, halves to the even one, and the sum's last
// bits are that integer in two's complement.
inline constexpr float kRounder = 12582912.0f;

// Members, for groups that are stored, with below = -low and above = high:
//   scale(below, above)            the scales, a group in each lane
//   zero_point(below, inverse)     their zero points
//   code(x, parameters, &d)        the codes in the last bits, and d = dequantized - x or its negative
//   value(code, zero_point)        what codes, without further bits, stand for before the scale
//   kZero                          the code of +0 (where z = 0)
template <WeightFormat kFormat>
struct Format;

template <>
struct Format<WeightFormat::kInt4Symmetric> {
  static constexpr WeightFormat kFormat = WeightFormat::kInt4Symmetric;
  static constexpr int kZero = 0;
  static HWY_INLINE V scale(V below, V above) {
    return hn::Mul(hn::IfThenElse(hn::Ge(below, above), below, hn::Neg(above)), hn::Set(Floats(), 0.125f));
  }
  static HWY_INLINE V zero_point(V, V) { return hn::Zero(Floats()); }
  static HWY_INLINE I code(V x, const GroupParameters& p, V& difference) {
    const V rounder = hn::Set(Floats(), kRounder);
    // No level is below -8: the scale is the greatest magnitude's eighth.
    const V level = hn::Min(hn::Add(hn::Mul(x, p.inverse), rounder), hn::Set(Floats(), kRounder + 7));
    difference = hn::Sub(hn::Mul(p.scale, hn::Sub(level, rounder)), x);
    return hn::BitCast(Integers(), level);
  }
  static HWY_INLINE V value(I code, V) {
    const I eight = hn::Set(Integers(), 8);
    return hn::ConvertTo(Floats(), hn::Sub(hn::Xor(code, eight), eight));
  }
};

template <>
struct Format<WeightFormat::kInt4Asymmetric> {
  static constexpr WeightFormat kFormat = WeightFormat::kInt4Asymmetric;
  static constexpr int kZero = 0;
  static HWY_INLINE V scale(V below, V above) {
    return hn::Mul(hn::Add(above, below), hn::Set(Floats(), 1.0f / 15.0f));
  }
  static HWY_INLINE V zero_point(V below, V inverse) {
    return hn::Min(hn::Round(hn::Mul(below, inverse)), hn::Set(Floats(), 15.0f));
  }
  static HWY_INLINE I code(V x, const GroupParameters& p, V& difference) {
    const V rounder = hn::Set(Floats(), kRounder);
    const V nearest = hn::Add(hn::Mul(x, p.inverse), rounder);
    // No level is below 0: that of the least number is the zero point's own rounding, turned around.
    const V level = hn::Min(hn::Add(nearest, p.zero_point), hn::Set(Floats(), kRounder + 15));
    difference = hn::Sub(hn::Mul(p.scale, hn::Sub(level, hn::Add(rounder, p.zero_point))), x);
    return hn::BitCast(Integers(), level);
  }
  static HWY_INLINE V value(I code, V zero_point) { return hn::Sub(hn::ConvertTo(Floats(), code), zero_point); }
};

// Four steps of a search by halves: boundaries in the order of a heap, so that those of the first three steps have the
// places 1 to 7, and those of the last 8 to 15.
struct Nf4Heap {
  constexpr Nf4Heap() {
    for (int step = 0; step < 4; ++step) {
      for (int i = 0; i < 1 << step; ++i) boundary[(1 << step) + i] = nf4_boundary(((2 * i + 1) << (3 - step)) - 1);
    }
  }
  float boundary[16] = {};
};

template <>
struct Format<WeightFormat::kNf4> {
  static constexpr WeightFormat kFormat = WeightFormat::kNf4;
  static constexpr int kZero = 7;
  static HWY_INLINE V scale(V below, V above) { return hn::Max(below, above); }
  static HWY_INLINE V zero_point(V, V) { return hn::Zero(Floats()); }
  static HWY_INLINE I code(V x, const GroupParameters& p, V& difference) {
    const Integers d;
    const V scaled = hn::Mul(x, p.inverse);
    I code;
    if constexpr (kWidth >= 8) {
      static constexpr Nf4Heap kHeap;
      I place = hn::Set(d, 1);
      for (int step = 0; step < 4; ++step) {
        const V boundary = at_places(kHeap.boundary + (step == 3 && kWidth == 8 ? 8 : 0), place);
        const I left = hn::Add(place, place), right = hn::Add(left, hn::Set(d, 1));
        place = hn::IfThenElse(hn::RebindMask(d, hn::Gt(scaled, boundary)), right, left);
      }
      code = hn::Sub(place, hn::Set(d, 16));
    } else {
      code = hn::Zero(d);
      for (int k = 0; k < 15; ++k) {
        const auto is_above = hn::Gt(scaled, hn::Set(Floats(), nf4_boundary(k)));
        code = hn::Sub(code, hn::VecFromMask(d, hn::RebindMask(d, is_above)));
      }
    }
    difference = hn::Sub(hn::Mul(p.scale, value(code, p.zero_point)), x);
    return code;
  }
  static HWY_INLINE V value(I code, V) {
    if constexpr (kWidth == 8) {
      const auto is_upper = hn::RebindMask(Floats(), hn::Gt(code, hn::Set(Integers(), 7)));
      return hn::IfThenElse(is_upper, at_places(kNf4Levels + 8, code), at_places(kNf4Levels, code));
    } else if constexpr (kWidth == 16) {
      return at_places(kNf4Levels, code);
    } else {
      return hn::GatherIndex(Floats(), kNf4Levels, code);
    }
  }

 private:
  // table[place % kWidth].
  static HWY_INLINE V at_places(const float* table, I place) {
    const I in_table = hn::And(place, hn::Set(Integers(), static_cast<int32_t>(kWidth - 1)));
    return hn::TableLookupLanes(hn::LoadU(Floats(), table), hn::IndicesFromVec(Floats(), in_table));
  }
};

// A sign, an exponent of which the least stands for 2^kLeastExponent (and once more, without the mantissa's leading
// one, for the numbers below it), and a mantissa of kMantissa bits.
template <int kSignPlace, int kMantissa, int kLeastExponent>
struct SmallFloat {
  static constexpr int kShift = 23 - kMantissa;
  static constexpr int32_t kLeastBits = (127 + kLeastExponent) << 23;

  // `greatest`: the greatest number.
  static HWY_INLINE I code(V x, const GroupParameters& p, float greatest, V& difference) {
    const Integers d;
    const V scaled = hn::Mul(x, p.inverse), magnitude = hn::Min(hn::Abs(scaled), hn::Set(Floats(), greatest));
    const I exponent = hn::Max(hn::And(hn::BitCast(d, magnitude), hn::Set(d, 0x7F800000)), hn::Set(d, kLeastBits));
    // Added to a power of two whose last bit is worth a code's step at this exponent, the number is rounded to codes.
    const I base = hn::Add(exponent, hn::Set(d, kShift << 23));
    const V rounded = hn::Add(magnitude, hn::BitCast(Floats(), base));
    difference = hn::Sub(hn::Mul(p.scale, hn::Sub(rounded, hn::BitCast(Floats(), base))), hn::Abs(x));
    const I steps = hn::Sub(hn::BitCast(d, rounded), base);
    const I code = hn::Add(steps, hn::ShiftRight<kShift>(hn::Sub(exponent, hn::Set(d, kLeastBits))));
    const I sign = hn::And(hn::ShiftRight<31 - kSignPlace>(hn::BitCast(d, scaled)), hn::Set(d, 1 << kSignPlace));
    return hn::Or(code, sign);
  }

  static HWY_INLINE V value(I code) {
    const Integers d;
    const I sign = hn::ShiftLeft<31 - kSignPlace>(hn::And(code, hn::Set(d, 1 << kSignPlace)));
    const I bits = hn::ShiftLeft<kShift>(hn::And(code, hn::Set(d, (1 << kSignPlace) - 1)));
    const I normal = hn::Add(bits, hn::Set(d, kLeastBits - (1 << 23)));
    // With the leading one that it lacks, less that one.
    const V least = hn::Set(Floats(), std::bit_cast<float>(kLeastBits));
    const V denormal = hn::Sub(hn::BitCast(Floats(), hn::Add(bits, hn::Set(d, kLeastBits))), least);
    const auto is_denormal = hn::RebindMask(Floats(), hn::Lt(bits, hn::Set(d, 1 << 23)));
    const V magnitude = hn::IfThenElse(is_denormal, denormal, hn::BitCast(Floats(), normal));
    return hn::BitCast(Floats(), hn::Or(hn::BitCast(d, magnitude), sign));
  }
};

template <>
struct Format<WeightFormat::kFp8E4M3> {
  using E4M3 = SmallFloat<7, 3, -6>;
  static constexpr WeightFormat kFormat = WeightFormat::kFp8E4M3;
  static constexpr int kZero = 0;
  static HWY_INLINE V scale(V below, V above) {
    return hn::Mul(hn::Max(below, above), hn::Set(Floats(), 1.0f / 448.0f));
  }
  static HWY_INLINE V zero_point(V, V) { return hn::Zero(Floats()); }
  static HWY_INLINE I code(V x, const GroupParameters& p, V& difference) {
    return E4M3::code(x, p, 448.0f, difference);
  }
  static HWY_INLINE V value(I code, V) {
    const Integers d;
    const auto is_nan = hn::Eq(hn::And(code, hn::Set(d, 0x7F)), hn::Set(d, 0x7F));
    const V nan = hn::Set(Floats(), std::numeric_limits<float>::quiet_NaN());
    return hn::IfThenElse(hn::RebindMask(Floats(), is_nan), nan, E4M3::value(code));
  }
};

template <>
struct Format<WeightFormat::kMxfp4> {
  using E2M1 = SmallFloat<3, 1, 0>;
  static constexpr WeightFormat kFormat = WeightFormat::kMxfp4;
  static constexpr int kZero = 0;
  static HWY_INLINE V scale(V below, V above) {
    const Integers d;
    const I exponent = hn::And(hn::BitCast(d, hn::Max(below, above)), hn::Set(d, 0x7F800000));
    return hn::BitCast(Floats(), hn::Sub(exponent, hn::Set(d, 2 << 23)));
  }
  static HWY_INLINE V zero_point(V, V) { return hn::Zero(Floats()); }
  static HWY_INLINE I code(V x, const GroupParameters& p, V& difference) { return E2M1::code(x, p, 6.0f, difference); }
  static HWY_INLINE V value(I code, V) { return E2M1::value(code); }
};

// A group in each lane, with the bits of its -low and high; the scale is 0 or NaN where the group is not stored.
template <typename F>
HWY_INLINE GroupParameters parameters_of_groups(I below_bits, I above_bits) {
  const Integers d;
  const V below = hn::BitCast(Floats(), below_bits), above = hn::BitCast(Floats(), above_bits);
  GroupParameters p;
  p.scale = F::scale(below, above);
  p.inverse = reciprocal(p.scale);
  p.zero_point = F::zero_point(below, p.inverse);
  // The bits of numbers from 0 on have their order, and a NaN's are the greatest.
  const I magnitude = hn::Max(below_bits, above_bits);
  const auto is_zero = hn::Lt(magnitude, hn::Set(d, std::bit_cast<int32_t>(kLeastGroupMagnitude)));
  const auto is_bad = hn::Gt(magnitude, hn::Set(d, std::bit_cast<int32_t>(kGreatestGroupMagnitude)));
  const V nan = hn::Set(Floats(), std::numeric_limits<float>::quiet_NaN());
  p.scale = hn::IfThenZeroElse(hn::RebindMask(Floats(), is_zero), p.scale);
  p.scale = hn::IfThenElse(hn::RebindMask(Floats(), is_bad), nan, p.scale);
  p.zero_point = hn::IfThenZeroElse(hn::RebindMask(Floats(), hn::Or(is_zero, is_bad)), p.zero_point);
  return p;
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_WEIGHT_FORMATS_INL_H_
