// backends/cpu/bytes-inl.h: sixteen integers to and from bytes, and to and from the four-bit halves of bytes.
//
//   I codes[kParts] = ...;
//   store_bytes(codes, count, to);             // The low byte of each.
//   load_bytes(from, count, codes);            // In [0, 255].
//   store_halves(codes, first, count, row);    // The low four bits of each, in columns first, first + 1, ... of a row,
//   store_joined(low_bytes(codes), row + ...);   // or at once, from an even column on, if there are kLanes.
//   load_halves(row, first, count, codes);     // In [0, 15].
//
// Compiled once an instruction set, like lanes-inl.h.

#if defined(PARE_BACKENDS_CPU_BYTES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PARE_BACKENDS_CPU_BYTES_INL_H_
#undef PARE_BACKENDS_CPU_BYTES_INL_H_
#else
#define PARE_BACKENDS_CPU_BYTES_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "backends/cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

using I = hn::Vec<Integers>;

// 1.5 * 2^23. A small number added to it is rounded to the nearest integer, halves to the even one, and the sum's last
// bits are that integer in two's complement.
inline constexpr float kRounder = 12582912.0f;

#if HWY_TARGET == HWY_SCALAR

struct Bytes {
  uint8_t byte[kLanes];
};

HWY_INLINE Bytes load_sixteen(const uint8_t* from) {
  Bytes bytes;
  std::copy_n(from, kLanes, bytes.byte);
  return bytes;
}

HWY_INLINE void store_sixteen(const Bytes& bytes, uint8_t* to) { std::copy_n(bytes.byte, kLanes, to); }

HWY_INLINE Bytes low_bytes(const I* group) {
  Bytes bytes;
  for (int64_t i = 0; i < kLanes; ++i) bytes.byte[i] = static_cast<uint8_t>(hn::GetLane(group[i]));
  return bytes;
}

template <bool kSigned>
HWY_INLINE void integers_of(const Bytes& bytes, I* group) {
  for (int64_t i = 0; i < kLanes; ++i) {
    group[i] = hn::Set(Integers(), kSigned ? static_cast<int8_t>(bytes.byte[i]) : int32_t{bytes.byte[i]});
  }
}

HWY_INLINE void store_joined(const Bytes& bytes, uint8_t* to) {
  for (int64_t i = 0; i < kLanes / 2; ++i) {
    to[i] = static_cast<uint8_t>((bytes.byte[2 * i] & 15) | bytes.byte[2 * i + 1] << 4);
  }
}

HWY_INLINE Bytes load_apart(const uint8_t* from) {
  Bytes bytes;
  for (int64_t i = 0; i < kLanes; ++i) bytes.byte[i] = i % 2 == 0 ? from[i / 2] & 15 : from[i / 2] >> 4;
  return bytes;
}

#else

using SixteenBytes = hn::Full128<uint8_t>;
using Bytes = hn::Vec<SixteenBytes>;
using EightBytes = hn::Full64<uint8_t>;
using EightPairs = hn::Full128<uint16_t>;

HWY_INLINE Bytes load_sixteen(const uint8_t* from) { return hn::LoadU(SixteenBytes(), from); }

HWY_INLINE void store_sixteen(Bytes bytes, uint8_t* to) { hn::StoreU(bytes, SixteenBytes(), to); }

// The low byte of each of kCount vectors' integers.
template <int64_t kCount>
HWY_INLINE auto joined_bytes(const I* vectors) {
  if constexpr (kCount == 1) {
    return hn::TruncateTo(hn::Rebind<uint8_t, Words>(), hn::BitCast(Words(), vectors[0]));
  } else {
    return hn::Combine(hn::CappedTag<uint8_t, kCount * kWidth>(), joined_bytes<kCount / 2>(vectors + kCount / 2),
                       joined_bytes<kCount / 2>(vectors));
  }
}

