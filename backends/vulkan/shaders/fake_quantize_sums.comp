#version 450
#extension GL_GOOGLE_include_directive : require
#define SUMS
#include "reductions.glsl"
#include "channel_reduction.glsl"
#include "fake_quantize_backward.glsl"

// Whether dx is written as well: only where elements come in groups, or are floats.
layout(constant_id = 3) const uint kWriteDx = 0;

layout(push_constant) uniform Push { SectionConstants section; };

READS(0, dy)
READS(1, x)
READS_OF(float, 2, step)
READS_OF(float, 3, lowest)
READS_OF(float, 4, highest)
READS_OF(float, 5, inverse_step)
WRITES(6, dx)
WRITES_OF(REDUCE_TYPE, 7, partial)

struct Parameters {
  float step, lowest, highest, inverse_step;
};

Parameters parameters(uint c) { return Parameters(step[c], lowest[c], highest[c], inverse_step[c]); }

void visit(Place at, Parameters p, inout Lanes lanes) {
  const vec4 number = LOAD(x, at), gradient = LOAD(dy, at);
  const vec4 lowest = vec4(p.lowest), highest = vec4(p.highest);
  precise vec4 level = roundEven(number * p.inverse_step);
  level = mix(level, lowest, lessThan(level, lowest));
  level = mix(level, highest, greaterThan(level, highest));
  precise vec4 y = level * p.step;
  precise vec4 term = gradient * (y - number);
  const bvec4 above = is_above(number, vec4(p.step), highest), below = is_below(number, vec4(p.step), lowest);
  lanes.first += KEEP(mix(mix(term, vec4(0), above), vec4(0), below), at);
  lanes.second += KEEP(mix(vec4(0), gradient, above), at);
  lanes.third += KEEP(mix(vec4(0), gradient, below), at);
  if (kWriteDx != 0u) {
    const vec4 result = fake_quantize_dx(gradient, above, below);
    STORE(dx, at, result)
  }
}

#include "channel_reduction_main.glsl"
