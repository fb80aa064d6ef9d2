#version 450
#extension GL_GOOGLE_include_directive : require
#define SUMS
#include "reductions.glsl"
#include "channel_reduction.glsl"
#include "levels.glsl"

// The squared error of quantize_to_codes.

// Whether the codes are written as well: only where elements come in groups.
layout(constant_id = 3) const uint kWriteCodes = 0;

layout(push_constant) uniform Push { SectionConstants section; };

READS(0, x)
READS_OF(float, 1, step)
READS_OF(float, 2, inverse_step)
READS_OF(float, 3, lowest)
READS_OF(float, 4, highest)
READS_OF(int, 5, zero_point)
WRITES_OF(uint, 6, codes)
WRITES_OF(REDUCE_TYPE, 7, partial)

struct Parameters {
  float step, inverse_step, lowest, highest;
  int zero_point;
};

Parameters parameters(uint c) { return Parameters(step[c], inverse_step[c], lowest[c], highest[c], zero_point[c]); }

void visit(Place at, Parameters p, inout Lanes lanes) {
  const vec4 number = LOAD(x, at);
  const vec4 nearest = nearest_level(number, vec4(p.inverse_step), vec4(p.lowest), vec4(p.highest));
  const vec4 level = mix(nearest, vec4(0), is_nan(nearest));
  precise vec4 difference = level * p.step;
  difference = difference - number;
  precise vec4 square = difference * difference;
  lanes.first += KEEP(square, at);
  if (kWriteCodes != 0u) codes[at.group] = codes_of_levels(level, ivec4(p.zero_point));
}

#include "channel_reduction_main.glsl"
