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

// After how many elements of a periodic tensor the channels of its groups repeat. At least four groups, so that as many
// sums are on their way at once; no more than the tensor has.
inline int64_t period_of(const Layout& layout) {
  int64_t period = std::lcm(layout.channels * layout.inner, kLanesOfGroup);
  while (period < 4 * kLanesOfGroup) period *= 2;
  return std::min(period, divide_up(layout.size(), kLanesOfGroup) * kLanesOfGroup);
}

// How many periods are summed in float, place by place, before their sums are added in double: few enough for
// kSumTolerance, enough that the second step costs little, and not so many that blocks are too few for the threads.
inline int64_t periods_of_block(int64_t period) {
  constexpr int64_t kBlockSize = 131072;
  return std::clamp<int64_t>(kBlockSize / period, 16, 128);
}

// How many partial sums a channel has.
inline int64_t partial_sums(const Layout& layout) {
  if (layout.size() == 0) return 0;
  if (!is_periodic(layout)) return pieces_of_channel(layout);
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
