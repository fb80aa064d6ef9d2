#version 450
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"

layout(push_constant) uniform Push { uint count; };

UPDATES(0, packed)
UPDATES_OF(uvec4, 1, bits)
layout(constant_id = 1) const uint kPack = 0;

void main() {
  for (uint i = FIRST_GROUP; i < GROUPS(count); i += GROUP_STRIDE) {
    if (kPack == 1u) {
      packed[i] = pack(uintBitsToFloat(bits[i]));
    } else {
      bits[i] = floatBitsToUint(unpack(packed[i]));
    }
  }
}
