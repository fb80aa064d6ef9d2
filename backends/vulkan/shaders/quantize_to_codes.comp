#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"
#include "levels.glsl"

layout(push_constant) uniform Push { PieceConstants piece; };

READS(0, x)
WRITES_OF(uint, 1, codes)
READS_OF(float, 2, inverse_step)
READS_OF(float, 3, lowest)
READS_OF(float, 4, highest)
READS_OF(int, 5, zero_point)

struct Parameters {
  vec4 inverse_step, lowest, highest;
  ivec4 zero_point;
};

Parameters parameters(uvec4 c) {
  return Parameters(PER_CHANNEL(inverse_step, c), PER_CHANNEL(lowest, c), PER_CHANNEL(highest, c),
                    PER_CHANNEL_OF(ivec4, zero_point, c));
}

void visit(uint g, Parameters p) {
  const vec4 level = nearest_level(unpack(x[g]), p.inverse_step, p.lowest, p.highest);
  codes[g] = codes_of_levels(mix(level, vec4(0), is_nan(level)), p.zero_point);
}

#include "elementwise_main.glsl"
