// shaders/exponential.glsl: the exponential of backends/exponential.h, but for NaN, which is none of its arguments.

#ifndef PARE_EXPONENTIAL_GLSL_
#define PARE_EXPONENTIAL_GLSL_

vec4 exponential(vec4 x) {
  precise vec4 cut = mix(x, vec4(-80), lessThan(x, vec4(-80)));
  cut = mix(cut, vec4(80), greaterThan(cut, vec4(80)));
  precise vec4 n = roundEven(cut * 1.44269504);
  precise vec4 high = n * 0.693359375, low = n * -2.12194440e-4;
  precise vec4 r = (cut - high) - low;
  precise vec4 square = r * r;
  precise vec4 d = r * 0.00831243023, b = r * 0.166671187;
  precise vec4 upper = d + 0.0418909863, lower = b + 0.499992251, first = r + 1.0;
  precise vec4 sum = upper * square;
  sum = sum + lower;
  sum = sum * square;
  sum = sum + first;
  precise vec4 result = sum * intBitsToFloat((ivec4(n) + 127) << 23);
  return result;
}

#endif  // PARE_EXPONENTIAL_GLSL_
