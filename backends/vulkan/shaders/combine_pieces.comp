#version 450
#extension GL_GOOGLE_include_directive : require
// The second part of a reduction over channels: the values of a channel's pieces become fewer, or the result.
#include "reductions.glsl"
#include "keys.glsl"

// 1: an invocation takes a channel; else a workgroup takes a piece of one.
layout(constant_id = 1) const uint kColumns = 0;
// 0: values of fewer pieces; else the results, in one of two ways.
layout(constant_id = 2) const uint kResults = 0;

layout(push_constant) uniform Push {
  uint channels;
  uint values;  // of a channel; the same one of all channels lie side by side
  uint pieces;  // of a channel
  uint piece;   // values of a piece
};

READS_OF(REDUCE_TYPE, 0, partial)
WRITES_OF(REDUCE_TYPE, 1, fewer)
#if defined(COUNTS)
WRITES_OF(uvec2, 2, count)

void write_results(uint channel, uvec2 value) { count[channel] = value; }
#else
WRITES_OF(float, 2, first)
WRITES_OF(float, 3, second)
WRITES_OF(float, 4, third)

#if defined(SUMS)
void write_results(uint channel, vec4 value) {
  first[channel] = value.x;
  second[channel] = kResults == 2u ? sqrt(value.y) : value.y;
  third[channel] = value.z;
}
#elif defined(EXTREMES)
void write_results(uint channel, uvec2 value) {
  const float least = value.x == 0u ? ANY_NAN : number_of_key(value.x);
  const float greatest = value.y == 0xffffffffu ? ANY_NAN : number_of_key(value.y);
  if (kResults == 1u) {
    first[channel] = least;
    second[channel] = greatest;
  } else {
    first[channel] = value == nothing() ? 0.0 : greatest;
  }
}
#elif defined(MOMENTS)
void write_results(uint channel, vec4 value) {
  first[channel] = value.z == 0.0 ? ANY_NAN : value.x;
  second[channel] = value.z == 0.0 ? ANY_NAN : value.y;
}
#endif
#endif

void write(uint channel, uint piece_index, REDUCE_TYPE value) {
  if (kResults != 0u) {
    write_results(channel, value);
  } else {
    fewer[piece_index * channels + channel] = value;
  }
}

void main() {
  if (kColumns != 0u) {
    for (uint channel = gl_GlobalInvocationID.x; channel < channels; channel += GROUP_STRIDE) {
      REDUCE_TYPE value = nothing();
      for (uint i = 0u; i < values; ++i) value = combine(value, partial[i * channels + channel]);
      write(channel, 0u, value);
    }
    return;
  }
  for (uint i = gl_WorkGroupID.x; i < channels * pieces; i += gl_NumWorkGroups.x) {
    const uint piece_index = i / channels, channel = i - piece_index * channels;
    const uint end = min((piece_index + 1u) * piece, values);
    REDUCE_TYPE value = nothing();
    for (uint j = piece_index * piece + gl_LocalInvocationIndex; j < end; j += gl_WorkGroupSize.x) {
      value = combine(value, partial[j * channels + channel]);
    }
    value = reduce_workgroup(value);
    if (gl_LocalInvocationIndex == 0u) write(channel, piece_index, value);
  }
}
