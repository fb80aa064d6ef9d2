#version 450
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"

layout(push_constant) uniform Push { uint count; };

READS(0, x)
WRITES(1, y)

void main() {
  for (uint i = FIRST_GROUP; i < GROUPS(count); i += GROUP_STRIDE) y[i] = pack(-unpack(x[i]));
}
