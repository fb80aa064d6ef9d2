// backends/selection_key.h: numbers as integers in the same order, so that order statistics can be found by counting.
//
//   const uint32_t key = selection_key(-0.5f);   // less than selection_key(0.25f)
//   const float x = number_of_key(key);          // -0.5f
//
// The key grows with the number. -0 has the key of 0, and every NaN the greatest key that there is, above infinity's.

#ifndef PARE_BACKENDS_SELECTION_KEY_H_
#define PARE_BACKENDS_SELECTION_KEY_H_

#include <bit>
#include <cstdint>

namespace pare::backends {

inline constexpr uint32_t kZeroKey = 0x80000000;
inline constexpr uint32_t kNanKey = 0xFFFFFFFF;

// With b the bits of x: b + 2^31, or ~b if x is negative.
constexpr uint32_t selection_key(float x) {
  if (x != x) return kNanKey;
  const uint32_t bits = std::bit_cast<uint32_t>(x + 0.0f);
  return (bits & 0x80000000) != 0 ? ~bits : bits + 0x80000000;
}

// A NaN for what is no number's key.
constexpr float number_of_key(uint32_t key) { return std::bit_cast<float>(key >= kZeroKey ? key - 0x80000000 : ~key); }

}  // namespace pare::backends

#endif  // PARE_BACKENDS_SELECTION_KEY_H_
