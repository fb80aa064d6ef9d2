// shaders/elementwise_main.glsl: main() of a kernel that handles each group of 4 elements by itself.
//
// Comes last. Before it stand the push constants with `PieceConstants piece`, struct Parameters (what a channel's
// elements share), Parameters parameters(uvec4 channel), and void visit(uint group, Parameters p).

void main() {
  if (BLOCKS_OF_ONE_CHANNEL) {
    for (uint b = piece.first_block + gl_WorkGroupID.x; b < piece.end_block; b += gl_NumWorkGroups.x) {
      const Block block = block_at(piece, b);
      const Parameters shared_by_all = parameters(uvec4(block.channel));
      for (uint g = block.begin + gl_LocalInvocationID.x; g < block.end; g += gl_WorkGroupSize.x) {
        visit(g, shared_by_all);
      }
    }
    return;
  }
  if (piece.stride > 0u) {
    if (FIRST_GROUP >= piece.stride) return;
    const Parameters same = parameters(channels_of(piece, FIRST_GROUP));
    for (uint g = FIRST_GROUP; g < GROUPS(piece.count); g += piece.stride) visit(g, same);
    return;
  }
  for (uint g = FIRST_GROUP; g < GROUPS(piece.count); g += GROUP_STRIDE) visit(g, parameters(channels_of(piece, g)));
}
