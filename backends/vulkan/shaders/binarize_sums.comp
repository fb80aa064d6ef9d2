#version 450
#extension GL_GOOGLE_include_directive : require
#define SUMS
#include "reductions.glsl"
#include "channel_reduction.glsl"
#include "binarize_backward.glsl"

// Whether dx is written as well: only where elements come in groups, or are floats.
layout(constant_id = 3) const uint kWriteDx = 0;

layout(push_constant) uniform Push { SectionConstants section; };

READS(0, dy)
READS(1, x)
READS_OF(float, 2, scale)
READS_OF(float, 3, threshold)
WRITES(4, dx)
WRITES_OF(REDUCE_TYPE, 5, partial)

struct Parameters {
  float scale, threshold;
};

Parameters parameters(uint c) { return Parameters(scale[0], threshold[c]); }

void visit(Place at, Parameters p, inout Lanes lanes) {
  const vec4 number = LOAD(x, at), gradient = LOAD(dy, at), greatest = vec4(p.scale);
  precise vec4 edge = greatest * p.threshold;
  precise vec4 term = gradient * (mix(vec4(0), greatest, greaterThan(number, edge)) - number);
  const bvec4 above = greaterThan(number, greatest);
  lanes.first += KEEP(mix(term, vec4(0), above), at);
  lanes.second += KEEP(mix(vec4(0), gradient, above), at);
  const vec4 positive = mix(vec4(0), gradient, greaterThan(number, vec4(0)));
  lanes.third += KEEP(mix(vec4(0), positive, lessThan(number, greatest)), at);
  if (kWriteDx != 0u) {
    const vec4 result = binarize_dx(gradient, number, p.scale);
    STORE(dx, at, result)
  }
}

#include "channel_reduction_main.glsl"
