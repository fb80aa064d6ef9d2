#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"
#include "masks.glsl"

layout(push_constant) uniform Push { PieceConstants piece; };

READS(0, x)
READS_OF(uint, 1, mask)
WRITES(2, y)

struct Parameters {
  uint none;
};
Parameters parameters(uvec4 c) { return Parameters(0u); }

void visit(uint g, Parameters p) { y[g] = kept_only(x[g], mask_bits(mask[g])); }

#include "elementwise_main.glsl"
