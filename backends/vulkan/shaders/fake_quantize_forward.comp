#version 450
#extension GL_GOOGLE_include_directive : require
#include "channels.glsl"
#include "elements.glsl"

layout(push_constant) uniform Push { PieceConstants piece; };

READS(0, x)
WRITES(1, y)
READS_OF(float, 2, step)
READS_OF(float, 3, inverse_step)
READS_OF(float, 4, lowest)
READS_OF(float, 5, highest)

Group fake_quantized(Group group, vec4 step, vec4 inverse_step, vec4 lowest, vec4 highest) {
  precise vec4 level = roundEven(unpack(group) * inverse_step);
  level = mix(level, lowest, lessThan(level, lowest));
  level = mix(level, highest, greaterThan(level, highest));
  precise vec4 result = level * step;
  return pack(positive_zeros(result));
}

void main() {
  if (ONE_CHANNEL) {
    const vec4 s = vec4(step[0]), i = vec4(inverse_step[0]), l = vec4(lowest[0]), h = vec4(highest[0]);
    for (uint g = FIRST_GROUP; g < GROUPS(piece.count); g += GROUP_STRIDE) y[g] = fake_quantized(x[g], s, i, l, h);
    return;
  }
  for (uint g = FIRST_GROUP; g < GROUPS(piece.count); g += GROUP_STRIDE) {
    const uvec4 c = channels_of(piece, g);
    y[g] = fake_quantized(x[g], PER_CHANNEL(step, c), PER_CHANNEL(inverse_step, c), PER_CHANNEL(lowest, c),
                          PER_CHANNEL(highest, c));
  }
}
