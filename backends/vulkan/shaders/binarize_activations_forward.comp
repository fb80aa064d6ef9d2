#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"

layout(push_constant) uniform Push { PieceConstants piece; };

READS(0, x)
WRITES(1, y)
READS_OF(float, 2, scale)  // one number
READS_OF(float, 3, threshold)

struct Parameters {
  vec4 scale, bound;
};

Parameters parameters(uvec4 c) {
  precise vec4 bound = scale[0] * PER_CHANNEL(threshold, c);
  return Parameters(vec4(scale[0]), bound);
}

void visit(uint g, Parameters p) {
  const vec4 number = unpack(x[g]);
  const vec4 binarized = mix(vec4(0), p.scale, greaterThan(number, p.bound));
  y[g] = pack(mix(binarized, number, is_nan(number)));
}

#include "elementwise_main.glsl"
