#version 450
#extension GL_GOOGLE_include_directive : require
// Sums of squared differences between channels. A workgroup takes a tile of pairs, an invocation one pair of them, and
// 32 places of the tile's channels at a time go through shared memory.
#include "elements.glsl"
#include "channel_reduction.glsl"

// Channels in a tile's two directions: their product is the local size, and each at most 16.
layout(constant_id = 3) const uint kTileRows = 1;
layout(constant_id = 4) const uint kTileColumns = 1;
// Bits: what is already in the sums counts; the sums are complete; each pair of channels is taken once, for both ways.
layout(constant_id = 5) const uint kFlags = 0;
#define ADD_TO_SUMS ((kFlags & 1u) != 0u)
#define COMPLETE ((kFlags & 2u) != 0u)
#define BOTH_WAYS ((kFlags & 4u) != 0u)

// Two blocks of channels, a for the rows of the distances and b for the columns, at the same outer and inner places.
layout(push_constant) uniform Push {
  uint a_start, b_start;        // elements of what is bound
  uint a_channels, b_channels;
  uint a_first, b_first;        // channels of the tensor
  uint inner;
  uint row;
  uint places;
  uint inner_multiplier, inner_shift;
  uint distances_start;  // where row `distances_row` begins in what is bound
  uint distances_row;
  uint channels;
};

READS(0, a)
READS(1, b)
UPDATES_OF(float, 2, distances)

const uint kChunk = 32u, kPitch = 33u;
shared float a_chunk[16u * kPitch];
shared float b_chunk[16u * kPitch];

uint element_at(uint channel, uint place) {
  const uint outer = divide(place, inner_multiplier, inner_shift);
  return outer * row + channel * inner + (place - outer * inner);
}

// Neighbouring invocations take what lies side by side.
uint channel_of(uint i, uint tile) { return COLUMNS ? i % tile : i / kChunk; }
uint place_of(uint i, uint tile) { return COLUMNS ? i / tile : i % kChunk; }

void load_chunk(uint a_channel, uint b_channel, uint place) {
  for (uint i = gl_LocalInvocationIndex; i < kTileRows * kChunk; i += gl_WorkGroupSize.x) {
    const uint channel = channel_of(i, kTileRows), of_chunk = place_of(i, kTileRows);
    float value = 0.0;
    if (a_channel + channel < a_channels && place + of_chunk < places) {
      value = ELEMENT(a, a_start + element_at(a_channel + channel, place + of_chunk));
    }
    a_chunk[channel * kPitch + of_chunk] = value;
  }
  for (uint i = gl_LocalInvocationIndex; i < kTileColumns * kChunk; i += gl_WorkGroupSize.x) {
    const uint channel = channel_of(i, kTileColumns), of_chunk = place_of(i, kTileColumns);
    float value = 0.0;
    if (b_channel + channel < b_channels && place + of_chunk < places) {
      value = ELEMENT(b, b_start + element_at(b_channel + channel, place + of_chunk));
    }
    b_chunk[channel * kPitch + of_chunk] = value;
  }
}

void write(uint i, uint j, float sum) {
  const uint index = distances_start + (i - distances_row) * channels + j;
  if (ADD_TO_SUMS) sum += distances[index];
  if (COMPLETE) sum = i == j ? 0.0 : sqrt(sum);
  distances[index] = sum;
  if (BOTH_WAYS && i != j) distances[distances_start + (j - distances_row) * channels + i] = sum;
}

void main() {
  const uint tile_columns = (b_channels + kTileColumns - 1u) / kTileColumns;
  const uint tiles = tile_columns * ((a_channels + kTileRows - 1u) / kTileRows);
  const uint my_row = gl_LocalInvocationIndex / kTileColumns, my_column = gl_LocalInvocationIndex % kTileColumns;
  for (uint tile = gl_WorkGroupID.x; tile < tiles; tile += gl_NumWorkGroups.x) {
    const uint a_channel = tile / tile_columns * kTileRows, b_channel = tile % tile_columns * kTileColumns;
    if (BOTH_WAYS && b_first + b_channel > a_first + a_channel + kTileRows - 1u) continue;
    // Sums of 32 terms, of 64 such sums, and so on: none has so many terms that it loses accuracy.
    vec4 sums = vec4(0);
    for (uint place = 0u, chunk = 1u; place < places; place += kChunk, ++chunk) {
      barrier();
      load_chunk(a_channel, b_channel, place);
      barrier();
      float sum = 0.0;
      for (uint k = 0u; k < kChunk; ++k) {
        const float difference = a_chunk[my_row * kPitch + k] - b_chunk[my_column * kPitch + k];
        precise float square = difference * difference;
        sum += square;
      }
      sums.x += sum;
      if (chunk % 64u == 0u) sums = vec4(0, sums.y + sums.x, sums.zw);
      if (chunk % 4096u == 0u) sums = vec4(0, 0, sums.z + sums.y, sums.w);
      if (chunk % 262144u == 0u) sums = vec4(0, 0, 0, sums.w + sums.z);
    }
    const uint i = a_first + a_channel + my_row, j = b_first + b_channel + my_column;
    const bool inside = a_channel + my_row < a_channels && b_channel + my_column < b_channels;
    if (inside && !(BOTH_WAYS && j > i)) write(i, j, (sums.x + sums.y) + (sums.z + sums.w));
  }
}
