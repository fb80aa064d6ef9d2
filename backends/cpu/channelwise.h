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

// How many additions of floats a lane makes before its sum is added to others in double, or nearly so many: their
// errors stay within half of kSumTolerance.
inline constexpr int64_t kAdditions = 128;

// How many groups of a run are added up beside each other, so that additions need not wait for the one before.
constexpr int64_t chains_of(int sums) { return sums > 2 ? 2 : 4; }

// How the runs of a tensor are cut into pieces, each the terms of a partial sum of one channel: a run is cut into
// `parts` of `length` elements, or a piece is `runs` whole ones at successive outer indices.
struct RunPieces {
  int64_t parts, length, runs;
  int64_t count;  // Of each channel.
};

inline RunPieces run_pieces(const Layout& layout, int sums) {
  const int64_t step = kLanesOfGroup * chains_of(sums), longest = kAdditions * step;
  if (layout.inner > longest) {
    const int64_t parts = divide_up(layout.inner, longest);
    return {parts, longest, 1, layout.outer * parts};
  }
  // What does not fill a step goes into one lane twice.
  const int64_t runs = std::max<int64_t>(1, kAdditions / (layout.inner / step + 2));
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
inline int64_t partial_sums(const Layout& layout, int sums) {
  if (layout.size() == 0) return 0;
  if (!is_periodic(layout)) return run_pieces(merged(layout), sums).count;
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
