// shaders/weight_formats.glsl: weights in a few bits, as backends/weight_format.h has them, and where they lie in a
// piece of a matrix. The host's side is weight_groups.cc.

#ifndef PARE_WEIGHT_FORMATS_GLSL_
#define PARE_WEIGHT_FORMATS_GLSL_

#include "divide.glsl"
#include "elements.glsl"

// WeightFormat.
layout(constant_id = 1) const uint kFormat = 0;
const uint kInt4Symmetric = 0, kInt4Asymmetric = 1, kNf4 = 2, kFp8E4M3 = 3, kMxfp4 = 4;
// Rows and groups begin where what the shader reads at once begins.
layout(constant_id = 2) const bool kAligned = false;

#define CODE_BITS (kFormat == kFp8E4M3 ? 8u : 4u)

// A piece is some of the matrix's groups, bytes of codes, or elements, in their order: its units.
struct GroupedPiece {
  uint count;  // units
  uint first;  // the first unit's place in its row
  uint units_of_row, units_multiplier, units_shift;
  uint columns, row_bytes, groups_of_row;
  uint group_size, group_multiplier, group_shift;
  // Where the first unit's row begins in the buffers, in elements, bytes and groups; may lie before them, modulo 2^32.
  uint elements, bytes, groups;
};

uint row_of(GroupedPiece piece, uint unit) {
  return divide(piece.first + unit, piece.units_multiplier, piece.units_shift);
}
uint place_in_row(GroupedPiece piece, uint unit, uint row) { return piece.first + unit - row * piece.units_of_row; }
uint group_of_column(GroupedPiece piece, uint column) {
  return divide(column, piece.group_multiplier, piece.group_shift);
}

// Exact decimals of the floats, and the floats halfway.
const float kNf4Levels[16] = float[](-1.0, -0.69619280099868774, -0.52507305145263672, -0.39491748809814453,
                                     -0.28444138169288635, -0.18477343022823334, -0.091050036251544952, 0.0,
                                     0.079580299556255341, 0.16093020141124725, 0.24611230194568634,
                                     0.33791524171829224, 0.44070982933044434, 0.56261700391769409,
                                     0.72295683622360229, 1.0);
const float kNf4Boundaries[15] = float[](-0.84809637069702148, -0.61063289642333984, -0.45999526977539062,
                                         -0.33967941999435425, -0.23460739850997925, -0.13791173696517944,
                                         -0.045525018125772476, 0.03979014977812767, 0.120255246758461,
                                         0.2035212516784668, 0.29201376438140869, 0.38931253552436829,
                                         0.5016634464263916, 0.64278692007064819, 0.86147844791412354);

// Of two levels the one that a bit of the code chooses. Selections from the last bit to the first: a table that each
// invocation reads elsewhere is memory to many devices.
vec4 nf4_choice(int low, int high, bvec4 chosen) { return mix(vec4(kNf4Levels[low]), vec4(kNf4Levels[high]), chosen); }
vec4 nf4_levels(uvec4 codes) {
  const bvec4 bit0 = notEqual(codes & 1u, uvec4(0)), bit1 = notEqual(codes & 2u, uvec4(0));
  const bvec4 bit2 = notEqual(codes & 4u, uvec4(0)), bit3 = notEqual(codes & 8u, uvec4(0));
  const vec4 lowest = mix(nf4_choice(0, 1, bit0), nf4_choice(2, 3, bit0), bit1);
  const vec4 low = mix(nf4_choice(4, 5, bit0), nf4_choice(6, 7, bit0), bit1);
  const vec4 high = mix(nf4_choice(8, 9, bit0), nf4_choice(10, 11, bit0), bit1);
  const vec4 highest = mix(nf4_choice(12, 13, bit0), nf4_choice(14, 15, bit0), bit1);
  return mix(mix(lowest, low, bit2), mix(high, highest, bit2), bit3);
}

// 1 / x for a normal x of at most 2^125. Of the mantissa, by Newton's iterations: of a large x their corrections would be
// denormal numbers, which some devices flush.
float reciprocal(float x) {
  const uint bits = floatBitsToUint(x), sign = bits & 0x80000000u;
  const uint power = (bits & 0x7f800000u) - 0x3f800000u;  // modulo 2^32, where x is below one
  const float mantissa = uintBitsToFloat((bits & 0x007fffffu) | 0x3f800000u);
  precise float guess = uintBitsToFloat(0x7EF311C3u - floatBitsToUint(mantissa));
  for (int i = 0; i < 3; ++i) {
    precise float error = mantissa * guess;
    error = 1.0 - error;
    precise float correction = guess * error;
    guess = guess + correction;
  }
  return uintBitsToFloat((floatBitsToUint(guess) - power) | sign);
}

