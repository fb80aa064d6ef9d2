#version 450
#extension GL_GOOGLE_include_directive : require
#define MOMENTS
#include "reductions.glsl"
#include "channel_reduction.glsl"

layout(push_constant) uniform Push { SectionConstants section; };

READS(0, x)
WRITES_OF(REDUCE_TYPE, 1, partial)

shared float sums[256];

float sum_of_lanes(vec4 lanes) { return (lanes.x + lanes.y) + (lanes.z + lanes.w); }

// Of all invocations that share a piece, for each of them.
float sum_of_piece(float mine) {
  if (COLUMNS) return mine;
  const uint index = gl_LocalInvocationIndex;
  barrier();
  sums[index] = mine;
  for (uint step = gl_WorkGroupSize.x / 2u; step > 0u; step /= 2u) {
    barrier();
    if (index < step) sums[index] += sums[index + step];
  }
  barrier();
  return sums[0];
}

// A piece is read twice: for its mean, then for the distances to it. An invocation adds up to 32 squares of at most
// 2^122 in each lane, which a float just holds, before it takes their share of the piece.
void main() {
  for (uint i = FIRST_SPAN; i < section.channels * section.pieces; i += SPAN_STRIDE) {
    const Span span = span_at(section, i);
    vec4 sum = vec4(0), square = vec4(0);
    uvec4 counted = uvec4(0);
    for (uint unit = span.begin; unit < span.end; unit += span.step) {
      const Place at = place_at(section, span, unit);
      sum += KEEP(LOAD(x, at), at);
      counted += uvec4(at.valid);
    }
    const float count = sum_of_piece(sum_of_lanes(vec4(counted)));
    const float mean = sum_of_piece(sum_of_lanes(sum)) / count;
    for (uint unit = span.begin; unit < span.end; unit += span.step) {
      const Place at = place_at(section, span, unit);
      const vec4 distance = KEEP(LOAD(x, at) - mean, at);
      square += distance * distance;
    }
    const float variance = sum_of_piece(sum_of_lanes(square / count));
    if (COLUMNS || gl_LocalInvocationIndex == 0u) partial[span.result] = vec4(mean, variance, count, 0);
  }
}
