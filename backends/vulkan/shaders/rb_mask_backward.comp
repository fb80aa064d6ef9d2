#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"
#include "masks.glsl"

// Whether it is wanted; else its buffer is not touched, nor the mask's.
layout(constant_id = 2) const bool kDw = false;

layout(push_constant) uniform Push { PieceConstants piece; };

READS(0, dy)
READS(1, w)
READS_OF(uint, 2, mask)
WRITES(3, dw)
WRITES_OF(vec4, 4, d_logits)

struct Parameters {
  uint none;
};
Parameters parameters(uvec4 c) { return Parameters(0u); }

void visit(uint g, Parameters p) {
  const Group group = dy[g];
  precise vec4 product = unpack(group) * unpack(w[g]);
  d_logits[g] = product;
  if (kDw) dw[g] = kept_only(group, mask_bits(mask[g]));
}

#include "elementwise_main.glsl"
