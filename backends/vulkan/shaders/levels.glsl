// shaders/levels.glsl: the level of a quantizer that is nearest.

#ifndef PARE_LEVELS_GLSL_
#define PARE_LEVELS_GLSL_

#include "elements.glsl"

// clamp(round(x * inverse_step), lowest, highest); NaN for NaN.
vec4 nearest_level(vec4 x, vec4 inverse_step, vec4 lowest, vec4 highest) {
  precise vec4 level = roundEven(x * inverse_step);
  level = mix(level, lowest, lessThan(level, lowest));
  return mix(level, highest, greaterThan(level, highest));
}

// The stored bytes of four levels, none of them NaN.
uint codes_of_levels(vec4 level, ivec4 zero_point) {
  return pack_bytes(uvec4(ivec4(level) + zero_point) & 0xffu);
}

#endif  // PARE_LEVELS_GLSL_
