#version 450
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
#include "channel_reduction.glsl"
#include "histogram.glsl"
#include "keys.glsl"

layout(push_constant) uniform Push {
  SectionConstants section;
  CountsConstants counts;
};

READS(0, x)
UPDATES_OF(uint, 1, added)
READS_OF(float, 2, low)
READS_OF(float, 3, high)
READS_OF(float, 4, width)
READS_OF(float, 5, inverse_width)

struct Parameters {
  float low, high, width, inverse_width;
};
Parameters parameters(uint c) { return Parameters(low[c], high[c], width[c], inverse_width[c]); }

uvec4 bins_of(vec4 numbers, Parameters p) {
  const vec4 last = vec4(float(counts.size - 3u));
  precise vec4 position = (numbers - p.low) * p.inverse_width;
  const vec4 bin = trunc(mix(last, position, lessThan(position, last)));
  precise vec4 offset = bin * p.width;
  precise vec4 edge = p.low + offset;
  uvec4 result = 1u + uvec4(bin) - uvec4(lessThan(numbers, edge));
  result = mix(result, uvec4(counts.size - 1u), greaterThan(numbers, vec4(p.high)));
  result = mix(result, uvec4(0), lessThan(numbers, vec4(p.low)));
  return mix(result, uvec4(NO_BIN), is_nan(numbers));
}

#include "histogram_main.glsl"
