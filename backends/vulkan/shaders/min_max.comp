#version 450
#extension GL_GOOGLE_include_directive : require
#define EXTREMES
#include "reductions.glsl"
#include "channel_reduction.glsl"
#include "keys.glsl"

// 1: of the magnitudes.
layout(constant_id = 3) const uint kMagnitudes = 0;

layout(push_constant) uniform Push { SectionConstants section; };

READS(0, x)
WRITES_OF(REDUCE_TYPE, 1, partial)

struct Parameters {
  uint none;
};
Parameters parameters(uint channel) { return Parameters(0u); }

void visit(Place at, Parameters p, inout Lanes lanes) {
  vec4 number = LOAD(x, at);
  if (kMagnitudes != 0u) number = uintBitsToFloat(floatBitsToUint(number) & 0x7fffffffu);
  const uvec4 key = ordered_key(number);
  const bvec4 nan = is_nan(number);
  lanes.least = mix(lanes.least, min(lanes.least, mix(key, uvec4(0), nan)), at.valid);
  lanes.greatest = mix(lanes.greatest, max(lanes.greatest, mix(key, uvec4(0xffffffffu), nan)), at.valid);
}

#include "channel_reduction_main.glsl"
