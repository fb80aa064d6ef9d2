// backends/philox.h: random numbers that are a function of a seed and a place, the same on every device.
//
//   const RandomStream stream{/*seed=*/42, /*draw=*/step};
//   const float u = uniform(philox_word(stream, element));
//
// Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3). A block of four
// words comes from the counter (i low, i high, draw low, draw high) and the key (seed low, seed high); element e takes
// word e % 4 of block i = e / 4. These functions are the definition that every backend's generator equals.

#ifndef PARE_BACKENDS_PHILOX_H_
#define PARE_BACKENDS_PHILOX_H_

#include <array>
#include <cstdint>

namespace pare::backends {

// Which of all random numbers a kernel takes. `draw` differs between calls that must be independent of each other.
struct RandomStream {
  uint64_t seed = 0;
  uint64_t draw = 0;
};

constexpr std::array<uint32_t, 4> philox_block(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t first = uint64_t{0xD2511F53} * counter[0], second = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(second),
               static_cast<uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(first)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return counter;
}

constexpr uint32_t philox_word(const RandomStream& stream, uint64_t element) {
  const uint64_t block = element / 4;
  return philox_block({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                       static_cast<uint32_t>(stream.draw), static_cast<uint32_t>(stream.draw >> 32)},
                      {static_cast<uint32_t>(stream.seed), static_cast<uint32_t>(stream.seed >> 32)})[element % 4];
}

// In [1e-6, 1 - 1e-6] (METHODS, rb_sparsity): the word's upper 24 bits and a half, as a fraction, scaled and moved.
constexpr float uniform(uint32_t word) {
  const float fraction = (static_cast<float>(word >> 8) + 0.5f) * 0x1p-24f;
  return fraction * 0.999998f + 1e-6f;
}

}  // namespace pare::backends

#endif  // PARE_BACKENDS_PHILOX_H_
