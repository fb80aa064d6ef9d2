#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"

layout(push_constant) uniform Push { PieceConstants piece; };

READS(0, x)
WRITES(1, y)
READS_OF(float, 2, scale)

struct Parameters {
  vec4 scale;
};
Parameters parameters(uvec4 c) { return Parameters(PER_CHANNEL(scale, c)); }

void visit(uint g, Parameters p) {
  const vec4 number = unpack(x[g]);
  const vec4 binarized = mix(-p.scale, p.scale, greaterThan(number, vec4(0)));
  y[g] = pack(mix(binarized, number, is_nan(number)));
}

#include "elementwise_main.glsl"
