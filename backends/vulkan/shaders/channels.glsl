// shaders/channels.glsl: which channel an element belongs to. The host's side is elementwise.h.

#ifndef PARE_CHANNELS_GLSL_
#define PARE_CHANNELS_GLSL_

#include "divide.glsl"

// ChannelMode of elementwise.h.
layout(constant_id = 1) const uint kChannelMode = 0;
#define BLOCKS_OF_ONE_CHANNEL (kChannelMode == 0u)
#define GROUPS_OF_ONE_CHANNEL (kChannelMode != 2u)

struct PieceConstants {
  uint count;      // elements of the piece
  uint channels;   // of the layout
  uint channel;    // of the first element
  uint remainder;  // its place within its run
  uint inner_multiplier, inner_shift;
  uint channels_multiplier, channels_shift;
  uint run_groups;
  uint block_groups;
  uint first_block, end_block;
  uint blocks_multiplier, blocks_shift;
  uint stride;
};

// The channel that is `run` runs behind channel 0.
uint channel_of_run(PieceConstants piece, uint run) {
  return run - piece.channels * divide(run, piece.channels_multiplier, piece.channels_shift);
}

// The channels of the 4 elements of group g. Those behind the piece's last element are channels too.
uvec4 channels_of(PieceConstants piece, uint g) {
  const uint first = piece.remainder + 4u * g;
  if (GROUPS_OF_ONE_CHANNEL) {
    const uint run = divide(first, piece.inner_multiplier, piece.inner_shift);
    return uvec4(channel_of_run(piece, piece.channel + run));
  }
  const uvec4 run = piece.channel + divide(first + uvec4(0, 1, 2, 3), piece.inner_multiplier, piece.inner_shift);
  return run - piece.channels * divide(run, piece.channels_multiplier, piece.channels_shift);
}

// values[channel] for each of the 4, with one load where they are the same channel.
#define PER_CHANNEL(values, channel) PER_CHANNEL_OF(vec4, values, channel)
#define PER_CHANNEL_OF(type, values, channel)     \
  (GROUPS_OF_ONE_CHANNEL ? type(values[channel.x]) \
                         : type(values[channel.x], values[channel.y], values[channel.z], values[channel.w]))

// Groups of one channel: in BLOCKS_OF_ONE_CHANNEL the piece is blocks first_block to end_block - 1.
struct Block {
  uint channel;
  uint begin, end;  // groups of the piece
};
Block block_at(PieceConstants piece, uint index) {
  const uint run = divide(index, piece.blocks_multiplier, piece.blocks_shift);
  const uint blocks_of_run = (piece.run_groups + piece.block_groups - 1u) / piece.block_groups;
  const uint begin = run * piece.run_groups + (index - run * blocks_of_run) * piece.block_groups;
  const uint end = min(begin + piece.block_groups, (run + 1u) * piece.run_groups);
  const uint before = piece.remainder / 4u;
  return Block(channel_of_run(piece, piece.channel + run), max(begin, before) - before,
               min(end - before, (piece.count + 3u) / 4u));
}

#endif  // PARE_CHANNELS_GLSL_
