#version 450
#extension GL_GOOGLE_include_directive : require
#define ELEMENT_F32
#include "channels.glsl"
#include "elements.glsl"

layout(push_constant) uniform Push { PieceConstants piece; };

READS(0, x)
WRITES(1, y)

// In blocks, as the kernels do it: on a CPU that is faster than strides over all of the tensor.
void main() {
  for (uint b = piece.first_block + gl_WorkGroupID.x; b < piece.end_block; b += gl_NumWorkGroups.x) {
    const Block block = block_at(piece, b);
    for (uint g = block.begin + gl_LocalInvocationID.x; g < block.end; g += gl_WorkGroupSize.x) y[g] = x[g];
  }
}
