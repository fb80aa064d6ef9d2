#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <vector>

#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/histogram.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

// places[i] = the count that x[i] adds to: 0 below the range, bins + 1 above, bins + 2 for NaN. Both arrays are aligned
// and `count` is rounded up to whole groups.
void places_of(const float* x, int64_t count, float low, float high, float inverse_width, int64_t bins,
               int32_t* places) {
  const Floats d;
  const hn::RebindToSigned<Floats> integers;
  const V low_vector = hn::Set(d, low), high_vector = hn::Set(d, high), width = hn::Set(d, inverse_width);
  const V last = hn::Set(d, static_cast<float>(bins - 1)), one = hn::Set(d, 1.0f);
  const V above = hn::Set(d, static_cast<float>(bins + 1)), nan = hn::Set(d, static_cast<float>(bins + 2));
  for (int64_t i = 0; i < count; i += kWidth) {
    const V value = hn::Load(d, x + i);
    const V position = hn::Mul(hn::Sub(value, low_vector), width);
    V place = hn::Trunc(hn::IfThenElse(hn::Lt(position, last), position, last));
    place = hn::Add(place, one);
    place = hn::IfThenZeroElse(hn::Lt(value, low_vector), place);
    place = hn::IfThenElse(hn::Gt(value, high_vector), above, place);
    place = hn::IfThenElse(hn::IsNaN(value), nan, place);
    hn::Store(hn::ConvertTo(integers, place), integers, places + i);
  }
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(places_of);

namespace {

// Counts one channel's elements; adds them to its counts when asked.
class ChannelCounter {
 public:
  ChannelCounter(const HistogramBins& bins, int64_t channel)
      : low_(bins.low[channel]),
        high_(bins.high[channel]),
        inverse_width_(bins.inverse_width[channel]),
        bins_(bins.bins),
        even_(bins.bins + 3),
        odd_(bins.bins + 3) {}

  void count(const float* x, int64_t size) {
    while (size > 0) {
      const int64_t taken = std::min(size, kBuffer - filled_);
      std::memcpy(values_ + filled_, x, taken * sizeof(float));
      filled_ += taken;
      x += taken;
      size -= taken;
      if (filled_ == kBuffer) count_buffer();
    }
  }

  void add_to(int64_t* counts) {
    count_buffer();
    for (int64_t i = 0; i < bins_ + 2; ++i) counts[i] += even_[i] + odd_[i];
  }

 private:
  static constexpr int64_t kBuffer = 512;

  void count_buffer() {
    const int64_t padded = divide_up(filled_, 16) * 16;
    std::fill(values_ + filled_, values_ + padded, 0.0f);
    HWY_DYNAMIC_DISPATCH(places_of)(values_, padded, low_, high_, inverse_width_, bins_, places_);
    // Two tables, because equal neighbours (the zeros behind a ReLU) would each wait for the other's store.
    int64_t i = 0;
    for (; i + 1 < filled_; i += 2) {
      ++even_[places_[i]];
      ++odd_[places_[i + 1]];
    }
    if (i < filled_) ++even_[places_[i]];
    filled_ = 0;
  }

  const float low_, high_, inverse_width_;
  const int64_t bins_;
  std::vector<int64_t> even_, odd_;
  int64_t filled_ = 0;
  alignas(64) float values_[kBuffer];
  alignas(64) int32_t places_[kBuffer];
};

}  // namespace

absl::Status histogram(const Execution& execution, const Layout& any_layout, const float* x, const HistogramBins& bins,
                       int64_t* counts) {
  const Layout layout = merged(any_layout);
  if (layout.size() == 0) return absl::OkStatus();
  if (layout.channels == 1) {
    std::mutex mutex;
    // A thread's own table has to be worth its making.
    const int64_t grain = std::max(kGrain, 4 * bins.counts());
    execution.parallel_for(0, layout.inner, grain, [&](int64_t begin, int64_t end) {
      ChannelCounter counter(bins, 0);
      counter.count(x + begin, end - begin);
      const std::lock_guard lock(mutex);
      counter.add_to(counts);
    });
    return absl::OkStatus();
  }
  const int64_t grain = std::max<int64_t>(1, kGrain / (layout.outer * layout.inner));
  execution.parallel_for(0, layout.channels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t channel = begin; channel < end; ++channel) {
      ChannelCounter counter(bins, channel);
      for (int64_t outer = 0; outer < layout.outer; ++outer) {
        counter.count(x + (outer * layout.channels + channel) * layout.inner, layout.inner);
      }
      counter.add_to(counts + channel * bins.counts());
    }
  });
  return absl::OkStatus();
}

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
