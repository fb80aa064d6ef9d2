// shaders/channels.glsl: which channel an element belongs to. The host's side is elementwise.h.

#ifndef PARE_CHANNELS_GLSL_
#define PARE_CHANNELS_GLSL_

// channel_mode() of elementwise.h.
layout(constant_id = 1) const uint kChannelMode = 0;
#define ONE_CHANNEL (kChannelMode == 0u)

struct PieceConstants {
  uint count;      // elements of the piece
  uint channels;   // of the layout
  uint channel;    // of the first element
  uint remainder;  // its place within its run
  uint inner_multiplier, inner_shift;
  uint channels_multiplier, channels_shift;
};

// n / divisor for n < 2^31, as elementwise.h's fast_divisor() made it.
uint divide(uint n, uint multiplier, uint shift) {
  uint high, low;
  umulExtended(2u * n, multiplier, high, low);
  return high >> shift;
}
uvec4 divide(uvec4 n, uint multiplier, uint shift) {
  uvec4 high, low;
  umulExtended(2u * n, uvec4(multiplier), high, low);
  return high >> shift;
}

// The channel of the piece's element i.
uint channel_of(PieceConstants piece, uint i) {
  if (kChannelMode == 0u) return 0u;
  const uint run = piece.channel + divide(piece.remainder + i, piece.inner_multiplier, piece.inner_shift);
  return run - piece.channels * divide(run, piece.channels_multiplier, piece.channels_shift);
}

// The channels of the 4 elements of group i. Those behind the piece's last element are channels too.
uvec4 channels_of(PieceConstants piece, uint i) {
  if (kChannelMode != 2u) return uvec4(channel_of(piece, 4u * i));
  const uvec4 element = piece.remainder + 4u * i + uvec4(0, 1, 2, 3);
  const uvec4 run = piece.channel + divide(element, piece.inner_multiplier, piece.inner_shift);
  return run - piece.channels * divide(run, piece.channels_multiplier, piece.channels_shift);
}

// values[channel] for each of the 4, with one load where they are the same channel.
#define PER_CHANNEL(values, channel) \
  (kChannelMode != 2u ? vec4(values[channel.x]) \
                      : vec4(values[channel.x], values[channel.y], values[channel.z], values[channel.w]))

#endif  // PARE_CHANNELS_GLSL_
