#version 450
#extension GL_GOOGLE_include_directive : require
#define SUMS
#include "reductions.glsl"
#include "channel_reduction.glsl"

layout(push_constant) uniform Push { SectionConstants section; };

READS(0, x)
WRITES_OF(REDUCE_TYPE, 1, partial)

struct Parameters {
  uint none;
};
Parameters parameters(uint channel) { return Parameters(0u); }

void visit(Place at, Parameters p, inout Lanes lanes) {
  const vec4 number = KEEP(LOAD(x, at), at);
  precise vec4 square = number * number;
  lanes.first += abs(number);
  lanes.second += square;
}

#include "channel_reduction_main.glsl"
