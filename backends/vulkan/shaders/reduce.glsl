// shaders/reduce.glsl: one value out of all invocations of a workgroup, along a fixed tree.
//
//   #define REDUCE_TYPE vec2
//   vec2 combine(vec2 a, vec2 b) { return vec2(min(a.x, b.x), max(a.y, b.y)); }
//   #include "reduce.glsl"
//   ...
//   const vec2 all = reduce_workgroup(mine);
//   if (gl_LocalInvocationIndex == 0u) partial[gl_WorkGroupID.x] = all;
//
// combine() is associative up to rounding; REDUCE_TYPE is a scalar or vector. Every invocation of the workgroup calls
// it, outside of any branch, and only invocation 0 gets the result. A second call is allowed. With SUBGROUPS defined
// values move within subgroups (for plan().subgroups: they are full, and their size is a power of two), else through
// shared memory: two variants of one shader. A tree that is fixed gives the same sum on every run.

#ifndef PARE_REDUCE_GLSL_
#define PARE_REDUCE_GLSL_

// As many as the largest local size that a plan has.
shared REDUCE_TYPE reduce_values[256];

#ifdef SUBGROUPS

REDUCE_TYPE reduce_subgroup(REDUCE_TYPE value) {
  for (uint step = gl_SubgroupSize / 2u; step > 0u; step /= 2u) value = combine(value, subgroupShuffleXor(value, step));
  return value;
}

REDUCE_TYPE reduce_workgroup(REDUCE_TYPE value) {
  value = reduce_subgroup(value);
  // A device of software keeps all that an invocation has at a barrier.
  if (gl_WorkGroupSize.x == gl_SubgroupSize) return value;
  barrier();
  if (gl_SubgroupInvocationID == 0u) reduce_values[gl_SubgroupID] = value;
  barrier();
  if (gl_LocalInvocationIndex == 0u) {
    for (uint i = 1u; i < gl_NumSubgroups; ++i) value = combine(value, reduce_values[i]);
  }
  return value;
}

#else

REDUCE_TYPE reduce_workgroup(REDUCE_TYPE value) {
  const uint mine = gl_LocalInvocationIndex;
  barrier();
  reduce_values[mine] = value;
  for (uint step = gl_WorkGroupSize.x / 2u; step > 0u; step /= 2u) {
    barrier();
    if (mine < step) reduce_values[mine] = combine(reduce_values[mine], reduce_values[mine + step]);
  }
  barrier();
  return reduce_values[0];
}

#endif

#endif  // PARE_REDUCE_GLSL_
