#version 450
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
#include "group_scales.glsl"
#include "long_sum.glsl"

// The first half of quantize_groups: each group's scale, its zero point as a word, and its squared error.
layout(constant_id = 3) const bool kSquaredError = false;

layout(push_constant) uniform Push { GroupedPiece piece; };  // of groups

READS(0, x)
WRITES_OF(uint, 1, scales)
WRITES_OF(uint, 2, zero_points)  // only of kInt4Asymmetric
WRITES_OF(uint, 3, squared_error)

// Elements i to i + 3; zeros from `end` on, which change neither extremes nor errors.
vec4 load(uint i, uint end) {
  if (kAligned) return unpack(x[i / 4u]);
  vec4 numbers = vec4(0);
  for (uint k = 0u; k < min(end - i, 4u); ++k) numbers[k] = ELEMENT(x, i + k);
  return numbers;
}

float squared_error_of(uint begin, uint end, float scale, float inverse, float zero_point) {
  Sum sum = Sum(vec4(0), vec4(0));
  for (uint i = begin; i < end; i += 4u) {
    const vec4 numbers = load(i, end);
    const uvec4 codes = codes_of(numbers, vec4(inverse), vec4(zero_point));
    sum = add(sum, squares_of_errors(numbers, codes, scale, zero_point));
  }
  return total(sum);
}

void main() {
  for (uint g = gl_GlobalInvocationID.x; g < piece.count; g += GROUP_STRIDE) {
    const uint row = row_of(piece, g), group = place_in_row(piece, g, row), column = group * piece.group_size;
    const uint begin = piece.elements + row * piece.columns + column;
    const uint end = begin + min(piece.group_size, piece.columns - column);
    LaneExtremes lanes = no_extremes();
    for (uint i = begin; i < end; i += 4u) extend(lanes, load(i, end));
    const Extremes extremes = fold(lanes);
    const uint scale = scale_bits_of(extremes), place = piece.groups + row * piece.groups_of_row + group;
    const float inverse = inverse_of(scale), zero_point = zero_point_of(extremes, inverse);
    scales[place] = scale;
    if (kFormat == kInt4Asymmetric) zero_points[place] = uint(zero_point);
    if (kSquaredError) {
      squared_error[place] =
          scale == kNanBits
              ? kNanBits
              : floatBitsToUint(squared_error_of(begin, end, uintBitsToFloat(scale), inverse, zero_point));
    }
  }
}
