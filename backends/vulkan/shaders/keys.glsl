// shaders/keys.glsl: numbers as unsigned integers in the same order, as backends/selection_key.h has them.

#ifndef PARE_KEYS_GLSL_
#define PARE_KEYS_GLSL_

// Of a NaN some key. -0 has the key of 0.
uvec4 ordered_key(vec4 x) {
  const uvec4 bits = floatBitsToUint(x);
  const uvec4 key = mix(bits + 0x80000000u, ~bits, greaterThanEqual(bits, uvec4(0x80000000u)));
  return mix(key, uvec4(0x80000000u), equal(bits, uvec4(0x80000000u)));
}

float number_of_key(uint key) { return uintBitsToFloat(key >= 0x80000000u ? key - 0x80000000u : ~key); }

#endif  // PARE_KEYS_GLSL_
