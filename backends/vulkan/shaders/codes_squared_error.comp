#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"
#include "levels.glsl"
#include "long_sum.glsl"

#define REDUCE_TYPE float
float combine(float a, float b) { return a + b; }
#include "reduce.glsl"

// Adds the piece's part of quantize_to_codes's squared error, a workgroup for each channel.
layout(push_constant) uniform Push {
  PieceConstants piece;
  uint inner;
};

READS(0, x)
READS_OF(float, 1, step)
READS_OF(float, 2, inverse_step)
READS_OF(float, 3, lowest)
READS_OF(float, 4, highest)
UPDATES_OF(float, 5, squared_error)

#include "element_at.glsl"

// The numbers of a channel, in their order: number k is element element_of(k) of the piece, for k in [begin, end).
struct Numbers {
  uint first_run, begin, end;
};

Numbers numbers_of(uint channel) {
  // Places count from where the piece's first run begins.
  const uint first_run = channel_of_run(piece, channel + piece.channels - piece.channel);
  const uint end_place = piece.remainder + piece.count;
  if (first_run * inner >= end_place) return Numbers(0u, 0u, 0u);
  const uint last_run = divide(end_place - 1u, piece.inner_multiplier, piece.inner_shift);
  const uint more_runs = divide(last_run - first_run, piece.channels_multiplier, piece.channels_shift);
  const uint begin_of_last = (first_run + more_runs * piece.channels) * inner;
  return Numbers(first_run, first_run == 0u ? piece.remainder : 0u,
                 more_runs * inner + min(inner, end_place - begin_of_last));
}

uint element_of(Numbers numbers, uint k) {
  const uint run = divide(k, piece.inner_multiplier, piece.inner_shift);
  return (numbers.first_run + run * piece.channels) * inner + (k - run * inner) - piece.remainder;
}

void main() {
  for (uint c = gl_WorkGroupID.x; c < piece.channels; c += gl_NumWorkGroups.x) {
    const Numbers numbers = numbers_of(c);
    const float channel_step = step[c];
    const vec4 inverse = vec4(inverse_step[c]), low = vec4(lowest[c]), high = vec4(highest[c]);
    Sum sum = Sum(vec4(0), vec4(0));
    for (uint k = numbers.begin + gl_LocalInvocationID.x; k < numbers.end; k += 4u * gl_WorkGroupSize.x) {
      vec4 number = vec4(0);  // of which the error is none
      for (uint i = 0u; i < 4u && k + i * gl_WorkGroupSize.x < numbers.end; ++i) {
        number[i] = element_at(element_of(numbers, k + i * gl_WorkGroupSize.x));
      }
      const vec4 level = nearest_level(number, inverse, low, high);
      precise vec4 difference = mix(level, vec4(0), is_nan(level)) * channel_step;
      difference = difference - number;
      precise vec4 square = difference * difference;
      sum = add(sum, square);
    }
    const float all = reduce_workgroup(total(sum));
    if (gl_LocalInvocationIndex == 0u) squared_error[c] += all;
  }
}
