#include <algorithm>
#include <cstdint>
#include <tuple>

#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/key_histogram.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/counting-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_KEY_HISTOGRAM_FUNCTIONS_
#define PARE_BACKENDS_CPU_KEY_HISTOGRAM_FUNCTIONS_
namespace pare::backends::cpu {

template <typename T>
struct KeyHistogramFunctions {
  void (*key_histogram)(const Execution& execution, const Layout& layout, const T* x, const SelectionKeys& keys,
                        const KeyBins& bins, int64_t* counts);
};

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

// Where the keys of one channel count. Keys are taken less 2^31, as signed integers, since not every machine compares
// unsigned ones. Those below the bins are counted here, and those above are what is left.
template <bool kMagnitude>
class KeyPlaces {
 public:
  static constexpr int64_t kFirstSlot = 1;

  struct Vectors {
    V center, scale;
    IntegerVector low, last, below;
    int shift;

    HWY_INLINE FloatMask operator()(V numbers, IntegerVector& slots) {
      const Integers d;
      const auto greatest = hn::Set(d, 0x7FFFFFFF);
      IntegerVector key;
      if constexpr (kMagnitude) {
        numbers = hn::Mul(hn::Abs(hn::Sub(numbers, center)), scale);
        key = hn::BitCast(d, numbers);
      } else {
        key = hn::BitCast(d, hn::Add(numbers, hn::Zero(Floats())));  // Of two zeros one.
        key = hn::Xor(key, hn::And(hn::BroadcastSignBit(key), greatest));
      }
      key = hn::IfThenElse(hn::RebindMask(d, hn::IsNaN(numbers)), greatest, key);
      const auto is_below = hn::Lt(key, low);
      below = hn::Sub(below, hn::VecFromMask(d, is_below));
      slots = hn::BitCast(d, hn::ShiftRightSame(hn::BitCast(Words(), hn::Sub(key, low)), shift));
      return hn::RebindMask(Floats(), hn::Not(hn::Or(is_below, hn::Gt(key, last))));
    }
  };

  KeyPlaces(const SelectionKeys& keys, const KeyBins& bins, int64_t channel)
      : center_(keys.center == nullptr ? 0.0f : keys.center[channel]),
        scale_(keys.scale == nullptr ? 1.0f : keys.scale[channel]),
        low_(bins.low[channel]),
        last_(static_cast<uint32_t>(
            std::min<uint64_t>(low_ + (static_cast<uint64_t>(bins.bins) << bins.shift), uint64_t{1} << 32) - 1)),
        shift_(bins.shift),
        bins_(bins.bins) {}

  HWY_INLINE Vectors vectors() const {
    const Integers d;
    return {hn::Set(Floats(), center_),
            hn::Set(Floats(), scale_),
            hn::Set(d, static_cast<int32_t>(low_ ^ 0x80000000)),
            hn::Set(d, static_cast<int32_t>(last_ ^ 0x80000000)),
            hn::Zero(d),
            shift_};
  }

  HWY_INLINE void take(const Vectors& vectors) {
    HWY_ALIGN uint32_t below[kLanes];
    hn::Store(hn::BitCast(Words(), vectors.below), Words(), below);
    for (int64_t lane = 0; lane < kWidth; ++lane) below_ += below[lane];
  }

  void add_others(int64_t size, int64_t counted, int64_t* counts) {
    counts[0] += below_;
    counts[bins_ + 1] += size - counted - below_;
    below_ = 0;
  }

 private:
  float center_, scale_;
  uint32_t low_, last_;
  int shift_;
  int64_t bins_, below_ = 0;
};

template <typename T>
void key_histogram(const Execution& execution, const Layout& layout, const T* x, const SelectionKeys& keys,
                   const KeyBins& bins, int64_t* counts) {
  const auto count = [&](auto make_places) {
    count_channels(execution, layout, x, bins.bins, bins.counts(), make_places, counts);
  };
  if (keys.magnitude) {
    count([&](int64_t channel) { return KeyPlaces<true>(keys, bins, channel); });
  } else {
    count([&](int64_t channel) { return KeyPlaces<false>(keys, bins, channel); });
  }
}

ForTypes<KeyHistogramFunctions> key_histogram_functions() {
  return {{key_histogram<float>}, {key_histogram<Half>}, {key_histogram<BFloat16>}};
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(key_histogram_functions);

template <typename T>
absl::Status key_histogram(const Execution& execution, const Layout& layout, const T* x, const SelectionKeys& keys,
                           const KeyBins& bins, int64_t* counts) {
  std::get<KeyHistogramFunctions<T>>(HWY_DYNAMIC_DISPATCH(key_histogram_functions)())
      .key_histogram(execution, layout, x, keys, bins, counts);
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                            \
  template absl::Status key_histogram(const Execution&, const Layout&, const T*, const SelectionKeys&, const KeyBins&, \
                                      int64_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
