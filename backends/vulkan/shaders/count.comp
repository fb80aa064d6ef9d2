#version 450
#extension GL_GOOGLE_include_directive : require
#define COUNTS
#include "reductions.glsl"
#include "channel_reduction.glsl"
#include "keys.glsl"

// 0: the zeros, else the numbers above the threshold.
layout(constant_id = 3) const uint kAbove = 0;

layout(push_constant) uniform Push {
  SectionConstants section;
  uint threshold;  // its key; of a NaN the greatest one
};

READS(0, x)
WRITES_OF(REDUCE_TYPE, 1, partial)

struct Parameters {
  uint none;
};
Parameters parameters(uint channel) { return Parameters(0u); }

// By integers: a device that flushes denormal numbers counts them as well.
void visit(Place at, Parameters p, inout Lanes lanes) {
  const vec4 number = LOAD(x, at);
  const uvec4 key = mix(ordered_key(number), uvec4(0), is_nan(number));
  const uvec4 counted = kAbove == 0u ? uvec4(equal(key, uvec4(0x80000000u))) : uvec4(greaterThan(key, uvec4(threshold)));
  lanes.count += mix(uvec4(0), counted, at.valid);
}

#include "channel_reduction_main.glsl"
