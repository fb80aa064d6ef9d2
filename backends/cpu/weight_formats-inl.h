// backends/cpu/weight_formats-inl.h: the arithmetic of each WeightFormat on vectors of numbers.
//
//   using F = Format<WeightFormat::kNf4>;
//   GroupParameters p = parameters_of_groups<F>({extreme, below, above});   // A group in each lane.
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

// What scales are made of, a group in each lane.
struct GroupExtremes {
  V extreme;       // The number of the greatest magnitude; of two, the negative one.
  V below, above;  // -low and high; for formats of two sides alone.
};

// Members, for groups that are stored:
//   kTwoSided                      whether it needs below and above
//   kZero                          the code of +0 (where z = 0)
//   scale(extremes)                the scales, a group in each lane
//   zero_point(extremes, inverse)  their zero points; for formats of two sides
//   code(x, parameters, &d)        the codes in the last bits, and d = dequantized - x or its negative
//   value(code, zero_point)        what codes, without further bits, stand for before the scale
template <WeightFormat kFormat>
struct Format;

template <>
struct Format<WeightFormat::kInt4Symmetric> {
  static constexpr WeightFormat kFormat = WeightFormat::kInt4Symmetric;
  static constexpr bool kTwoSided = false;
  static constexpr int kZero = 0;
  static HWY_INLINE V scale(const GroupExtremes& e) { return hn::Mul(e.extreme, hn::Set(Floats(), -0.125f)); }
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
  static constexpr bool kTwoSided = true;
  static constexpr int kZero = 0;
  static HWY_INLINE V scale(const GroupExtremes& e) {
    return hn::Mul(hn::Add(e.above, e.below), hn::Set(Floats(), 1.0f / 15.0f));
  }
  static HWY_INLINE V zero_point(const GroupExtremes& e, V inverse) {
    return hn::Min(hn::Round(hn::Mul(e.below, inverse)), hn::Set(Floats(), 15.0f));
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

// [-1, 1] in sixteen parts, of those numbers that have one nearest integer to 7.5 * number + 7.5. No boundary lies
// within 0.001 of a part's end, and none has more than two.
struct Nf4Parts {
  constexpr Nf4Parts() {
    for (int part = 0; part < 16; ++part) {
      const float end = (static_cast<float>(part) - 7.0f) / 7.5f;
      int k = 0;
      while (k < 15 && nf4_boundary(k) < end - 2.0f / 15.0f) ++k;
      code[part] = k;
      first[part] = second[part] = 2.0f;
      if (k < 15 && nf4_boundary(k) < end) first[part] = nf4_boundary(k);
      if (k + 1 < 15 && nf4_boundary(k + 1) < end) second[part] = nf4_boundary(k + 1);
    }
  }
  int32_t code[16] = {};                  // How many boundaries lie below the part.
  float first[16] = {}, second[16] = {};  // The boundaries in it; 2 where there is none.
};

// table[place], for places in [0, 16).
template <class D>
HWY_INLINE hn::Vec<D> at_places(D d, const hn::TFromD<D>* table, I place) {
  if constexpr (kWidth == 16) {
    return hn::TableLookupLanes(hn::LoadU(d, table), hn::IndicesFromVec(d, place));
  } else if constexpr (kWidth == 8) {
    const auto in_half = hn::IndicesFromVec(d, hn::And(place, hn::Set(Integers(), 7)));
    const auto is_upper = hn::RebindMask(d, hn::Gt(place, hn::Set(Integers(), 7)));
    return hn::IfThenElse(is_upper, hn::TableLookupLanes(hn::LoadU(d, table + 8), in_half),
                          hn::TableLookupLanes(hn::LoadU(d, table), in_half));
  } else {
    return hn::GatherIndex(d, table, place);
  }
}

template <>
struct Format<WeightFormat::kNf4> {
  static constexpr WeightFormat kFormat = WeightFormat::kNf4;
  static constexpr bool kTwoSided = false;
  static constexpr int kZero = 7;
  static HWY_INLINE V scale(const GroupExtremes& e) { return hn::Abs(e.extreme); }
  static HWY_INLINE I code(V x, const GroupParameters& p, V& difference) {
    static constexpr Nf4Parts kNf4Parts;
    const V scaled = hn::Mul(x, p.inverse);
    const V middle = hn::Add(hn::Mul(scaled, hn::Set(Floats(), 7.5f)), hn::Set(Floats(), 7.5f));
    const I rounded = hn::BitCast(Integers(), hn::Add(middle, hn::Set(Floats(), kRounder)));
    const I part = hn::And(rounded, hn::Set(Integers(), 15));
    I code = at_places(Integers(), kNf4Parts.code, part);
    code = count_if_above(code, scaled, at_places(Floats(), kNf4Parts.first, part));
    code = count_if_above(code, scaled, at_places(Floats(), kNf4Parts.second, part));
    difference = hn::Sub(hn::Mul(p.scale, value(code, hn::Zero(Floats()))), x);
    return code;
  }
  static HWY_INLINE V value(I code, V) { return at_places(Floats(), kNf4Levels, code); }

 private:
  static HWY_INLINE I count_if_above(I count, V x, V boundary) {
    const auto is_above = hn::RebindMask(Integers(), hn::Gt(x, boundary));
    return hn::Sub(count, hn::VecFromMask(Integers(), is_above));
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
  static constexpr bool kTwoSided = false;
  static constexpr int kZero = 0;
  static HWY_INLINE V scale(const GroupExtremes& e) {
    return hn::Mul(hn::Abs(e.extreme), hn::Set(Floats(), 1.0f / 448.0f));
  }
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
  static constexpr bool kTwoSided = false;
  static constexpr int kZero = 0;
  static HWY_INLINE V scale(const GroupExtremes& e) {
    const Integers d;
    const I exponent = hn::And(hn::BitCast(d, e.extreme), hn::Set(d, 0x7F800000));
    return hn::BitCast(Floats(), hn::Sub(exponent, hn::Set(d, 2 << 23)));
  }
  static HWY_INLINE I code(V x, const GroupParameters& p, V& difference) { return E2M1::code(x, p, 6.0f, difference); }
  static HWY_INLINE V value(I code, V) { return E2M1::value(code); }
};

// A group in each lane; the scale is 0 or NaN where the group is not stored.
template <typename F>
HWY_INLINE GroupParameters parameters_of_groups(const GroupExtremes& e) {
  const Integers d;
  // The bits of numbers from 0 on have their order, and a NaN's are the greatest.
  const I magnitude = hn::And(hn::BitCast(d, e.extreme), hn::Set(d, 0x7FFFFFFF));
  const auto is_zero = hn::Lt(magnitude, hn::Set(d, std::bit_cast<int32_t>(kLeastGroupMagnitude)));
  const auto is_bad = hn::Gt(magnitude, hn::Set(d, std::bit_cast<int32_t>(kGreatestGroupMagnitude)));
  const V nan = hn::Set(Floats(), std::numeric_limits<float>::quiet_NaN());
  GroupParameters p = {};
  p.scale = F::scale(e);
  p.inverse = reciprocal(p.scale);
  p.zero_point = hn::Zero(Floats());
  if constexpr (F::kTwoSided) {
    const auto is_stored = hn::Not(hn::RebindMask(Floats(), hn::Or(is_zero, is_bad)));
    p.zero_point = hn::IfThenElseZero(is_stored, F::zero_point(e, p.inverse));
  }
  p.scale = hn::IfThenZeroElse(hn::RebindMask(Floats(), is_zero), p.scale);
  p.scale = hn::IfThenElse(hn::RebindMask(Floats(), is_bad), nan, p.scale);
  return p;
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_WEIGHT_FORMATS_INL_H_
