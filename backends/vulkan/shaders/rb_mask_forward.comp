#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"
#include "exponential.glsl"
#include "masks.glsl"
#include "philox.glsl"

// What is wanted; the buffers of the others are not touched.
layout(constant_id = 2) const bool kRandom = false;
layout(constant_id = 3) const bool kMask = false;
layout(constant_id = 4) const bool kY = false;

layout(push_constant) uniform Push {
  PieceConstants piece;
  uint first_block_low, first_block_high;  // of random words: the piece's first
  uint seed_low, seed_high, draw_low, draw_high;
};

READS(0, w)
READS_OF(vec4, 1, logits)
WRITES_OF(uint, 2, mask)
WRITES(3, y)

struct Parameters {
  uint none;
};
Parameters parameters(uvec4 c) { return Parameters(0u); }

bvec4 is_kept(uint g) {
  const vec4 logit = logits[g];
  if (!kRandom) return greaterThan(logit, vec4(0));
  uint carry;
  const uint low = uaddCarry(first_block_low, g, carry);
  const RandomStream stream = RandomStream(uvec2(seed_low, seed_high), uvec2(draw_low, draw_high));
  const vec4 u = uniform_number(philox_block(stream, uvec2(low, first_block_high + carry)));
  precise vec4 odds = (1.0 - u) * exponential(-logit);
  const uvec4 kept = mix(uvec4(0), uvec4(1), greaterThan(u, odds));
  return notEqual(mix(kept, uvec4(0), is_nan(logit)), uvec4(0));
}

void visit(uint g, Parameters p) {
  const bvec4 kept = is_kept(g);
  if (kMask) mask[g] = mask_word(kept);
  if (kY) y[g] = kept_only(w[g], kept);
}

#include "elementwise_main.glsl"
