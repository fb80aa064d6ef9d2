#version 450
#extension GL_GOOGLE_include_directive : require
// Adds counts of 32 bits to counts of 64 bits, which are two words each.
#include "elements.glsl"

layout(push_constant) uniform Push {
  uint count;
  uint first;  // of those of 64 bits
};

READS_OF(uint, 0, added)
UPDATES_OF(uvec2, 1, counts)

void main() {
  for (uint i = gl_GlobalInvocationID.x; i < count; i += GROUP_STRIDE) {
    const uvec2 before = counts[first + i];
    uint carry;
    const uint low = uaddCarry(before.x, added[i], carry);
    counts[first + i] = uvec2(low, before.y + carry);
  }
}
