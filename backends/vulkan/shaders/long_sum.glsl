// shaders/long_sum.glsl: a sum of any number of floats that are not negative, by one invocation, four side by side: off
// by a few units in the last place (Kahan 1965).

#ifndef PARE_LONG_SUM_GLSL_
#define PARE_LONG_SUM_GLSL_

struct Sum {
  vec4 sum, excess;  // excess: by how much the sum is too large
};

Sum add(Sum before, vec4 number) {
  precise vec4 term = number - before.excess;
  precise vec4 sum = before.sum + term;
  precise vec4 excess = sum - before.sum;
  excess = excess - term;
  // An infinite sum has none.
  const bvec4 is_infinite = greaterThanEqual(floatBitsToUint(sum) & 0x7fffffffu, uvec4(0x7f800000u));
  return Sum(sum, mix(excess, vec4(0), is_infinite));
}

float total(Sum s) {
  precise float result = (s.sum.x + s.sum.y) + (s.sum.z + s.sum.w);
  return result;
}

#endif  // PARE_LONG_SUM_GLSL_
