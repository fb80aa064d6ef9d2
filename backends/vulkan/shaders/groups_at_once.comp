#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "elements.glsl"
#include "group_scales.glsl"
#include "long_sum.glsl"

// All of quantize_groups for groups that a few invocations of a subgroup hold: each number is read once. Rows are whole
// groups, and groups have kLanes * 32 numbers.
layout(constant_id = 3) const bool kSquaredError = false;
layout(constant_id = 4) const uint kLanes = 1;  // invocations of a group, a power of two; 1 without SUBGROUPS

layout(push_constant) uniform Push { GroupedPiece piece; };  // of groups

READS(0, x)
WRITES_OF(uint, 1, scales)
WRITES_OF(uint, 2, zero_points)  // only of kInt4Asymmetric
WRITES_OF(uint, 3, squared_error)
WRITES_OF(uint, 4, codes)

const uint kHeld = 8u;  // fours of numbers of an invocation
#define FOURS_OF_WORD (CODE_BITS == 8u ? 1u : 2u)

// Neighbours of a subgroup have neighbouring indices, which gl_GlobalInvocationID does not promise.
uint first_index() {
#ifdef SUBGROUPS
  return (gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID) * gl_SubgroupSize + gl_SubgroupInvocationID;
#else
  return gl_GlobalInvocationID.x;
#endif
}

// Of all invocations of a group. They are all active: a group's indices begin at a multiple of kLanes.
Extremes of_group(Extremes e) {
#ifdef SUBGROUPS
  for (uint step = kLanes / 2u; step > 0u; step /= 2u) {
    const vec3 mine = vec3(-e.low, e.high, e.has_nan ? 1 : 0), all = max(mine, subgroupShuffleXor(mine, step));
    e = Extremes(-all.x, all.y, all.z != 0.0);
  }
#endif
  return e;
}
float sum_of_group(float value) {
#ifdef SUBGROUPS
  for (uint step = kLanes / 2u; step > 0u; step /= 2u) value += subgroupShuffleXor(value, step);
#endif
  return value;
}

void main() {
  for (uint i = first_index(); i < piece.count * kLanes; i += GROUP_STRIDE) {
    const uint g = i / kLanes, lane = i % kLanes, row = row_of(piece, g), group = place_in_row(piece, g, row);
    const uint column = group * piece.group_size;
    // The invocations of a group take its words of codes in turn.
    const uint first_four = (piece.elements + row * piece.columns + column) / 4u + lane * FOURS_OF_WORD;
    const uint first_word = (piece.bytes + row * piece.row_bytes + column * CODE_BITS / 8u) / 4u + lane;
    vec4 numbers[kHeld];
    LaneExtremes lanes = no_extremes();
    for (uint k = 0u; k < kHeld; ++k) {
      numbers[k] = unpack(x[first_four + k / FOURS_OF_WORD * (kLanes * FOURS_OF_WORD) + k % FOURS_OF_WORD]);
      extend(lanes, numbers[k]);
    }
    const Extremes extremes = of_group(fold(lanes));
    const uint scale = scale_bits_of(extremes);
    const float inverse = inverse_of(scale), zero_point = zero_point_of(extremes, inverse);
    Sum sum = Sum(vec4(0), vec4(0));
    uint word = 0u;
    for (uint k = 0u; k < kHeld; ++k) {
      const uvec4 code = codes_of(numbers[k], vec4(inverse), vec4(zero_point));
      if (kSquaredError) sum = add(sum, squares_of_errors(numbers[k], code, uintBitsToFloat(scale), zero_point));
      word |= pack_codes(code) << (k % FOURS_OF_WORD * 16u);
      if (k % FOURS_OF_WORD == FOURS_OF_WORD - 1u) {
        codes[first_word + k / FOURS_OF_WORD * kLanes] = word;
        word = 0u;
      }
    }
    const float error = kSquaredError ? sum_of_group(total(sum)) : 0.0;
    if (lane != 0u) continue;
    const uint place = piece.groups + row * piece.groups_of_row + group;
    scales[place] = scale;
    if (kFormat == kInt4Asymmetric) zero_points[place] = uint(zero_point);
    if (kSquaredError) squared_error[place] = scale == kNanBits ? kNanBits : floatBitsToUint(error);
  }
}
