#version 450
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"

// Words that are bytes, four into one.
layout(push_constant) uniform Push { uint count; };

READS_OF(uvec4, 0, words)
WRITES_OF(uint, 1, bytes)

void main() {
  for (uint i = FIRST_GROUP; i < GROUPS(count); i += GROUP_STRIDE) bytes[i] = pack_bytes(words[i]);
}
