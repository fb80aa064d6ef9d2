// shaders/masks.glsl: masks of a byte an element, of a group of 4 elements a word.

#ifndef PARE_MASKS_GLSL_
#define PARE_MASKS_GLSL_

#include "elements.glsl"

uint mask_word(bvec4 kept) { return pack_bytes(mix(uvec4(0), uvec4(1), kept)); }
bvec4 mask_bits(uint word) { return notEqual(unpack_bytes(word), uvec4(0)); }

// x where it is kept, else zero. As bits: a denormal number stays as it is on every device.
Group kept_only(Group x, bvec4 kept) {
#if defined(ELEMENT_F32)
  return uintBitsToFloat(mix(uvec4(0), floatBitsToUint(x), kept));
#else
  return x & pack_16(mix(uvec4(0), uvec4(0xffffu), kept));
#endif
}

#endif  // PARE_MASKS_GLSL_
