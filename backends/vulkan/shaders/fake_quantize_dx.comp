#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"
#include "fake_quantize_backward.glsl"

layout(push_constant) uniform Push { PieceConstants piece; };

READS(0, dy)
READS(1, x)
READS_OF(float, 2, step)
READS_OF(float, 3, lowest)
READS_OF(float, 4, highest)
WRITES(5, dx)

struct Parameters {
  vec4 step, lowest, highest;
};

Parameters parameters(uvec4 c) {
  return Parameters(PER_CHANNEL(step, c), PER_CHANNEL(lowest, c), PER_CHANNEL(highest, c));
}

void visit(uint g, Parameters p) {
  const vec4 number = unpack(x[g]);
  dx[g] = pack(fake_quantize_dx(unpack(dy[g]), is_above(number, p.step, p.highest), is_below(number, p.step, p.lowest)));
}

#include "elementwise_main.glsl"
