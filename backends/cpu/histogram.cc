#include <cstdint>
#include <tuple>

#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/histogram.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/counting-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_HISTOGRAM_FUNCTIONS_
#define PARE_BACKENDS_CPU_HISTOGRAM_FUNCTIONS_
namespace pare::backends::cpu {

template <typename T>
struct HistogramFunctions {
  void (*histogram)(const Execution& execution, const Layout& layout, const T* x, const HistogramBins& bins,
                    int64_t* counts);
};

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

// The count that each number of one channel adds to: 0 below the range, bins + 1 above.
class BinPlaces {
 public:
  static constexpr int64_t kFirstSlot = 0;

  struct Vectors {
    V low, high, width, inverse_width, last, above;

    HWY_INLINE FloatMask operator()(V numbers, IntegerVector& place) const {
      const V position = hn::Mul(hn::Sub(numbers, low), inverse_width);
      V bin = hn::Trunc(hn::IfThenElse(hn::Lt(position, last), position, last));
      const auto lifted = hn::Lt(numbers, hn::Add(low, hn::Mul(bin, width)));
      bin = hn::IfThenElse(lifted, bin, hn::Add(bin, hn::Set(Floats(), 1.0f)));  // From here on one more than the bin.
      bin = hn::IfThenZeroElse(hn::Lt(numbers, low), bin);
      bin = hn::IfThenElse(hn::Gt(numbers, high), above, bin);
      const auto is_nan = hn::IsNaN(numbers);
      place = hn::ConvertTo(Integers(), hn::IfThenZeroElse(is_nan, bin));
      return hn::Not(is_nan);
    }

    HWY_INLINE IntegerVector slots(IntegerVector place) const { return place; }
  };

  BinPlaces(const HistogramBins& bins, int64_t channel)
      : low_(bins.low[channel]),
        high_(bins.high[channel]),
        width_(bins.width[channel]),
        inverse_width_(bins.inverse_width[channel]),
        bins_(bins.bins) {}

  HWY_INLINE Vectors vectors() const {
    const Floats d;
    return {hn::Set(d, low_),
            hn::Set(d, high_),
            hn::Set(d, width_),
            hn::Set(d, inverse_width_),
            hn::Set(d, static_cast<float>(bins_ - 1)),
            hn::Set(d, static_cast<float>(bins_ + 1))};
  }

  void take(const Vectors&) {}
  void add_others(int64_t, int64_t, int64_t*) {}

 private:
  float low_, high_, width_, inverse_width_;
  int64_t bins_;
};

template <typename T>
void histogram(const Execution& execution, const Layout& layout, const T* x, const HistogramBins& bins,
               int64_t* counts) {
  count_channels(
      execution, layout, x, bins.counts(), bins.counts(), [&](int64_t channel) { return BinPlaces(bins, channel); },
      counts);
}

ForTypes<HistogramFunctions> histogram_functions() {
  return {{histogram<float>}, {histogram<Half>}, {histogram<BFloat16>}};
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(histogram_functions);

template <typename T>
absl::Status histogram(const Execution& execution, const Layout& layout, const T* x, const HistogramBins& bins,
                       int64_t* counts) {
  std::get<HistogramFunctions<T>>(HWY_DYNAMIC_DISPATCH(histogram_functions)())
      .histogram(execution, layout, x, bins, counts);
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status histogram(const Execution&, const Layout&, const T*, const HistogramBins&, int64_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
