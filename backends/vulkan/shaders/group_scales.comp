#version 450
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
#include "long_sum.glsl"
#include "weight_formats.glsl"

// The first half of quantize_groups: each group's scale, its zero point as a word, and its squared error.
layout(constant_id = 3) const bool kSquaredError = false;

layout(push_constant) uniform Push { GroupedPiece piece; };  // of groups

READS(0, x)
WRITES_OF(uint, 1, scales)
WRITES_OF(uint, 2, zero_points)  // only of kInt4Asymmetric
WRITES_OF(uint, 3, squared_error)

const uint kNanBits = 0x7fc00000u;

#include "element_at.glsl"

// Elements i to i + 3; zeros from `end` on, which change neither extremes nor errors.
vec4 load(uint i, uint end) {
  if (kAligned) return unpack(x[i / 4u]);
  vec4 numbers = vec4(0);
  for (uint k = 0u; k < min(end - i, 4u); ++k) numbers[k] = element_at(i + k);
  return numbers;
}

struct Extremes {
  float low, high;
  bool has_nan;
};

Extremes extremes_of(uint begin, uint end) {
  vec4 low = vec4(0), high = vec4(0);
  bvec4 nan = bvec4(false);
  for (uint i = begin; i < end; i += 4u) {
    const vec4 numbers = load(i, end);
    low = mix(low, numbers, lessThan(numbers, low));
    high = mix(high, numbers, greaterThan(numbers, high));
    nan = notEqual(uvec4(nan) | uvec4(is_nan(numbers)), uvec4(0));
  }
  return Extremes(min(min(low.x, low.y), min(low.z, low.w)), max(max(high.x, high.y), max(high.z, high.w)), any(nan));
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

float squared_error_of(uint begin, uint end, float scale, float inverse, float zero_point) {
  Sum sum = Sum(vec4(0), vec4(0));
  for (uint i = begin; i < end; i += 4u) {
    const vec4 numbers = load(i, end);
    const uvec4 codes = codes_of(numbers, vec4(inverse), vec4(zero_point));
    precise vec4 difference = values_of(codes, uvec4(zero_point)) * scale;
    difference = difference - numbers;
    precise vec4 square = difference * difference;
    sum = add(sum, square);
  }
  return total(sum);
}

void main() {
  for (uint g = gl_GlobalInvocationID.x; g < piece.count; g += GROUP_STRIDE) {
    const uint row = row_of(piece, g), column = place_in_row(piece, g, row) * piece.group_size;
    const uint begin = piece.elements + row * piece.columns + column;
    const uint end = begin + min(piece.group_size, piece.columns - column);
    const Extremes e = extremes_of(begin, end);
    const float magnitude = max(-e.low, e.high);
    uint scale = 0u;
    if (e.has_nan || magnitude > 1329227995784915872903807060280344576.0) {  // 2^120
      scale = kNanBits;
    } else if (magnitude >= 7.888609052210118054e-31) {  // 2^-100
      scale = floatBitsToUint(scale_of(e));
    }
    const float inverse = inverse_of(scale);
    float zero_point = 0.0;
    if (kFormat == kInt4Asymmetric) {
      precise float nearest = -e.low * inverse;
      if (inverse != 0.0) zero_point = clamp(roundEven(nearest), 0.0, 15.0);
      zero_points[g] = uint(zero_point);
    }
    scales[g] = scale;
    if (kSquaredError) {
      squared_error[g] =
          scale == kNanBits
              ? kNanBits
              : floatBitsToUint(squared_error_of(begin, end, uintBitsToFloat(scale), inverse, zero_point));
    }
  }
}
