// backends/cpu/partition.h: cuts a tensor into pieces for threads and for the trees of sums.
//
// Elementwise kernels go over spans (contiguous elements of one channel) with for_each_span. Reductions go over pieces
// (about kPieceSize elements of one channel) with for_each_piece: how a tensor is cut depends on its layout alone,
// never on the threads, so a sum of pieces is always the same. A tensor with channels as its fastest dimension
// (inner == 1) has no spans worth the name: kernels go over blocks of its rows instead, channels side by side, with
// for_each_row_block.

#ifndef PARE_BACKENDS_CPU_PARTITION_H_
#define PARE_BACKENDS_CPU_PARTITION_H_

#include <algorithm>
#include <cstdint>

#include "backends/kernel_backend.h"

namespace pare::backends::cpu {

// What is too little to be worth another thread, in elements: some ten microseconds of work.
inline constexpr int64_t kGrain = 32768;
// At most so many numbers go into a partial sum (of floats, over 16 lanes: 128 additions a lane, then 4, whose errors
// stay within half of kSumTolerance).
inline constexpr int64_t kPieceSize = 2048;
inline constexpr int64_t kRowsOfBlock = 128;

inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Whether channels are the fastest dimension.
inline bool has_channel_rows(const Layout& layout) { return layout.inner == 1 && layout.channels > 1; }

// One channel has no need of an outer dimension: one long run instead.
inline Layout merged(const Layout& layout) { return layout.channels == 1 ? Layout::per_tensor(layout.size()) : layout; }

// Calls visit(first, length, channel) for contiguous elements of one channel, all elements once, from many threads.
template <typename Visit>
void for_each_span(const Execution& execution, const Layout& any_layout, const Visit& visit) {
  const Layout layout = merged(any_layout);
  if (layout.size() == 0) return;
  const int64_t spans_of_run = divide_up(layout.inner, kGrain);
  const int64_t grain = std::max<int64_t>(1, kGrain / layout.inner);
  execution.parallel_for(0, layout.outer * layout.channels * spans_of_run, grain, [&](int64_t begin, int64_t end) {
    for (int64_t span = begin; span < end; ++span) {
      const int64_t run = span / spans_of_run, start = span % spans_of_run * kGrain;
      visit(run * layout.inner + start, std::min(kGrain, layout.inner - start), run % layout.channels);
    }
  });
}

// `spans` contiguous runs of one channel, each of `length` elements, the first at `first`, `stride` apart.
struct Piece {
  int64_t channel, first, stride, spans, length;
};

// How many pieces each channel has.
inline int64_t pieces_of_channel(const Layout& any_layout) {
  const Layout layout = merged(any_layout);
  if (layout.size() == 0) return 0;
  return layout.inner >= kPieceSize ? layout.outer * divide_up(layout.inner, kPieceSize)
                                    : divide_up(layout.outer, kPieceSize / layout.inner);
}

// Calls visit(index, piece) for all pieces, from many threads; piece k of channel c has the index k * channels + c.
template <typename Visit>
void for_each_piece(const Execution& execution, const Layout& any_layout, const Visit& visit) {
  const Layout layout = merged(any_layout);
  const int64_t pieces = pieces_of_channel(layout);
  if (pieces == 0) return;
  const int64_t row = layout.channels * layout.inner;
  const int64_t typical_size = std::max<int64_t>(1, layout.size() / (layout.channels * pieces));
  const int64_t grain = std::max<int64_t>(1, kGrain / typical_size);
  execution.parallel_for(0, layout.channels * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t visited = begin; visited < end; ++visited) {
      if (layout.inner >= kPieceSize) {
        // In the order of memory, which is read ahead.
        const int64_t pieces_of_run = divide_up(layout.inner, kPieceSize);
        const int64_t run = visited / pieces_of_run, start = visited % pieces_of_run * kPieceSize;
        const int64_t outer = run / layout.channels, channel = run % layout.channels;
        const int64_t k = outer * pieces_of_run + visited % pieces_of_run;
        visit(k * layout.channels + channel, Piece{channel, outer * row + channel * layout.inner + start, 0, 1,
                                                   std::min(kPieceSize, layout.inner - start)});
      } else {
        const int64_t k = visited / layout.channels, channel = visited % layout.channels;
        const int64_t runs = kPieceSize / layout.inner, outer = k * runs;
        visit(visited, Piece{channel, outer * row + channel * layout.inner, row, std::min(runs, layout.outer - outer),
                             layout.inner});
      }
    }
  });
}

// How many blocks of rows a tensor with channel rows has.
inline int64_t row_blocks(const Layout& layout) { return divide_up(layout.outer, kRowsOfBlock); }

// results[c] = the sum of the partial sums terms[k * channels + c], k in [0, count), in double.
inline void add_terms(const float* terms, int64_t count, int64_t channels, float* results) {
  for (int64_t channel = 0; channel < channels; ++channel) {
    double sum = 0;
    for (int64_t k = 0; k < count; ++k) sum += terms[k * channels + channel];
    results[channel] = static_cast<float>(sum);
  }
}

// Calls visit(block, first_row, rows) for all blocks, from many threads.
template <typename Visit>
void for_each_row_block(const Execution& execution, const Layout& layout, const Visit& visit) {
  const int64_t grain = std::max<int64_t>(1, kGrain / (kRowsOfBlock * layout.channels));
  execution.parallel_for(0, row_blocks(layout), grain, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kRowsOfBlock;
      visit(block, first, std::min(kRowsOfBlock, layout.outer - first));
    }
  });
}

}  // namespace pare::backends::cpu

#endif  // PARE_BACKENDS_CPU_PARTITION_H_
