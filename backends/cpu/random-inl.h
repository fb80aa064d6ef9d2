// backends/cpu/random-inl.h: backends/philox.h and backends/exponential.h in vectors, bit for bit.
//
//   uint32_t words[kPhiloxWords];
//   philox_words(PhiloxKeys(stream), first_block, words);  // Of the elements from 4 * first_block on.
//
// Compiled once an instruction set, as backends/cpu/lanes-inl.h is.

#if defined(PARE_BACKENDS_CPU_RANDOM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PARE_BACKENDS_CPU_RANDOM_INL_H_
#undef PARE_BACKENDS_CPU_RANDOM_INL_H_
#else
#define PARE_BACKENDS_CPU_RANDOM_INL_H_
#endif

#include <cstdint>

#include "backends/cpu/lanes-inl.h"
#include "backends/philox.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

inline constexpr int64_t kPhiloxWords = 4;

struct PhiloxKeys {
  explicit PhiloxKeys(const RandomStream& stream) : stream(stream) {}
  RandomStream stream;
};

HWY_INLINE void philox_words(const PhiloxKeys& keys, uint64_t first_block, uint32_t* words) {
  for (int64_t i = 0; i < kPhiloxWords; ++i) words[i] = philox_word(keys.stream, 4 * first_block + i);
}

#else

// A Philox block a lane: 32-bit words in lanes of 64 bits, whose upper halves are never looked at, since a product of
// 32-bit words fills 64 bits.
using Blocks = hn::CappedTag<uint64_t, 8>;
using BlockWords = hn::Repartition<uint32_t, Blocks>;
inline constexpr int64_t kPhiloxBlocks = hn::MaxLanes(Blocks());
inline constexpr int64_t kPhiloxWords = 4 * kPhiloxBlocks;

// What a stream gives to every block of it.
struct PhiloxKeys {
  explicit PhiloxKeys(const RandomStream& stream) : draw(stream.draw) {
    uint32_t low = static_cast<uint32_t>(stream.seed), high = static_cast<uint32_t>(stream.seed >> 32);
    for (int round = 0; round < 10; ++round, low += 0x9E3779B9, high += 0xBB67AE85) {
      first[round] = low;
      second[round] = high;
    }
  }
  uint64_t draw;
  uint64_t first[10], second[10];
};

// The words of kPhiloxBlocks blocks, one block after the other. first_block: a multiple of kPhiloxBlocks.
HWY_INLINE void philox_words(const PhiloxKeys& keys, uint64_t first_block, uint32_t* words) {
  const Blocks d;
  const BlockWords d32;
  using Block = hn::Vec<Blocks>;
  const Block first_factor = hn::Set(d, uint64_t{0xD2511F53}), second_factor = hn::Set(d, uint64_t{0xCD9E8D57});
  const auto product = [d32](Block a, Block b)
                           HWY_ATTR { return hn::MulEven(hn::BitCast(d32, a), hn::BitCast(d32, b)); };
  // The even lanes have the first half of the blocks and the odd ones the second, so that the pairs of words below come
  // to lie in order.
  HWY_ALIGN uint64_t order[kPhiloxBlocks];
  for (int64_t i = 0; i < kPhiloxBlocks; ++i) order[i] = i % 2 * (kPhiloxBlocks / 2) + i / 2;
  Block c0 = hn::Add(hn::Set(d, first_block), hn::Load(d, order)), c1 = hn::Set(d, first_block >> 32);
  Block c2 = hn::Set(d, keys.draw), c3 = hn::Set(d, keys.draw >> 32);
  for (int round = 0; round < 10; ++round) {
    const Block first = product(first_factor, c0), second = product(second_factor, c2);
    c0 = hn::Xor3(hn::ShiftRight<32>(second), c1, hn::Set(d, keys.first[round]));
    c2 = hn::Xor3(hn::ShiftRight<32>(first), c3, hn::Set(d, keys.second[round]));
    c1 = second;
    c3 = first;
  }
  const auto pair = [d, d32](Block low, Block high) HWY_ATTR {
    return hn::BitCast(d, hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(high)), hn::BitCast(d32, low)));
  };
  const Block c01 = pair(c0, c1), c23 = pair(c2, c3);
  hn::StoreU(hn::BitCast(d32, hn::InterleaveLower(d, c01, c23)), d32, words);
  hn::StoreU(hn::BitCast(d32, hn::InterleaveUpper(d, c01, c23)), d32, words + kPhiloxWords / 2);
}

#endif  // HWY_TARGET == HWY_SCALAR

HWY_INLINE V uniform_vector(hn::Vec<Words> words) {
  const Floats d;
  const V number = hn::ConvertTo(d, hn::BitCast(Integers(), hn::ShiftRight<8>(words)));
  const V fraction = hn::Mul(hn::Add(number, hn::Set(d, 0.5f)), hn::Set(d, 0x1p-24f));
  return hn::Add(hn::Mul(fraction, hn::Set(d, 0.999998f)), hn::Set(d, 1e-6f));
}

HWY_INLINE V exponential_vector(V x) {
  const Floats d;
  const V lowest = hn::Set(d, -80.0f), highest = hn::Set(d, 80.0f);
  x = hn::IfThenElse(hn::Lt(x, lowest), lowest, x);
  x = hn::IfThenElse(hn::Gt(x, highest), highest, x);
  // Added to 1.5 * 2^23, whose last bit is worth 1, a number rounds to an integer, halves to even, and has it in its
  // low bits: no conversion, which for a NaN is undefined.
  const V large = hn::Set(d, 12582912.0f);
  const V shifted = hn::Add(hn::Mul(x, hn::Set(d, 1.44269504f)), large);
  const V n = hn::Sub(shifted, large);
  const V r = hn::Sub(hn::Sub(x, hn::Mul(n, hn::Set(d, 0.693359375f))), hn::Mul(n, hn::Set(d, -2.12194440e-4f)));
  V sum = hn::Set(d, 1.0f / 5040);
  for (const float coefficient : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) {
    sum = hn::Add(hn::Mul(sum, r), hn::Set(d, coefficient));
  }
  const Words words;
  const auto power = hn::Add(hn::ShiftLeft<23>(hn::BitCast(words, shifted)), hn::Set(words, 127u << 23));
  return hn::Mul(sum, hn::BitCast(d, power));
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_RANDOM_INL_H_
