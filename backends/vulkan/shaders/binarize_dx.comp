#version 450
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
#include "binarize_backward.glsl"

layout(push_constant) uniform Push { uint count; };

READS(0, dy)
READS(1, x)
READS_OF(float, 2, scale)
WRITES(3, dx)

void main() {
  for (uint i = FIRST_GROUP; i < GROUPS(count); i += GROUP_STRIDE) {
    dx[i] = pack(binarize_dx(unpack(dy[i]), unpack(x[i]), scale[0]));
  }
}
