// backends/cuda/arguments.h: what the host tells a kernel about a tensor's layout, and the states that kernels keep
// between two launches: for sources of both sides.
//
//   const Elementwise elements = elementwise(layout, sizeof(T), {x, y});       // launch_plan.h
//   launch_elementwise<T>(call, sources::masks, "apply_mask", elements, x, mask, y);
//
// Plain structs, compiled by the host's compiler and by the device's: the same members in the same places.

#ifndef PARE_BACKENDS_CUDA_ARGUMENTS_H_
#define PARE_BACKENDS_CUDA_ARGUMENTS_H_

#include <cstdint>

#include "backends/fast_divisor.h"

namespace pare::backends::cuda {

// A block never has more threads.
inline constexpr uint32_t kMaxThreads = 256;

// A divisor for numbers below 2^31, and, where is_small is false, for all.
struct Divider {
  uint64_t divisor;
  FastDivisor fast;
  bool is_small;  // the numbers are, and the divisor
};

// A tensor of which each element is computed by itself, in groups of 16 bytes.
struct Elementwise {
  uint64_t size;
  uint32_t channels;
  Divider inner;  // elements of a run of one channel
  Divider runs;   // the channels again: a run's number modulo them is its channel
  bool is_of_one_channel;
  bool has_whole_groups;  // a group is of one channel
  bool is_aligned;        // every tensor lies at a multiple of 16 bytes
};

// A tensor whose channels are reduced to a state each, in pieces that the layout alone fixes.
//
// By runs: a block goes over a piece of one channel; a unit is a group of 16 bytes, or an element where runs are not
// whole groups. By columns, where runs are short: the tensor is rows of channels * inner elements; a unit is a group or
// an element of a row, of which a block takes `width` side by side and goes down the rows of a piece.
struct Reduction {
  uint64_t outer, inner;
  uint32_t channels;
  bool by_columns;
  bool in_groups;
  bool is_aligned;  // every tensor lies at a multiple of 16 bytes
  uint32_t threads;
  uint64_t pieces;
  // By runs.
  uint64_t units;         // of a channel
  uint64_t units_of_run;  // that lie side by side
  uint64_t units_of_piece;
  // By columns.
  uint64_t units_of_row;
  uint32_t width, rows_at_once;
  uint64_t tiles;  // blocks side by side
  uint64_t rows_of_piece;
};

// Where the states of pieces lie, `count` of a channel: the k-th of channel c at (k / inner) * row + c * inner +
// k % inner.
struct Combination {
  uint64_t count;
  uint64_t row;
  uint32_t inner;
  uint32_t channels;
};

// The states of pieces.
template <int N>
struct SumsOfPiece {
  double of[N];
};
struct ExtremesOfPiece {
  uint32_t least, greatest;  // selection keys
};
struct MagnitudeOfPiece {
  uint32_t bits;
};
struct MomentsOfPiece {
  double sum, squares;
};
struct CountOfPiece {
  uint64_t number;
};

// QuantizationGrid of kernel_backend.h.
struct Grid {
  const float *step, *inverse_step, *lowest, *highest;
};

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_ARGUMENTS_H_
