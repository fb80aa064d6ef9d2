// backends/half.h: the two 16-bit floating-point types as they lie in memory, and their conversions.
//
//   const Half h = from_float<Half>(0.1f);   // 0.0999755859375
//   const float x = to_float(h);
//
// Kernels compute in float: a 16-bit number is converted when it is read, and rounded once when it is written, halves
// to even. Half is IEEE 754 binary16 (what lies above 65,504 becomes infinity, denormal numbers are kept); BFloat16 is
// the upper half of a float. A NaN stays one. These functions are the definition that every backend's conversions
// equal.

#ifndef PARE_BACKENDS_HALF_H_
#define PARE_BACKENDS_HALF_H_

#include <bit>
#include <cstdint>

namespace pare::backends {

struct Half {
  uint16_t bits;
};

struct BFloat16 {
  uint16_t bits;
};

constexpr float to_float(float x) { return x; }
constexpr float to_float(BFloat16 x) { return std::bit_cast<float>(uint32_t{x.bits} << 16); }

constexpr float to_float(Half x) {
  const uint32_t sign = uint32_t{x.bits & 0x8000u} << 16, magnitude = uint32_t{x.bits & 0x7FFFu} << 13;
  if (magnitude >= 0x0F800000) return std::bit_cast<float>(sign | (magnitude + 0x70000000));  // Infinity and NaN.
  if (magnitude >= 0x00800000) return std::bit_cast<float>(sign | (magnitude + 0x38000000));
  // A denormal number: its bits count units of 2^-24. Added to 2^-14 and taken off again they are exact.
  const float number = std::bit_cast<float>(magnitude + 0x38800000) - std::bit_cast<float>(0x38800000u);
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(number));
}

template <typename T>
constexpr T from_float(float x);

template <>
constexpr float from_float<float>(float x) {
  return x;
}

template <>
constexpr BFloat16 from_float<BFloat16>(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return {static_cast<uint16_t>((bits >> 16) | 0x40)};
  return {static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)};
}

template <>
constexpr Half from_float<Half>(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return {static_cast<uint16_t>(sign | 0x7E00)};
  if (magnitude >= 0x47800000) return {static_cast<uint16_t>(sign | 0x7C00)};  // 65,536 and above.
  if (magnitude < 0x38800000) {
    // Below 2^-14: added to 0.5, the sum's last bit is worth 2^-24, so the addition rounds.
    const float sum = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(sum) - 0x3F000000))};
  }
  return {static_cast<uint16_t>(sign | ((magnitude + 0xFFF + ((magnitude >> 13) & 1) - 0x38000000) >> 13))};
}

}  // namespace pare::backends

// For the sources of kernels: PARE_FOR_EACH_TYPE(M) is M(float) M(Half) M(BFloat16).
#define PARE_FOR_EACH_TYPE(macro) macro(float) macro(::pare::backends::Half) macro(::pare::backends::BFloat16)

#endif  // PARE_BACKENDS_HALF_H_
