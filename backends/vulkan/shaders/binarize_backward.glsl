// shaders/binarize_backward.glsl: what the two shaders of binarize_activations_backward share: dx by itself, and the
// sums.

#ifndef PARE_BINARIZE_BACKWARD_GLSL_
#define PARE_BINARIZE_BACKWARD_GLSL_

// A NaN is on neither side, and keeps its gradient.
vec4 binarize_dx(vec4 dy, vec4 x, float scale) {
  return mix(mix(dy, vec4(0), lessThan(x, vec4(0))), vec4(0), greaterThan(x, vec4(scale)));
}

#endif  // PARE_BINARIZE_BACKWARD_GLSL_
