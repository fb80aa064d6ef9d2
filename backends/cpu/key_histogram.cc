#include <algorithm>
#include <cstdint>
#include <tuple>
#include <type_traits>

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
// unsigned ones; so are their distances from the lowest bin, those of keys below it turning up as the greatest. Those
// below are counted here, and those above are what is left.
template <bool kMagnitude>
class KeyPlaces {
 public:
  static constexpr int64_t kFirstSlot = 1;

  template <bool kChannels>
  struct Vectors {
    V center, scale;
    IntegerVector low, low_distance, last_distance, half;
    int shift;
    IntegerVector below;  // A lane each; at most kMostNumbers of them all in all.

    HWY_INLINE FloatMask operator()(V numbers, IntegerVector& place) {
      const Integers d;
      const auto greatest = hn::Set(d, 0x7FFFFFFF);
      IntegerVector key;
      if constexpr (kMagnitude) {
        key = hn::BitCast(d, hn::Abs(hn::Mul(hn::Sub(numbers, center), scale)));
        // Every NaN is one: in a single comparison, since here none is negative.
        key = hn::IfThenElse(hn::Gt(key, hn::Set(d, 0x7F800000)), greatest, key);
      } else {
        key = hn::BitCast(d, hn::Add(numbers, hn::Zero(Floats())));  // Of two zeros one.
        key = hn::Xor(key, hn::And(hn::BroadcastSignBit(key), greatest));
        key = hn::IfThenElse(hn::RebindMask(d, hn::IsNaN(numbers)), greatest, key);
      }
      below = hn::Sub(below, hn::VecFromMask(d, hn::Lt(key, low)));
      place = hn::Sub(key, low_distance);
      return hn::RebindMask(Floats(), hn::Not(hn::Gt(place, last_distance)));
    }

    HWY_INLINE IntegerVector slots(IntegerVector place) const {
      const auto bins = hn::ShiftRightSame(hn::BitCast(Words(), place), shift);
      return hn::Xor(hn::BitCast(Integers(), bins), half);
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

  HWY_INLINE Vectors<false> vectors() const {
    const Floats d;
    const auto set = [](uint32_t word) HWY_ATTR { return hn::Set(Integers(), static_cast<int32_t>(word)); };
    // As key ^ kHalf is what is compared, key ^ kHalf - low is the distance ^ kHalf.
    return {hn::Set(d, center_),
            hn::Set(d, scale_),
            set(low_ ^ kHalf),
            set(low_),
            set((last_ - low_) ^ kHalf),
            set(kHalf >> shift_),
            shift_,
            hn::Zero(Integers())};
  }

  HWY_INLINE static Vectors<true> vectors(const KeyPlaces* places) {
    const Floats d;
    const Integers integers;
    HWY_ALIGN float centers[kLanes], scales[kLanes];
    HWY_ALIGN int32_t lows[kLanes], low_distances[kLanes], last_distances[kLanes];
    for (int64_t lane = 0; lane < kWidth; ++lane) {
      const KeyPlaces& place = places[lane];
      centers[lane] = place.center_;
      scales[lane] = place.scale_;
      lows[lane] = static_cast<int32_t>(place.low_ ^ kHalf);
      low_distances[lane] = static_cast<int32_t>(place.low_);
      last_distances[lane] = static_cast<int32_t>((place.last_ - place.low_) ^ kHalf);
    }
    return {hn::Load(d, centers),
            hn::Load(d, scales),
            hn::Load(integers, lows),
            hn::Load(integers, low_distances),
            hn::Load(integers, last_distances),
            hn::Set(integers, static_cast<int32_t>(kHalf >> places->shift_)),
            places->shift_,
            hn::Zero(integers)};
  }

  HWY_INLINE void take(const Vectors<false>& vectors) {
    for_each_below(vectors.below, [&](int64_t, uint32_t below) { below_ += below; });
  }

  HWY_INLINE static void take(const Vectors<true>& vectors, KeyPlaces* places) {
    for_each_below(vectors.below, [&](int64_t lane, uint32_t below) { places[lane].below_ += below; });
  }

  void add_others(int64_t size, int64_t counted, int64_t* counts) {
    counts[0] += below_;
    counts[bins_ + 1] += size - counted - below_;
    below_ = 0;
  }

 private:
  static constexpr uint32_t kHalf = 0x80000000;

  template <typename Visit>
  HWY_INLINE static void for_each_below(IntegerVector below, const Visit& visit) {
    HWY_ALIGN uint32_t lanes[kLanes];
    hn::Store(hn::BitCast(Words(), below), Words(), lanes);
    for (int64_t lane = 0; lane < kWidth; ++lane) visit(lane, lanes[lane]);
  }

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
