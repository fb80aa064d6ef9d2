// shaders/reductions.glsl: the kinds of values that a reduction over channels makes. One of them is defined for the
// shader:
//
//   SUMS      three sums
//   EXTREMES  the least and the greatest number, as keys: integers in the same order, NaN outside of all others
//   MOMENTS   mean, mean square distance to it, and how many numbers they are of
//   COUNTS    an integer of 64 bits, in two words
//
// REDUCE_TYPE is such a value, nothing() the one of no numbers, combine() that of two parts together. Lanes are four of
// them, one for each element of a place (channel_reduction.glsl): no_lanes() and fold() begin and end with them.

#ifndef PARE_REDUCTIONS_GLSL_
#define PARE_REDUCTIONS_GLSL_

#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "elements.glsl"

#define ANY_NAN uintBitsToFloat(0x7fc00000u)

#if defined(SUMS)
#define REDUCE_TYPE vec4
vec4 nothing() { return vec4(0); }
vec4 combine(vec4 a, vec4 b) { return a + b; }

struct Lanes {
  vec4 first, second, third;
};
Lanes no_lanes() { return Lanes(vec4(0), vec4(0), vec4(0)); }
vec4 fold(Lanes l) {
  return vec4((l.first.x + l.first.y) + (l.first.z + l.first.w), (l.second.x + l.second.y) + (l.second.z + l.second.w),
              (l.third.x + l.third.y) + (l.third.z + l.third.w), 0);
}

#elif defined(EXTREMES)
#define REDUCE_TYPE uvec2
const uint kKeyOfInfinity = 0xff800000u, kKeyOfMinusInfinity = 0x007fffffu;
uvec2 nothing() { return uvec2(kKeyOfInfinity, kKeyOfMinusInfinity); }
uvec2 combine(uvec2 a, uvec2 b) { return uvec2(min(a.x, b.x), max(a.y, b.y)); }

struct Lanes {
  uvec4 least, greatest;
};
Lanes no_lanes() { return Lanes(uvec4(kKeyOfInfinity), uvec4(kKeyOfMinusInfinity)); }
uvec2 fold(Lanes l) {
  return uvec2(min(min(l.least.x, l.least.y), min(l.least.z, l.least.w)),
               max(max(l.greatest.x, l.greatest.y), max(l.greatest.z, l.greatest.w)));
}

#elif defined(MOMENTS)
#define REDUCE_TYPE vec4
vec4 nothing() { return vec4(0); }
// Weights instead of sums, so that nothing overflows.
vec4 combine(vec4 a, vec4 b) {
  if (a.z == 0.0) return b;
  if (b.z == 0.0) return a;
  const float n = a.z + b.z, of_a = a.z / n, of_b = b.z / n, distance = a.x - b.x;
  return vec4(of_a * a.x + of_b * b.x, of_a * a.y + of_b * b.y + (distance * of_a) * (distance * of_b), n, 0);
}

#elif defined(COUNTS)
#define REDUCE_TYPE uvec2
uvec2 nothing() { return uvec2(0); }
uvec2 combine(uvec2 a, uvec2 b) {
  uint carry;
  const uint low = uaddCarry(a.x, b.x, carry);
  return uvec2(low, a.y + b.y + carry);
}

struct Lanes {
  uvec4 count;
};
Lanes no_lanes() { return Lanes(uvec4(0)); }
uvec2 fold(Lanes l) { return uvec2((l.count.x + l.count.y) + (l.count.z + l.count.w), 0); }
#endif

#include "reduce.glsl"

#endif  // PARE_REDUCTIONS_GLSL_
