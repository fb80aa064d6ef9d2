#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "elements.glsl"

#define REDUCE_TYPE vec2
vec2 combine(vec2 a, vec2 b) { return vec2(a.x + b.x, max(a.y, b.y)); }
#include "reduce.glsl"

layout(push_constant) uniform Push { uint count; };

READS_OF(vec2, 0, x)
WRITES_OF(vec2, 1, partial)

void main() {
  vec2 mine = vec2(0, -1.0 / 0.0);
  for (uint i = gl_GlobalInvocationID.x; i < count; i += GROUP_STRIDE) mine = combine(mine, x[i]);
  const vec2 all = reduce_workgroup(mine);
  if (gl_LocalInvocationIndex == 0u) partial[gl_WorkGroupID.x] = all;
}
