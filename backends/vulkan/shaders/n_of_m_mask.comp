#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"
#include "magnitude_keys.glsl"
#include "masks.glsl"

// Masks of N:M sparsity, for any channels: an element looks at all of its group. n_of_m_places.comp is faster where it
// can be used.

// m, 2 or 4, where elements that lie side by side are of one group of channels, and 4 that begin at a multiple of 4 of
// whole ones; else 0.
layout(constant_id = 2) const uint kSideBySide = 0;

layout(push_constant) uniform Push {
  PieceConstants piece;
  uint n, m, inner;
  uint before;  // groups of x in front of the piece: channels of the same N:M group reach beyond it
};

READS(0, x)
WRITES_OF(uint, 1, mask)

struct Parameters {
  uvec4 channel;
};
Parameters parameters(uvec4 channel) { return Parameters(channel); }

// Those of the same group of channels that come first: greater ones, and equal ones in front.
uvec4 ranks_of_one_channel(uint g, uint channel) {
  const uvec4 own = keys_of(x[before + g]);
  const uint first = channel / m * m, end = min(first + m, piece.channels);
  uint at = before + g - (channel - first) * (inner / 4u);
  uvec4 rank = uvec4(0);
  for (uint other = first; other < end; ++other, at += inner / 4u) {
    const uvec4 bound = own + (other < channel ? 0u : 1u);
    rank += mix(uvec4(0), uvec4(1), greaterThanEqual(keys_of(x[at]), bound));
  }
  return rank;
}

uint rank_of(uint element, uint channel) {
  const uint own = key_of_bits(SINGLE(x, element)), first = channel / m * m, end = min(first + m, piece.channels);
  uint at = element - (channel - first) * inner, rank = 0u;
  for (uint other = first; other < end; ++other, at += inner) {
    if (key_of_bits(SINGLE(x, at)) >= own + (other < channel ? 0u : 1u)) ++rank;
  }
  return rank;
}

// Of four channels that lie side by side, in whole groups of channels.
uvec4 ranks_side_by_side(uint g) {
  const uvec4 key = keys_of(x[before + g]);
  const uvec4 one = uvec4(1), none = uvec4(0);
  if (kSideBySide == 2u) return mix(none, one, greaterThanEqual(key.yxwz, key + uvec4(1, 0, 1, 0)));
  return mix(none, one, greaterThanEqual(key.yzwx, key + uvec4(1, 1, 1, 0))) +
         mix(none, one, greaterThanEqual(key.zwxy, key + uvec4(1, 1, 0, 0))) +
         mix(none, one, greaterThanEqual(key.wxyz, key + uvec4(1, 0, 0, 0)));
}

void visit(uint g, Parameters p) {
  uvec4 rank = uvec4(0);
  if (kSideBySide != 0u) {
    rank = ranks_side_by_side(g);
  } else if (GROUPS_OF_ONE_CHANNEL) {
    rank = ranks_of_one_channel(g, p.channel.x);
  } else {
    // Behind the piece's end there are no channels to look at.
    const uint count = min(piece.count - 4u * g, 4u);
    for (uint i = 0u; i < count; ++i) rank[i] = rank_of(4u * (before + g) + i, p.channel[i]);
  }
  mask[g] = mask_word(lessThan(rank, uvec4(n)));
}

#include "elementwise_main.glsl"
