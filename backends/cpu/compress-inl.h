// backends/cpu/compress-inl.h: moves the lanes that a mask names together, to the front.
//
//   hn::StoreU(compress(numbers, mask), Words(), to);
//   to += hn::CountTrue(Words(), mask);
//
// What lies behind them is not said. Highway's Compress does the same; before AVX-512 its tables are constants within
// the function, and GCC copies all of them to the stack at each call (a kilobyte, with AVX2: most of the time of a
// histogram). These lie in memory once.

#if defined(PARE_BACKENDS_CPU_COMPRESS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PARE_BACKENDS_CPU_COMPRESS_INL_H_
#undef PARE_BACKENDS_CPU_COMPRESS_INL_H_
#else
#define PARE_BACKENDS_CPU_COMPRESS_INL_H_
#endif

#include <cstdint>

#include "backends/cpu/compress_table.h"
#include "backends/cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

using WordVector = hn::Vec<Words>;

HWY_INLINE WordVector compress(WordVector numbers, hn::Mask<Words> mask) {
#if HWY_TARGET == HWY_AVX2
  static_assert(kWidth == 8);
  const uint32_t bits = _mm256_movemask_ps(_mm256_castsi256_ps(hn::VecFromMask(Words(), mask).raw));
  const auto lanes = hn::LoadU(hn::Rebind<uint8_t, Words>(), kCompressTable<8, 1>.data() + bits * 8);
  return hn::TableLookupLanes(numbers, hn::IndicesFromVec(Words(), hn::PromoteTo(Words(), lanes)));
#elif HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3
  static_assert(kWidth == 4);
  const uint32_t bits = _mm_movemask_ps(_mm_castsi128_ps(hn::VecFromMask(Words(), mask).raw));
  const hn::Repartition<uint8_t, Words> bytes;
  const auto order = hn::LoadU(bytes, kCompressTable<4, 4>.data() + bits * 16);
  return hn::BitCast(Words(), hn::TableLookupBytes(hn::BitCast(bytes, numbers), order));
#else
  return hn::Compress(numbers, mask);
#endif
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_COMPRESS_INL_H_
