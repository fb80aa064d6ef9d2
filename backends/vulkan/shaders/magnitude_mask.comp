#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"
#include "masks.glsl"

// What is wanted; the buffers of the others are not touched.
layout(constant_id = 2) const bool kScaled = false;
layout(constant_id = 3) const bool kMask = false;
layout(constant_id = 4) const bool kY = false;

layout(push_constant) uniform Push {
  PieceConstants piece;
  float threshold;
};

READS(0, x)
READS_OF(float, 1, scale)
WRITES_OF(uint, 2, mask)
WRITES(3, y)

struct Parameters {
  vec4 scale;
};

Parameters parameters(uvec4 c) { return Parameters(kScaled ? PER_CHANNEL(scale, c) : vec4(1)); }

void visit(uint g, Parameters p) {
  const Group group = x[g];
  precise vec4 magnitude = uintBitsToFloat(floatBitsToUint(unpack(group)) & 0x7fffffffu);
  if (kScaled) magnitude = magnitude * p.scale;
  // A NaN is not removed: the comparison as it stands, for its inverse need not be false for a NaN.
  const bvec4 kept = equal(mix(uvec4(0), uvec4(1), lessThanEqual(magnitude, vec4(threshold))), uvec4(0));
  if (kMask) mask[g] = mask_word(kept);
  if (kY) y[g] = kept_only(group, kept);
}

#include "elementwise_main.glsl"
