// kernels/weight_formats.cuh: a group's scale, and numbers to codes and back; see quantize_groups in kernel_backend.h.

#ifndef PARE_BACKENDS_CUDA_KERNELS_WEIGHT_FORMATS_CUH_
#define PARE_BACKENDS_CUDA_KERNELS_WEIGHT_FORMATS_CUH_

#include "backends/cuda/kernels/kernel.cuh"
#include "backends/weight_format.h"

namespace pare::backends::cuda {

PARE_DEVICE float cut(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

PARE_DEVICE float power_of_two(int exponent) { return float_of_bits(static_cast<uint32_t>(exponent + 127) << 23); }

PARE_DEVICE int exponent_of(float x) { return static_cast<int>(magnitude_bits(x) >> 23) - 127; }

// A format of a sign, some bits of exponent and kMantissa bits: codes and numbers.
template <int kBias, int kMantissa, int kSign>
struct SmallFloat {
  // The nearest code, of two equally near ones the even one. x is within the format's range.
  static PARE_DEVICE int nearest(float x) {
    const float magnitude = magnitude_of(x);
    const int least = 1 - kBias, exponent = exponent_of(magnitude) < least ? least : exponent_of(magnitude);
    // In units of the last place; one that rounds up to the next power of two lifts the exponent by itself.
    const int units = static_cast<int>(rintf(magnitude * power_of_two(kMantissa - exponent)));
    const int code = ((exponent + kBias - 1) << kMantissa) + units;
    return (std::bit_cast<uint32_t>(x) >> 31) != 0 ? code + kSign : code;
  }
  static PARE_DEVICE float value(int code) {
    const int magnitude = code & (kSign - 1), exponent = magnitude >> kMantissa;
    const int mantissa = magnitude & ((1 << kMantissa) - 1);
    const float number =
        exponent == 0 ? static_cast<float>(mantissa) * power_of_two(1 - kBias - kMantissa)
                      : static_cast<float>((1 << kMantissa) + mantissa) * power_of_two(exponent - kBias - kMantissa);
    return code < kSign ? number : -number;
  }
};

using E4M3 = SmallFloat<7, 3, 128>;
using E2M1 = SmallFloat<1, 1, 8>;

PARE_DEVICE float nf4_level(int code) {
  static constexpr float levels[16] = {kNf4Levels[0],  kNf4Levels[1],  kNf4Levels[2],  kNf4Levels[3],
                                       kNf4Levels[4],  kNf4Levels[5],  kNf4Levels[6],  kNf4Levels[7],
                                       kNf4Levels[8],  kNf4Levels[9],  kNf4Levels[10], kNf4Levels[11],
                                       kNf4Levels[12], kNf4Levels[13], kNf4Levels[14], kNf4Levels[15]};
  return levels[code];
}

template <int k = 0>
PARE_DEVICE int nf4_code(float scaled) {
  constexpr float boundary = nf4_boundary(k);
  if constexpr (k == 14) {
    return boundary < scaled;
  } else {
    return (boundary < scaled) + nf4_code<k + 1>(scaled);
  }
}

// An inverse of 0 stands for a group whose codes are those of +0.
struct GroupScale {
  float scale, inverse, zero_point;

  // Of a group's extremes, widened to hold zero; of an infinity where it has a NaN.
  static PARE_DEVICE GroupScale of(WeightFormat format, float low, float high) {
    const float magnitude = -low > high ? -low : high;
    if (magnitude > kGreatestGroupMagnitude) return {float_of_bits(0x7FC00000), 0, 0};
    if (magnitude < kLeastGroupMagnitude) return {0, 0, 0};
    GroupScale group{0, 0, 0};
    switch (format) {
      case WeightFormat::kInt4Symmetric:
        group.scale = (-low >= high ? -low : -high) * 0.125f;
        break;
      case WeightFormat::kInt4Asymmetric:
        group.scale = (high - low) * (1.0f / 15.0f);
        break;
      case WeightFormat::kNf4:
        group.scale = magnitude;
        break;
      case WeightFormat::kFp8E4M3:
        group.scale = magnitude * (1.0f / 448.0f);
        break;
      case WeightFormat::kMxfp4:
        group.scale = power_of_two(exponent_of(magnitude) - 2);
        break;
    }
    group.inverse = reciprocal(group.scale);
    if (format == WeightFormat::kInt4Asymmetric) group.zero_point = cut(rintf(-low * group.inverse), 0, 15);
    return group;
  }

  PARE_DEVICE int code(WeightFormat format, float x) const {
    const float scaled = inverse == 0 ? 0.0f : x * inverse;
    switch (format) {
      case WeightFormat::kInt4Symmetric:
        return static_cast<int>(cut(rintf(scaled), -8, 7)) & 15;
      case WeightFormat::kInt4Asymmetric:
        return static_cast<int>(cut(rintf(scaled) + zero_point, 0, 15));
      case WeightFormat::kNf4:
        return nf4_code(scaled);
      case WeightFormat::kFp8E4M3:
        return E4M3::nearest(cut(scaled, -448, 448));
      case WeightFormat::kMxfp4:
        return E2M1::nearest(cut(scaled, -6, 6));
    }
    return 0;
  }
};

// What a code stands for, before the scale.
PARE_DEVICE float value_of(WeightFormat format, int code, int zero_point) {
  switch (format) {
    case WeightFormat::kInt4Symmetric:
      return static_cast<float>(code < 8 ? code : code - 16);
    case WeightFormat::kInt4Asymmetric:
      return static_cast<float>(code - zero_point);
    case WeightFormat::kNf4:
      return nf4_level(code);
    case WeightFormat::kFp8E4M3:
      // The two codes above the greatest are NaN.
      return (code & 127) == 127 ? float_of_bits(0x7FC00000) : E4M3::value(code);
    case WeightFormat::kMxfp4:
      return E2M1::value(code);
  }
  return 0;
}

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_KERNELS_WEIGHT_FORMATS_CUH_