HWY_INLINE Bytes low_bytes(const I* group) {
#if HWY_TARGET == HWY_AVX3
  // One instruction, where Highway takes two: packing int4 is a sixth faster.
  return Bytes{_mm512_cvtepi32_epi8(group[0].raw)};
#else
  return joined_bytes<kParts>(group);
#endif
}

// The bytes as integers from 0 on, or as two's complement.
template <bool kSigned>
HWY_INLINE void integers_of(Bytes bytes, I* group) {
  using Byte = std::conditional_t<kSigned, int8_t, uint8_t>;
  HWY_ALIGN Byte parts[kLanes];
  hn::Store(hn::BitCast(hn::Full128<Byte>(), bytes), hn::Full128<Byte>(), parts);
  const hn::Rebind<Byte, Integers> part_bytes;
  for (int64_t part = 0; part < kParts; ++part) {
    group[part] = hn::PromoteTo(Integers(), hn::LoadU(part_bytes, parts + part * kWidth));
  }
}

// Stores eight bytes, each of the lower halves of two.
HWY_INLINE void store_joined(Bytes bytes, uint8_t* to) {
  const EightPairs d;
  const auto pairs = hn::BitCast(d, hn::And(bytes, hn::Set(SixteenBytes(), uint8_t{15})));
  const auto joined = hn::And(hn::Or(pairs, hn::ShiftRight<4>(pairs)), hn::Set(d, uint16_t{0xFF}));
  hn::StoreU(hn::DemoteTo(EightBytes(), hn::BitCast(hn::Full128<int16_t>(), joined)), EightBytes(), to);
}

// The halves of eight bytes, each as a byte.
HWY_INLINE Bytes load_apart(const uint8_t* from) {
  const EightPairs d;
  const auto pairs = hn::PromoteTo(d, hn::LoadU(EightBytes(), from));
  return hn::BitCast(SixteenBytes(), hn::And(hn::Or(pairs, hn::ShiftLeft<4>(pairs)), hn::Set(d, uint16_t{0x0F0F})));
}

#endif

HWY_INLINE void store_bytes(const I* group, int64_t count, uint8_t* to) {
  const Bytes bytes = low_bytes(group);
  if (count >= kLanes) {
    store_sixteen(bytes, to);
    return;
  }
  uint8_t padded[kLanes];
  store_sixteen(bytes, padded);
  std::copy_n(padded, count, to);
}

template <bool kSigned = false>
HWY_INLINE void load_bytes(const uint8_t* from, int64_t count, I* group) {
  if (count >= kLanes) {
    integers_of<kSigned>(load_sixteen(from), group);
    return;
  }
  uint8_t padded[kLanes] = {};
  std::copy_n(from, count, padded);
  integers_of<kSigned>(load_sixteen(padded), group);
}

// One code into the lower half of an even column's byte, or into the upper half of an odd column's, which the even one
// before it has set.
HWY_INLINE void store_half(uint8_t code, int64_t column, uint8_t* row) {
  uint8_t& byte = row[column / 2];
  byte = static_cast<uint8_t>(column % 2 == 0 ? code & 15 : byte | code << 4);
}

// The low four bits of the first `count` of the group's integers.
HWY_INLINE void store_halves(const I* group, int64_t first, int64_t count, uint8_t* row) {
  uint8_t codes[kLanes];
  store_sixteen(low_bytes(group), codes);
  for (int64_t i = 0; i < std::min(count, kLanes); ++i) store_half(codes[i], first + i, row);
}

HWY_INLINE void load_halves(const uint8_t* row, int64_t first, int64_t count, I* group) {
  if (count >= kLanes && first % 2 == 0) {
    integers_of<false>(load_apart(row + first / 2), group);
    return;
  }
  uint8_t codes[kLanes] = {};
  for (int64_t i = 0; i < std::min(count, kLanes); ++i) {
    const uint8_t byte = row[(first + i) / 2];
    codes[i] = (first + i) % 2 == 0 ? byte & 15 : byte >> 4;
  }
  integers_of<false>(load_sixteen(codes), group);
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_BYTES_INL_H_
