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
#include "backends/exponential.h"
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
inline constexpr int64_t kBlocks = hn::MaxLanes(Blocks());
inline constexpr int64_t kPhiloxWords = 2 * 4 * kBlocks;

struct PhiloxBlocks {
  hn::Vec<Blocks> c0, c1, c2, c3;
};

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

// The counters of kBlocks blocks from `first` on, a multiple of kBlocks. The even lanes have the first half of them and
// the odd ones the second, so that the words come to lie in order when they are stored.
HWY_INLINE PhiloxBlocks philox_counters(const PhiloxKeys& keys, uint64_t first) {
  const Blocks d;
  HWY_ALIGN uint64_t order[kBlocks];
  for (int64_t i = 0; i < kBlocks; ++i) order[i] = i % 2 * (kBlocks / 2) + i / 2;
  return {hn::Add(hn::Set(d, first), hn::Load(d, order)), hn::Set(d, first >> 32), hn::Set(d, keys.draw),
          hn::Set(d, keys.draw >> 32)};
}

HWY_INLINE PhiloxBlocks philox_round(const PhiloxBlocks& c, hn::Vec<Blocks> first_key, hn::Vec<Blocks> second_key) {
  const BlockWords words;
  const auto first_factor = hn::BitCast(words, hn::Set(Blocks(), uint64_t{0xD2511F53}));
  const auto second_factor = hn::BitCast(words, hn::Set(Blocks(), uint64_t{0xCD9E8D57}));
  const auto first = hn::MulEven(first_factor, hn::BitCast(words, c.c0));
  const auto second = hn::MulEven(second_factor, hn::BitCast(words, c.c2));
  return {hn::Xor3(hn::ShiftRight<32>(second), c.c1, first_key), second,
          hn::Xor3(hn::ShiftRight<32>(first), c.c3, second_key), first};
}

HWY_INLINE void store_blocks(const PhiloxBlocks& c, uint32_t* words) {
  const Blocks d;
  const BlockWords d32;
  const auto pair = [d, d32](hn::Vec<Blocks> low, hn::Vec<Blocks> high) HWY_ATTR {
    return hn::BitCast(d, hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(high)), hn::BitCast(d32, low)));
  };
  const auto first = pair(c.c0, c.c1), second = pair(c.c2, c.c3);
  hn::StoreU(hn::BitCast(d32, hn::InterleaveLower(d, first, second)), d32, words);
  hn::StoreU(hn::BitCast(d32, hn::InterleaveUpper(d, first, second)), d32, words + 2 * kBlocks);
}

// kPhiloxWords words, one block after the other. first_block: a multiple of kPhiloxWords / 4.
HWY_INLINE void philox_words(const PhiloxKeys& keys, uint64_t first_block, uint32_t* words) {
  // Two vectors at a time, so that one need not wait for the other's products.
  PhiloxBlocks left = philox_counters(keys, first_block), right = philox_counters(keys, first_block + kBlocks);
  for (int round = 0; round < 10; ++round) {
    const auto first_key = hn::Set(Blocks(), keys.first[round]), second_key = hn::Set(Blocks(), keys.second[round]);
    left = philox_round(left, first_key, second_key);
    right = philox_round(right, first_key, second_key);
  }
  store_blocks(left, words);
  store_blocks(right, words + 4 * kBlocks);
}

#endif  // HWY_TARGET == HWY_SCALAR

HWY_INLINE V uniform_vector(hn::Vec<Words> words) {
  const Floats d;
  const V number = hn::ConvertTo(d, hn::BitCast(Integers(), hn::ShiftRight<8>(words)));
  // Two factors in one: the multiplication by a power of two is exact.
  const V scaled = hn::Mul(hn::Add(number, hn::Set(d, 0.5f)), hn::Set(d, 0x1p-24f * 0.999998f));
  return hn::Add(scaled, hn::Set(d, 1e-6f));
}

// Of a NaN, that of 80, which removes as a NaN does.
HWY_INLINE V exponential_vector(V x) {
  const Floats d;
  const V lowest = hn::Set(d, -80.0f), highest = hn::Set(d, 80.0f);
  x = hn::IfThenElse(hn::Lt(x, highest), x, highest);
  x = hn::Max(x, lowest);
  // Added to 1.5 * 2^23, whose last bit is worth 1, a number rounds to an integer, halves to even, and has it in its
  // low bits.
  const V large = hn::Set(d, 12582912.0f);
  const V shifted = hn::Add(hn::Mul(x, hn::Set(d, 1.44269504f)), large);
  const V n = hn::Sub(shifted, large);
  const V r = hn::Sub(hn::Sub(x, hn::Mul(n, hn::Set(d, 0.693359375f))), hn::Mul(n, hn::Set(d, -2.12194440e-4f)));
  const V square = hn::Mul(r, r);
  const V upper = hn::Add(hn::Mul(r, hn::Set(d, kExponentialD)), hn::Set(d, kExponentialC));
  const V lower = hn::Add(hn::Mul(r, hn::Set(d, kExponentialB)), hn::Set(d, kExponentialA));
  const V sum = hn::Add(hn::Mul(hn::Add(hn::Mul(upper, square), lower), square), hn::Add(r, hn::Set(d, 1.0f)));
  // Neither the sum nor the product is denormal or infinite: adding n to the exponent multiplies by 2^n.
  const Words words;
  return hn::BitCast(d, hn::Add(hn::BitCast(words, sum), hn::ShiftLeft<23>(hn::BitCast(words, shifted))));
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_RANDOM_INL_H_
