#version 450
#extension GL_GOOGLE_include_directive : require
#define ELEMENT_F32
#include "elements.glsl"

layout(constant_id = 1) const uint kTimes = 1;
layout(push_constant) uniform Push {
  uint count;
  float number;
};

UPDATES(0, x)

void main() {
  for (uint i = FIRST_GROUP; i < GROUPS(count); i += GROUP_STRIDE) x[i] += float(kTimes) * number;
}
