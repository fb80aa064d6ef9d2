// backends/cpu/channelwise.h: how the kernels of channelwise-inl.h go over a tensor, as far as its layout tells.
//
// Long runs of a channel are gone over run by run. Where a run is shorter than a group of lanes (channels last,
// depthwise filters) a tensor is one long row of groups whose channels repeat after a period instead: no short ends,
// and memory is read from front to back.

#ifndef PARE_BACKENDS_CPU_CHANNELWISE_H_
#define PARE_BACKENDS_CPU_CHANNELWISE_H_

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "backends/cpu/partition.h"
#include "backends/kernel_backend.h"

namespace pare::backends::cpu {

inline constexpr int64_t kLanesOfGroup = 16;

// Not without elements.
inline bool is_periodic(const Layout& layout) {
  return layout.channels > 1 && layout.inner > 0 && layout.inner < kLanesOfGroup;
}

// Sums are made in three steps: in each lane of a few groups side by side, about kAdditions numbers in float; then the
// lanes of kChunksOfPiece such chunks, in float too; then their sums in double (add_terms). Together the errors stay
// well within kSumTolerance, which is 256 times that of one addition.
inline constexpr int64_t kAdditions = 128;
inline constexpr int64_t kChunksOfPiece = 8;

// How many groups of a run are added up beside each other, so that additions need not wait for the one before.
inline constexpr int64_t kChains = 2;

// How the runs of a tensor are cut into chunks, each of one channel: a run is cut into `parts` of `length` elements, or
// a chunk is `runs` whole ones at successive outer indices.
struct RunChunks {
  int64_t parts, length, runs;
  int64_t count;  // Of each channel.

  // A piece is kChunksOfPiece successive chunks, and has one partial sum.
  int64_t pieces() const { return divide_up(count, kChunksOfPiece); }
};

inline RunChunks run_chunks(const Layout& layout) {
  constexpr int64_t kStep = kLanesOfGroup * kChains, kLongest = kAdditions * kStep;
  if (layout.inner > kLongest) {
    const int64_t parts = divide_up(layout.inner, kLongest);
    return {parts, kLongest, 1, layout.outer * parts};
  }
  // What is left of a run after its steps is at most two additions more to the first of the chains.
  const int64_t runs = std::max<int64_t>(1, kAdditions / (layout.inner / kStep + 2));
  return {1, layout.inner, runs, divide_up(layout.outer, runs)};
}

// After how many elements of a periodic tensor the channels of its groups repeat: some dozens of groups, but no more
// than the tensor has.
inline int64_t period_of(const Layout& layout) {
  constexpr int64_t kShortest = 32 * kLanesOfGroup;
  int64_t period = std::lcm(layout.channels * layout.inner, kLanesOfGroup);
  if (period < kShortest) period *= divide_up(kShortest, period);
  return std::min(period, divide_up(layout.size(), kLanesOfGroup) * kLanesOfGroup);
}

// How many periods are summed in float, place by place, before their sums are added in double: no fewer than make that
// second step cheap, nor so many that there are too few blocks for the threads.
inline int64_t periods_of_block(int64_t period) {
  constexpr int64_t kBlockSize = 131072;
  return std::clamp<int64_t>(kBlockSize / period, 16, kAdditions);
}

// How many partial sums a channel has.
inline int64_t partial_sums(const Layout& layout) {
  if (layout.size() == 0) return 0;
  if (!is_periodic(layout)) return run_chunks(merged(layout)).pieces();
  const int64_t period = period_of(layout);
  return divide_up(layout.size(), period * periods_of_block(period));
}

// Calls visit(place, channel) for every place of a period.
template <typename Visit>
void for_each_place(const Layout& layout, int64_t period, const Visit& visit) {
  for (int64_t place = 0; place < period;) {
    for (int64_t channel = 0; channel < layout.channels && place < period; ++channel) {
      for (int64_t inner = 0; inner < layout.inner && place < period; ++inner) visit(place++, channel);
    }
  }
}

// A number a channel as one a place of the period.
inline std::vector<float> repeated_over_period(const Layout& layout, int64_t period, const float* numbers) {
  std::vector<float> result(period);
  for_each_place(layout, period, [&](int64_t place, int64_t channel) { result[place] = numbers[channel]; });
  return result;
}

}  // namespace pare::backends::cpu

#endif  // PARE_BACKENDS_CPU_CHANNELWISE_H_
