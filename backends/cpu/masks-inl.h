// backends/cpu/masks-inl.h: masks of a byte an element, to and from vectors.
//
//   for (; i + kLanes <= count; i += kLanes) {
//     for (int64_t at = i; at < i + kLanes; at += kWidth) store_mask(hn::Gt(load_vector(x + at), zero), mask + at);
//     keep_group<Output::kStored>(x + i, mask + i, y + i);
//   }
//   for (; i < count; ++i) ...  // The rest, a number at a time.
//
// Compiled once an instruction set, as backends/cpu/lanes-inl.h is. What a mask keeps it keeps bit by bit, so 16-bit
// numbers are moved as they lie and not converted.

#if defined(PARE_BACKENDS_CPU_MASKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PARE_BACKENDS_CPU_MASKS_INL_H_
#undef PARE_BACKENDS_CPU_MASKS_INL_H_
#else
#define PARE_BACKENDS_CPU_MASKS_INL_H_
#endif

#include <bit>
#include <cstdint>
#include <type_traits>

#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/streams-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

// What of T a vector's lanes hold.
HWY_INLINE float* lanes_of(float* x) { return x; }
HWY_INLINE const float* lanes_of(const float* x) { return x; }
template <typename T>
HWY_INLINE uint16_t* lanes_of(T* x) {
  return &x->bits;
}
template <typename T>
HWY_INLINE const uint16_t* lanes_of(const T* x) {
  return &x->bits;
}

// Stores kWidth bytes, 1 where `keep` is true, else 0.
HWY_INLINE void store_mask(hn::Mask<Floats> keep, uint8_t* to) {
  const Words d;
  const auto ones = hn::IfThenElseZero(hn::RebindMask(d, keep), hn::Set(d, 1u));
  hn::StoreU(hn::U8FromU32(ones), hn::Rebind<uint8_t, Words>(), to);
}

// y = mask ? x : 0 for kLanes elements.
template <Output kOutput, typename T>
HWY_INLINE void keep_group(const T* x, const uint8_t* mask, T* y) {
  const hn::CappedTag<std::remove_pointer_t<decltype(lanes_of(y))>, kLanes> d;
  const hn::RebindToUnsigned<decltype(d)> words;
  const hn::Rebind<uint8_t, decltype(d)> bytes;
  for (int64_t i = 0; i < kLanes; i += hn::MaxLanes(d)) {
    const auto byte = hn::PromoteTo(words, hn::LoadU(bytes, mask + i));
    const auto removed = hn::RebindMask(d, hn::Eq(byte, hn::Zero(words)));
    const auto kept = hn::IfThenZeroElse(removed, hn::LoadU(d, lanes_of(x + i)));
    if constexpr (kOutput == Output::kStreamed) {
      hn::Stream(kept, d, lanes_of(y + i));
    } else {
      hn::StoreU(kept, d, lanes_of(y + i));
    }
  }
}

// y = mask ? x : 0 for one element, without a branch that nothing could predict.
HWY_INLINE void keep_element(float x, uint8_t mask, float* y) {
  *y = std::bit_cast<float>(std::bit_cast<uint32_t>(x) & (0u - (mask != 0)));
}
template <typename T>
HWY_INLINE void keep_element(T x, uint8_t mask, T* y) {
  y->bits = static_cast<uint16_t>(x.bits & (0u - (mask != 0)));
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_MASKS_INL_H_
