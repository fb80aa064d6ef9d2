#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"
#include "masks.glsl"

layout(push_constant) uniform Push {
  PieceConstants piece;
  uint n, m, inner;
  uint before;  // groups of x in front of the piece: channels of the same N:M group reach beyond it
};

READS(0, x)
WRITES_OF(uint, 1, mask)

// Integers that order as magnitudes do; all NaNs are equal, and above all else.
#if defined(ELEMENT_F32)
uvec4 keys_of(Group group) { return min(floatBitsToUint(group) & 0x7fffffffu, uvec4(0x7f800001u)); }
uint key_at(uint element) { return min(floatBitsToUint(x[element / 4u][element % 4u]) & 0x7fffffffu, 0x7f800001u); }
#else
#if defined(ELEMENT_F16)
const uint kNan = 0x7c01u;
#else
const uint kNan = 0x7f81u;
#endif
uvec4 keys_of(Group group) { return min(unpack_16(group) & 0x7fffu, uvec4(kNan)); }
uint key_at(uint element) {
  const uint word = x[element / 4u][element / 2u % 2u];
  return min((word >> (element % 2u * 16u)) & 0x7fffu, kNan);
}
#endif

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
  const uint own = key_at(element), first = channel / m * m, end = min(first + m, piece.channels);
  uint at = element - (channel - first) * inner, rank = 0u;
  for (uint other = first; other < end; ++other, at += inner) {
    if (key_at(at) >= own + (other < channel ? 0u : 1u)) ++rank;
  }
  return rank;
}

void visit(uint g, Parameters p) {
  uvec4 rank = uvec4(0);
  if (GROUPS_OF_ONE_CHANNEL) {
    rank = ranks_of_one_channel(g, p.channel.x);
  } else {
    // Behind the piece's end there are no channels to look at.
    const uint count = min(piece.count - 4u * g, 4u);
    for (uint i = 0u; i < count; ++i) rank[i] = rank_of(4u * (before + g) + i, p.channel[i]);
  }
  mask[g] = mask_word(lessThan(rank, uvec4(n)));
}

#include "elementwise_main.glsl"
