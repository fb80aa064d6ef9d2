// backends/exponential.h: e^x by additions and multiplications alone, the same on every device.
//
//   const float odds = exponential(-logit);
//
// A device's own exponential differs by some units in the last place between vendors, enough to flip a random mask.
// This one is within two units in the last place of the true value, and is the definition that every backend's equals:
// each operation is rounded to float, none is contracted.

#ifndef PARE_BACKENDS_EXPONENTIAL_H_
#define PARE_BACKENDS_EXPONENTIAL_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>

namespace pare::backends {

// x is cut to [-80, 80], beyond which no mask changes; NaN for NaN.
inline float exponential(float x) {
  const float cut = x < -80.0f ? -80.0f : (x > 80.0f ? 80.0f : x);
  if (std::isnan(cut)) return cut;
  // x = n ln 2 + r, with |r| at most a little above ln(2) / 2; ln 2 in two parts, of which the first has few bits.
  const float n = std::nearbyint(cut * 1.44269504f);
  const float r = (cut - n * 0.693359375f) - n * -2.12194440e-4f;
  // Taylor's series, by Horner's rule: the first term left out is below 2^-24.
  float sum = 1.0f / 5040;
  for (const float coefficient : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) {
    sum = sum * r + coefficient;
  }
  return sum * std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
}

}  // namespace pare::backends

#endif  // PARE_BACKENDS_EXPONENTIAL_H_
