#version 450
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
#include "channel_reduction.glsl"
#include "histogram.glsl"
#include "keys.glsl"

// A sum of: 1 where magnitudes are counted, 2 with a center, 4 with a scale.
layout(constant_id = 3) const uint kSelection = 0;

layout(push_constant) uniform Push {
  SectionConstants section;
  CountsConstants counts;
  uint shift;
};

READS(0, x)
UPDATES_OF(uint, 1, added)
READS_OF(uint, 2, low)
READS_OF(float, 3, center)
READS_OF(float, 4, scale)

struct Parameters {
  uint low;
  float center, scale;
};
Parameters parameters(uint c) {
  Parameters p = Parameters(low[c], 0.0, 1.0);
  if ((kSelection & 2u) != 0u) p.center = center[c];
  if ((kSelection & 4u) != 0u) p.scale = scale[c];
  return p;
}

vec4 magnitudes(vec4 x) { return uintBitsToFloat(floatBitsToUint(x) & 0x7fffffffu); }

uvec4 bins_of(vec4 numbers, Parameters p) {
  precise vec4 selected = numbers;
  if ((kSelection & 2u) != 0u) selected = selected - p.center;
  if ((kSelection & 1u) != 0u) selected = magnitudes(selected);
  if ((kSelection & 4u) != 0u) selected = selected * p.scale;
  const uvec4 key = mix(ordered_key(selected), uvec4(0xffffffffu), is_nan(selected));
  const uvec4 bin = min((key - p.low) >> shift, uvec4(counts.size - 2u));
  return mix(1u + bin, uvec4(0), lessThan(key, uvec4(p.low)));
}

#include "histogram_main.glsl"
