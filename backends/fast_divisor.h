// backends/fast_divisor.h: divisions by a number that a kernel is told, without a division.
//
//   const FastDivisor inner = fast_divisor(49);
//   const uint32_t run = divide(element, inner);   // element / 49
//
// A GPU takes some twenty instructions for a division of 32 bits and a hundred for one of 64; this takes three.

#ifndef PARE_BACKENDS_FAST_DIVISOR_H_
#define PARE_BACKENDS_FAST_DIVISOR_H_

#include <bit>
#include <cstdint>

namespace pare::backends {

// With n < 2^31, n / divisor is the high word of 2 n * multiplier, shifted: exact.
struct FastDivisor {
  uint32_t multiplier;
  uint32_t shift;
};

// divisor: from 1 to 2^31 - 1.
constexpr FastDivisor fast_divisor(uint32_t divisor) {
  // multiplier = ceil(2^(31 + shift) / divisor) with 2^(shift - 1) < divisor <= 2^shift: it is too large by e / divisor
  // with e < divisor, and n * e < 2^(31 + shift), so the quotient is not changed.
  const uint32_t shift = std::bit_width(divisor - 1);
  const uint64_t power = uint64_t{1} << (31 + shift);
  return {static_cast<uint32_t>((power + divisor - 1) / divisor), shift};
}

constexpr uint32_t divide(uint32_t n, FastDivisor by) {
  return static_cast<uint32_t>((uint64_t{2 * n} * by.multiplier) >> 32) >> by.shift;
}

}  // namespace pare::backends

#endif  // PARE_BACKENDS_FAST_DIVISOR_H_
