#version 450
#extension GL_GOOGLE_include_directive : require
#include "divide.glsl"
#include "elements.glsl"
#include "magnitude_keys.glsl"
#include "masks.glsl"

// Masks of N:M sparsity, of groups of up to 4 channels: an invocation takes all channels of a group at one place, or at
// four places side by side, so that each number is read once.

// 4 where all channels begin at multiples of 4 elements; else 1, and the masks must be zeros: neighbours share words.
layout(constant_id = 1) const uint kPlaces = 4;
layout(constant_id = 2) const uint kM = 4;

// Units are kPlaces elements.
layout(push_constant) uniform Push {
  uint count;  // of units of a group's first channels
  uint n, channels;
  uint run;  // units of a channel that lie side by side
  uint run_multiplier, run_shift;
  uint groups, groups_multiplier, groups_shift;  // of channels, in a row
  uint first_group;                              // of its row
  uint row;                                      // the unit of what is bound where that row begins, modulo 2^32
};

READS(0, x)
UPDATES_OF(uint, 1, mask)

// How many keys come before each of one channel: greater ones, and equal ones in front. Where channels are missing
// their keys are zeros: those come last.
uvec4 ranks(uvec4 keys[4], uint channel) {
  uvec4 rank = uvec4(0);
  for (uint other = 0u; other < kM; ++other) {
    const uvec4 bound = keys[channel] + (other < channel ? 0u : 1u);
    rank += mix(uvec4(0), uvec4(1), greaterThanEqual(keys[other], bound));
  }
  return rank;
}

void main() {
  for (uint i = gl_GlobalInvocationID.x; i < count; i += GROUP_STRIDE) {
    const uint run_index = divide(i, run_multiplier, run_shift), index = first_group + run_index;
    const uint outer = divide(index, groups_multiplier, groups_shift), first = (index - outer * groups) * kM;
    const uint there = min(channels - first, kM);
    const uint begin = row + (outer * channels + first) * run + (i - run_index * run);
    uvec4 keys[4] = uvec4[](uvec4(0), uvec4(0), uvec4(0), uvec4(0));
    for (uint c = 0u; c < kM; ++c) {
      if (c >= there) continue;
      const uint unit = begin + c * run;
      keys[c] = kPlaces == 4u ? keys_of(x[unit]) : uvec4(key_of_bits(SINGLE(x, unit)));
    }
    for (uint c = 0u; c < kM; ++c) {
      if (c >= there) continue;
      const uint unit = begin + c * run;
      const bvec4 kept = lessThan(ranks(keys, c), uvec4(n));
      if (kPlaces == 4u) {
        mask[unit] = mask_word(kept);
      } else if (kept.x) {
        atomicOr(mask[unit >> 2], 1u << (8u * (unit & 3u)));
      }
    }
  }
}