// What numbers of a group are multiplied by; 0 for groups of zeros, and for those that cannot be stored.
float inverse_of(uint scale_bits) {
  const uint magnitude = scale_bits & 0x7fffffffu;
  return magnitude == 0u || magnitude > 0x7f800000u ? 0.0 : reciprocal(uintBitsToFloat(scale_bits));
}

// The code of a small floating-point format: `bits` of mantissa, the least normal number is 2^least, and all numbers
// are within its range. Rounds the magnitude's integer, so that halves go to the even code.
uvec4 small_float_codes(vec4 x, int bits, int least, uint sign) {
  const uvec4 all = floatBitsToUint(x), magnitude = all & 0x7fffffffu;
  const uint shift = uint(23 - bits), normal_bits = uint(127 + least) << 23;
  const uvec4 rebiased = magnitude - (normal_bits - (1u << 23));
  const uvec4 normal = (rebiased + ((1u << (shift - 1u)) - 1u) + ((rebiased >> shift) & 1u)) >> shift;
  // A multiple of 2^(least - bits): the product is exact, or rounds to zero anyway.
  const float units = uintBitsToFloat(uint(127 + bits - least) << 23);
  const uvec4 denormal = uvec4(roundEven(uintBitsToFloat(magnitude) * units));
  return mix(normal, denormal, lessThan(magnitude, uvec4(normal_bits))) | ((all >> 31) * sign);
}

vec4 small_float_values(uvec4 codes, int bits, int least, uint sign) {
  const uvec4 magnitude = codes & (sign - 1u);
  const uvec4 normal = (magnitude << uint(23 - bits)) + ((uint(127 + least) << 23) - (1u << 23));
  const float unit = uintBitsToFloat(uint(127 + least - bits) << 23);
  const uvec4 denormal = floatBitsToUint(vec4(magnitude) * unit);
  const uvec4 value = mix(normal, denormal, lessThan(magnitude, uvec4(1u << uint(bits))));
  return uintBitsToFloat(value | mix(uvec4(0), uvec4(0x80000000u), notEqual(codes & sign, uvec4(0))));
}

// The codes of numbers of groups with these inverses and zero points.
uvec4 codes_of(vec4 x, vec4 inverse, vec4 zero_point) {
  precise vec4 scaled = x * inverse;
  scaled = mix(scaled, vec4(0), equal(inverse, vec4(0)));
  if (kFormat == kInt4Symmetric) return uvec4(ivec4(clamp(roundEven(scaled), -8.0, 7.0))) & 15u;
  if (kFormat == kInt4Asymmetric) return uvec4(clamp(roundEven(scaled) + zero_point, 0.0, 15.0));
  if (kFormat == kNf4) {
    uvec4 code = uvec4(0);
    for (int k = 0; k < 15; ++k) code += mix(uvec4(0), uvec4(1), greaterThan(scaled, vec4(kNf4Boundaries[k])));
    return code;
  }
  if (kFormat == kFp8E4M3) return small_float_codes(clamp(scaled, -448.0, 448.0), 3, -6, 0x80u);
  return small_float_codes(clamp(scaled, -6.0, 6.0), 1, 0, 8u);
}

// Four codes in 32 bits, or in the lower 16.
uint pack_codes(uvec4 c) {
  return CODE_BITS == 8u ? pack_bytes(c) : c.x | (c.y << 4) | (c.z << 8) | (c.w << 12);
}

// The numbers that codes stand for, before the scale.
vec4 values_of(uvec4 codes, uvec4 zero_point) {
  if (kFormat == kInt4Symmetric) return vec4((ivec4(codes) << 28) >> 28);
  if (kFormat == kInt4Asymmetric) return vec4(ivec4(codes) - ivec4(zero_point));
  if (kFormat == kNf4) return nf4_levels(codes);
  if (kFormat == kFp8E4M3) {
    const vec4 value = small_float_values(codes, 3, -6, 0x80u);
    return mix(value, uintBitsToFloat(uvec4(0x7fc00000u)), equal(codes & 0x7fu, uvec4(0x7fu)));
  }
  return small_float_values(codes, 1, 0, 8u);
}

#endif  // PARE_WEIGHT_FORMATS_GLSL_
