#version 450
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
#include "weight_formats.glsl"

// The second half of quantize_groups: the codes, a word in one invocation, for a byte may belong to two groups.

layout(push_constant) uniform Push { GroupedPiece piece; };  // of bytes

READS(0, x)
READS_OF(uint, 1, scales)
READS_OF(uint, 2, zero_points)  // words; only of kInt4Asymmetric
WRITES_OF(uint, 3, codes)

float zero_point_of(uint group) { return kFormat == kInt4Asymmetric ? float(zero_points[group]) : 0.0; }

// Four codes from that byte on, in one group.
uint aligned_codes(uint byte) {
  const uint row = row_of(piece, byte), column = place_in_row(piece, byte, row) * (8u / CODE_BITS);
  const uint group = piece.groups + row * piece.groups_of_row + group_of_column(piece, column);
  const uint element = piece.elements + row * piece.columns + column;
  return pack_codes(
      codes_of(unpack(x[element / 4u]), vec4(inverse_of(scales[group])), vec4(zero_point_of(group))));
}

// Four codes from that byte on, wherever they belong.
uint any_codes(uint byte) {
  vec4 numbers = vec4(0), inverse = vec4(0), zero_point = vec4(0);
  bvec4 is_there = bvec4(false);
  for (uint k = 0u; k < 4u; ++k) {
    const uint own_byte = byte + k * CODE_BITS / 8u;
    if (own_byte >= piece.count) break;
    const uint row = row_of(piece, own_byte);
    const uint column = place_in_row(piece, own_byte, row) * (8u / CODE_BITS) + (CODE_BITS == 8u ? 0u : k % 2u);
    if (column >= piece.columns) continue;  // behind an odd row
    const uint group = piece.groups + row * piece.groups_of_row + group_of_column(piece, column);
    is_there[k] = true;
    numbers[k] = ELEMENT(x, piece.elements + row * piece.columns + column);
    inverse[k] = inverse_of(scales[group]);
    zero_point[k] = zero_point_of(group);
  }
  return pack_codes(mix(uvec4(0), codes_of(numbers, inverse, zero_point), is_there));
}

uint four_codes(uint byte) { return kAligned ? aligned_codes(byte) : any_codes(byte); }

void main() {
  for (uint w = gl_GlobalInvocationID.x; w < GROUPS(piece.count); w += GROUP_STRIDE) {
    uint word = four_codes(4u * w);
    if (CODE_BITS == 4u && 4u * w + 2u < piece.count) word |= four_codes(4u * w + 2u) << 16;
    codes[w] = word;
  }
}
