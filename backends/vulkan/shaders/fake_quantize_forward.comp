#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"
#include "levels.glsl"

layout(push_constant) uniform Push { PieceConstants piece; };

READS(0, x)
WRITES(1, y)
READS_OF(float, 2, step)
READS_OF(float, 3, inverse_step)
READS_OF(float, 4, lowest)
READS_OF(float, 5, highest)

struct Parameters {
  vec4 step, inverse_step, lowest, highest;
};

Parameters parameters(uvec4 c) {
  return Parameters(PER_CHANNEL(step, c), PER_CHANNEL(inverse_step, c), PER_CHANNEL(lowest, c),
                    PER_CHANNEL(highest, c));
}

void visit(uint g, Parameters p) {
  precise vec4 result = nearest_level(unpack(x[g]), p.inverse_step, p.lowest, p.highest) * p.step;
  y[g] = pack(positive_zeros(result));
}

#include "elementwise_main.glsl"
