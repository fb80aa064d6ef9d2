#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"

layout(constant_id = 2) const bool kSigned = false;

layout(push_constant) uniform Push { PieceConstants piece; };

READS_OF(uint, 0, codes)
WRITES(1, y)
READS_OF(float, 2, step)
READS_OF(int, 3, zero_point)

struct Parameters {
  vec4 step;
  ivec4 zero_point;
};
Parameters parameters(uvec4 c) { return Parameters(PER_CHANNEL(step, c), PER_CHANNEL_OF(ivec4, zero_point, c)); }

void visit(uint g, Parameters p) {
  const ivec4 code = kSigned ? unpack_signed_bytes(codes[g]) : ivec4(unpack_bytes(codes[g]));
  precise vec4 result = p.step * vec4(code - p.zero_point);
  y[g] = pack(result);
}

#include "elementwise_main.glsl"
