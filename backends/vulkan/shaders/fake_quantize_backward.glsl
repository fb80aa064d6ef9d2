// shaders/fake_quantize_backward.glsl: what the two shaders of fake_quantize_backward share: dx by itself, and the sums.

#ifndef PARE_FAKE_QUANTIZE_BACKWARD_GLSL_
#define PARE_FAKE_QUANTIZE_BACKWARD_GLSL_

// Neither above nor below: inside, a NaN too.
bvec4 is_above(vec4 x, vec4 step, vec4 highest) {
  precise vec4 edge = step * highest;
  return greaterThan(x, edge);
}
bvec4 is_below(vec4 x, vec4 step, vec4 lowest) {
  precise vec4 edge = step * lowest;
  return lessThan(x, edge);
}

vec4 fake_quantize_dx(vec4 dy, bvec4 above, bvec4 below) { return mix(mix(dy, vec4(0), above), vec4(0), below); }

#endif  // PARE_FAKE_QUANTIZE_BACKWARD_GLSL_
