#version 450
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
#include "weight_formats.glsl"

// Rows and groups are of multiples of 8 elements.
layout(constant_id = 3) const bool kEights = false;

layout(push_constant) uniform Push { GroupedPiece piece; };  // of elements

READS_OF(uint, 0, codes)
READS_OF(float, 1, scales)
READS_OF(uint, 2, zero_points)  // bytes; only of kInt4Asymmetric
WRITES(3, y)

uint byte_at(uint word, uint i) { return (word >> (i % 4u * 8u)) & 0xffu; }
uint zero_point_of(uint group) {
  return kFormat == kInt4Asymmetric ? byte_at(zero_points[group / 4u], group) : 0u;
}

void write(uint g, uvec4 code, uint zero_point, float scale) {
  precise vec4 result = values_of(code, uvec4(zero_point)) * scale;
  y[g] = pack(result);
}

uvec4 unpack_codes(uint bits) { return (uvec4(bits) >> uvec4(0, 4, 8, 12)) & 15u; }

void visit_four(uint g) {
  const uint row = row_of(piece, 4u * g), column = place_in_row(piece, 4u * g, row);
  const uint group = piece.groups + row * piece.groups_of_row + group_of_column(piece, column);
  const uint byte = piece.bytes + row * piece.row_bytes + column * CODE_BITS / 8u;
  const uint word = codes[byte / 4u];
  const uvec4 code = CODE_BITS == 8u ? unpack_bytes(word) : unpack_codes(word >> (byte % 4u * 8u));
  write(g, code, zero_point_of(group), scales[group]);
}

// Elements 4 * g to 4 * g + 7, of one group.
void visit_eight(uint g) {
  const uint row = row_of(piece, 4u * g), column = place_in_row(piece, 4u * g, row);
  const uint group = piece.groups + row * piece.groups_of_row + group_of_column(piece, column);
  const uint word_index = (piece.bytes + row * piece.row_bytes + column * CODE_BITS / 8u) / 4u;
  const uint zero_point = zero_point_of(group), word = codes[word_index];
  const float scale = scales[group];
  write(g, CODE_BITS == 8u ? unpack_bytes(word) : unpack_codes(word), zero_point, scale);
  write(g + 1u, CODE_BITS == 8u ? unpack_bytes(codes[word_index + 1u]) : unpack_codes(word >> 16), zero_point, scale);
}

void visit_any(uint g) {
  uvec4 code = uvec4(0), zero_point = uvec4(0);
  vec4 scale = vec4(0);
  for (uint k = 0u; k < min(piece.count - 4u * g, 4u); ++k) {
    const uint row = row_of(piece, 4u * g + k), column = place_in_row(piece, 4u * g + k, row);
    const uint group = piece.groups + row * piece.groups_of_row + group_of_column(piece, column);
    const uint byte = piece.bytes + row * piece.row_bytes + column * CODE_BITS / 8u;
    const uint bits = byte_at(codes[byte / 4u], byte);
    code[k] = CODE_BITS == 8u ? bits : (bits >> (column % 2u * 4u)) & 15u;
    zero_point[k] = zero_point_of(group);
    scale[k] = scales[group];
  }
  precise vec4 result = values_of(code, zero_point) * scale;
  y[g] = pack(result);
}

void main() {
  if (kEights) {
    for (uint i = FIRST_GROUP; i < piece.count / 8u; i += GROUP_STRIDE) visit_eight(2u * i);
    return;
  }
  for (uint g = FIRST_GROUP; g < GROUPS(piece.count); g += GROUP_STRIDE) {
    if (kAligned) {
      visit_four(g);
    } else {
      visit_any(g);
    }
  }
}
