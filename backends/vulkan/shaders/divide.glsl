// shaders/divide.glsl: divisions by a number that the host knows.

#ifndef PARE_DIVIDE_GLSL_
#define PARE_DIVIDE_GLSL_

// n / divisor for n < 2^31, as elementwise.h's fast_divisor() made it.
uint divide(uint n, uint multiplier, uint shift) {
  uint high, low;
  umulExtended(2u * n, multiplier, high, low);
  return high >> shift;
}
uvec4 divide(uvec4 n, uint multiplier, uint shift) {
  uvec4 high, low;
  umulExtended(2u * n, uvec4(multiplier), high, low);
  return high >> shift;
}

#endif  // PARE_DIVIDE_GLSL_
