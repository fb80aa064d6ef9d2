// backends/exponential.h: e^x by additions and multiplications alone, the same on every device.
//
//   const float odds = exponential(-logit);
//
// A device's own exponential differs by some units in the last place between vendors, enough to flip a random mask.
// This one is within three units in the last place of the true value, and is the definition that every backend's
// equals: each operation is rounded to float, none is contracted.

#ifndef PARE_BACKENDS_EXPONENTIAL_H_
#define PARE_BACKENDS_EXPONENTIAL_H_

#include <bit>
#include <cstdint>

namespace pare::backends {

// e^r = 1 + r + r^2 * (a + b r + c r^2 + d r^3) for |r| <= ln(2) / 2: the cubic with the least maximum of the relative
// error, 1.06e-7, found by weighted least squares (Lawson 1961).
inline constexpr float kExponentialA = 0.499992251f, kExponentialB = 0.166671187f, kExponentialC = 0.0418909863f,
                       kExponentialD = 0.00831243023f;

// x is cut to [-80, 80], beyond which no mask changes; NaN for NaN.
constexpr float exponential(float x) {
  const float cut = x < -80.0f ? -80.0f : (x > 80.0f ? 80.0f : x);
  if (cut != cut) return cut;
  // x = n ln 2 + r, with |r| at most a little above ln(2) / 2; ln 2 in two parts, of which the first has few bits.
  // Added to 1.5 * 2^23, the sum's last bit is worth 1, so the addition rounds, halves to even.
  const float n = (cut * 1.44269504f + 0x1.8p23f) - 0x1.8p23f;
  const float r = (cut - n * 0.693359375f) - n * -2.12194440e-4f;
  // In pairs, which need not wait for each other as in Horner's rule.
  const float square = r * r;
  const float upper = kExponentialD * r + kExponentialC, lower = kExponentialB * r + kExponentialA;
  const float sum = (upper * square + lower) * square + (r + 1.0f);
  return sum * std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
}

}  // namespace pare::backends

#endif  // PARE_BACKENDS_EXPONENTIAL_H_
