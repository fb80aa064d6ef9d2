// shaders/magnitude_keys.glsl: integers that order as magnitudes do; all NaNs are equal, and above all else.

#ifndef PARE_MAGNITUDE_KEYS_GLSL_
#define PARE_MAGNITUDE_KEYS_GLSL_

#include "elements.glsl"

#if defined(ELEMENT_F32)
const uint kMagnitude = 0x7fffffffu, kNan = 0x7f800001u;
uvec4 group_bits(Group group) { return floatBitsToUint(group); }
#else
#if defined(ELEMENT_F16)
const uint kMagnitude = 0x7fffu, kNan = 0x7c01u;
#else
const uint kMagnitude = 0x7fffu, kNan = 0x7f81u;
#endif
uvec4 group_bits(Group group) { return unpack_16(group); }
#endif

uvec4 keys_of(Group group) { return min(group_bits(group) & kMagnitude, uvec4(kNan)); }
uint key_of_bits(uint bits) { return min(bits & kMagnitude, kNan); }

#endif  // PARE_MAGNITUDE_KEYS_GLSL_
