// shaders/group_scales.glsl: a group's scale and zero point, from its extremes.

#ifndef PARE_GROUP_SCALES_GLSL_
#define PARE_GROUP_SCALES_GLSL_

#include "weight_formats.glsl"

const uint kNanBits = 0x7fc00000u;

// Of four lanes at once: extend() takes their next numbers, fold() makes one of them.
struct LaneExtremes {
  vec4 low, high;
  uvec4 nan;
};
LaneExtremes no_extremes() { return LaneExtremes(vec4(0), vec4(0), uvec4(0)); }
void extend(inout LaneExtremes e, vec4 numbers) {
  e.low = mix(e.low, numbers, lessThan(numbers, e.low));
  e.high = mix(e.high, numbers, greaterThan(numbers, e.high));
  e.nan |= uvec4(is_nan(numbers));
}

// Widened to hold zero.
struct Extremes {
  float low, high;
  bool has_nan;
};
Extremes fold(LaneExtremes e) {
  return Extremes(min(min(e.low.x, e.low.y), min(e.low.z, e.low.w)),
                  max(max(e.high.x, e.high.y), max(e.high.z, e.high.w)), any(notEqual(e.nan, uvec4(0))));
}

// For a group with a magnitude that can be stored.
float scale_of(Extremes e) {
  const float magnitude = max(-e.low, e.high);
  precise float scale = magnitude;
  if (kFormat == kInt4Symmetric) scale = (-e.low >= e.high ? -e.low : -e.high) * 0.125;
  if (kFormat == kInt4Asymmetric) {
    scale = e.high - e.low;
    scale = scale * (1.0 / 15.0);
  }
  if (kFormat == kFp8E4M3) scale = magnitude * (1.0 / 448.0);
  if (kFormat == kMxfp4) scale = uintBitsToFloat((floatBitsToUint(magnitude) & 0x7f800000u) - (2u << 23));
  return scale;
}

uint scale_bits_of(Extremes e) {
  const float magnitude = max(-e.low, e.high);
  if (e.has_nan || magnitude > 1329227995784915872903807060280344576.0) return kNanBits;  // 2^120
  return magnitude >= 7.888609052210118054e-31 ? floatBitsToUint(scale_of(e)) : 0u;       // 2^-100
}

// 0 in formats without zero points.
float zero_point_of(Extremes e, float inverse) {
  if (kFormat != kInt4Asymmetric || inverse == 0.0) return 0.0;
  precise float nearest = -e.low * inverse;
  return clamp(roundEven(nearest), 0.0, 15.0);
}

// (scale * value - x)^2
vec4 squares_of_errors(vec4 x, uvec4 codes, float scale, float zero_point) {
  precise vec4 difference = values_of(codes, uvec4(zero_point)) * scale;
  difference = difference - x;
  precise vec4 square = difference * difference;
  return square;
}

#endif  // PARE_GROUP_SCALES_GLSL_
