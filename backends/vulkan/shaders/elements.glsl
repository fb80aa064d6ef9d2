// shaders/elements.glsl: tensors of float32, float16, bfloat16 or bytes, four elements at a time.
//
// A group is 4 consecutive elements: a vec4 of ELEMENT_F32, two words of ELEMENT_F16 and ELEMENT_BF16, one word of
// bytes. So no device needs 8- or 16-bit storage. One of the three is defined for the variant (glsl_library); READS,
// WRITES and UPDATES declare a tensor of that type, BYTES_... one of bytes. unpack() makes floats of a group, exactly;
// pack() rounds them, halves to even.
//
// The conversions are integer arithmetic: what a device's own do with denormal numbers and ties is its own affair.

#ifndef PARE_ELEMENTS_GLSL_
#define PARE_ELEMENTS_GLSL_

layout(local_size_x_id = 0) in;

// for (uint i = FIRST_GROUP; i < GROUPS(count); i += GROUP_STRIDE): each invocation's groups, in any size of grid.
#define FIRST_GROUP gl_GlobalInvocationID.x
#define GROUPS(count) (((count) + 3u) / 4u)
#define GROUP_STRIDE (gl_NumWorkGroups.x * gl_WorkGroupSize.x)

// The binding, and the name that the shader gives the groups of the tensor. Of any type, without packing.
#define READS_OF(type, binding_number, name) \
  layout(std430, set = 0, binding = binding_number) readonly buffer name##_block { type name[]; };
#define WRITES_OF(type, binding_number, name) \
  layout(std430, set = 0, binding = binding_number) writeonly buffer name##_block { type name[]; };
#define UPDATES_OF(type, binding_number, name) \
  layout(std430, set = 0, binding = binding_number) buffer name##_block { type name[]; };

#if defined(ELEMENT_F32)
#define Group vec4
#elif defined(ELEMENT_F16) || defined(ELEMENT_BF16)
#define Group uvec2
#endif
#define READS(binding_number, name) READS_OF(Group, binding_number, name)
#define WRITES(binding_number, name) WRITES_OF(Group, binding_number, name)
#define UPDATES(binding_number, name) UPDATES_OF(Group, binding_number, name)

// x + 0 as the reference has it: a negative zero becomes positive. Compilers drop the addition.
vec4 positive_zeros(vec4 x) {
  const uvec4 bits = floatBitsToUint(x);
  return uintBitsToFloat(mix(bits, uvec4(0), equal(bits, uvec4(0x80000000u))));
}

// By the bits: where a device need not keep NaNs, compilers take isnan() for false.
bvec4 is_nan(vec4 x) { return greaterThan(floatBitsToUint(x) & 0x7fffffffu, uvec4(0x7f800000u)); }

// IEEE 754 binary16, in the low 16 bits.
uvec4 half_bits(vec4 x) {
  const uvec4 bits = floatBitsToUint(x);
  const uvec4 sign = (bits >> 16) & 0x8000u;
  const uvec4 magnitude = bits & 0x7fffffffu;
  // Normal: the exponent's bias is changed, and the 13 bits that go are rounded; a carry may end at infinity.
  const uvec4 rebiased = magnitude - 0x38000000u;
  const uvec4 normal = min((rebiased + 0xfffu + ((rebiased >> 13) & 1u)) >> 13, uvec4(0x7c00u));
  // Denormal: a multiple of 2^-24. Below the normal range the product is exact, and never denormal as a float.
  const uvec4 denormal = uvec4(roundEven(uintBitsToFloat(magnitude) * 16777216.0));
  const uvec4 nan = uvec4(0x7e00u);
  uvec4 result = mix(normal, denormal, lessThan(magnitude, uvec4(0x38800000u)));
  result = mix(result, nan, greaterThan(magnitude, uvec4(0x7f800000u)));
  return sign | result;
}

vec4 half_value(uvec4 bits) {
  const uvec4 sign = (bits & 0x8000u) << 16;
  const uvec4 magnitude = bits & 0x7fffu;
  const uvec4 normal = (magnitude << 13) + 0x38000000u;
  const uvec4 special = (magnitude << 13) | 0x7f800000u;
  const uvec4 denormal = floatBitsToUint(vec4(magnitude) * (1.0 / 16777216.0));
  uvec4 result = mix(normal, denormal, lessThan(magnitude, uvec4(0x400u)));
  result = mix(result, special, greaterThanEqual(magnitude, uvec4(0x7c00u)));
  return uintBitsToFloat(sign | result);
}

// bfloat16, in the low 16 bits.
uvec4 bfloat_bits(vec4 x) {
  const uvec4 bits = floatBitsToUint(x);
  const uvec4 rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uvec4 nan = (bits >> 16) | 0x40u;
  return mix(rounded, nan, greaterThan(bits & 0x7fffffffu, uvec4(0x7f800000u)));
}

vec4 bfloat_value(uvec4 bits) { return uintBitsToFloat(bits << 16); }

// Four numbers of 16 bits in two words, four of 8 bits in one; the first is the lowest.
uvec2 pack_16(uvec4 x) { return x.xz | (x.yw << 16); }
uvec4 unpack_16(uvec2 x) { return uvec4(x.x & 0xffffu, x.x >> 16, x.y & 0xffffu, x.y >> 16); }
uint pack_bytes(uvec4 x) { return x.x | (x.y << 8) | (x.z << 16) | (x.w << 24); }
uvec4 unpack_bytes(uint x) { return (uvec4(x) >> uvec4(0, 8, 16, 24)) & 0xffu; }
ivec4 unpack_signed_bytes(uint x) { return (ivec4(x) << ivec4(24, 16, 8, 0)) >> 24; }

#if defined(ELEMENT_F32)
vec4 unpack(vec4 group) { return group; }
vec4 pack(vec4 x) { return x; }
#elif defined(ELEMENT_F16)
vec4 unpack(uvec2 group) { return half_value(unpack_16(group)); }
uvec2 pack(vec4 x) { return pack_16(half_bits(x)); }
#elif defined(ELEMENT_BF16)
vec4 unpack(uvec2 group) { return bfloat_value(unpack_16(group)); }
uvec2 pack(vec4 x) { return pack_16(bfloat_bits(x)); }
#endif

// One element, wherever it lies: SINGLE its bits, unpack_single() the numbers of four such, ELEMENT its number.
#if defined(ELEMENT_F32)
#define SINGLE(name, e) floatBitsToUint(name[(e) >> 2][(e) & 3u])
vec4 unpack_single(uvec4 bits) { return uintBitsToFloat(bits); }
#elif defined(ELEMENT_F16) || defined(ELEMENT_BF16)
#define SINGLE(name, e) ((name[(e) >> 2][((e) >> 1) & 1u] >> (16u * ((e) & 1u))) & 0xffffu)
#if defined(ELEMENT_F16)
vec4 unpack_single(uvec4 bits) { return half_value(bits); }
#else
vec4 unpack_single(uvec4 bits) { return bfloat_value(bits); }
#endif
#endif
#define ELEMENT(name, e) unpack_single(uvec4(SINGLE(name, e))).x

#endif  // PARE_ELEMENTS_GLSL_
