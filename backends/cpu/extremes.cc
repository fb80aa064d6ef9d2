#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <tuple>
#include <type_traits>
#include <vector>

#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/extremes.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/streams-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_EXTREMES_FUNCTIONS_
#define PARE_BACKENDS_CPU_EXTREMES_FUNCTIONS_
namespace pare::backends::cpu {

template <typename T>
struct ExtremesFunctions {
  void (*min_max)(const Execution& execution, const Layout& layout, const T* x, float* min, float* max);
  void (*abs_max)(const Execution& execution, const Layout& layout, const T* x, float* abs_max);
};

// A number's bits, turned so that as signed integers they have the numbers' order: no type needs a conversion, and a
// NaN lies beyond the infinity of its sign.
template <typename T>
using Ordered = std::conditional_t<sizeof(T) == 4, int32_t, int16_t>;

template <typename T>
constexpr Ordered<T> ordered_bits(T x) {
  const auto bits = std::bit_cast<Ordered<T>>(x);
  return bits < 0 ? static_cast<Ordered<T>>(bits ^ std::numeric_limits<Ordered<T>>::max()) : bits;
}

template <typename T>
constexpr T number_of_bits(Ordered<T> ordered) {
  return std::bit_cast<T>(ordered < 0 ? static_cast<Ordered<T>>(ordered ^ std::numeric_limits<Ordered<T>>::max())
                                      : ordered);
}

template <typename T>
inline constexpr Ordered<T> kInfinityBits = ordered_bits(from_float<T>(std::numeric_limits<float>::infinity()));
template <typename T>
inline constexpr Ordered<T> kMinusInfinityBits = ordered_bits(from_float<T>(-std::numeric_limits<float>::infinity()));

// The least and the greatest of ordered bits.
template <typename T>
struct ExtremeBits {
  Ordered<T> min = kInfinityBits<T>;
  Ordered<T> max = kMinusInfinityBits<T>;

  void take(Ordered<T> ordered) {
    min = std::min(min, ordered);
    max = std::max(max, ordered);
  }
  void take(const ExtremeBits& other) {
    min = std::min(min, other.min);
    max = std::max(max, other.max);
  }
};

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

template <typename T>
using Bits = hn::ScalableTag<Ordered<T>>;
template <typename T>
inline constexpr int64_t kBitLanes = hn::MaxLanes(Bits<T>());

template <typename T>
HWY_INLINE hn::Vec<Bits<T>> load_bits(const T* x) {
  return hn::LoadU(Bits<T>(), reinterpret_cast<const Ordered<T>*>(x));
}

// Running extremes, a lane each. Of magnitudes only the greatest is wanted: their sign is taken off, and 0 is the
// least.
template <typename T, bool kMagnitudes>
struct ExtremeVectors {
  HWY_INLINE ExtremeVectors() {}

  hn::Vec<Bits<T>> min, max;

  HWY_INLINE void clear() {
    min = hn::Set(Bits<T>(), kInfinityBits<T>);
    max = kMagnitudes ? hn::Zero(Bits<T>()) : hn::Set(Bits<T>(), kMinusInfinityBits<T>);
  }
  HWY_INLINE void take(hn::Vec<Bits<T>> bits) {
    const Bits<T> d;
    const auto all_but_sign = hn::Set(d, std::numeric_limits<Ordered<T>>::max());
    if constexpr (kMagnitudes) {
      max = hn::Max(max, hn::And(bits, all_but_sign));
    } else {
      const auto ordered = hn::Xor(bits, hn::And(hn::BroadcastSignBit(bits), all_but_sign));
      min = hn::Min(min, ordered);
      max = hn::Max(max, ordered);
    }
  }
  HWY_INLINE void take(const ExtremeVectors& other) {
    min = hn::Min(min, other.min);
    max = hn::Max(max, other.max);
  }
};

template <typename T, bool kMagnitudes>
HWY_INLINE Ordered<T> scalar_bits(T x) {
  const Ordered<T> ordered = ordered_bits(x);
  if constexpr (!kMagnitudes) return ordered;
  return std::bit_cast<Ordered<T>>(x) & std::numeric_limits<Ordered<T>>::max();
}

// Calls visit(lane, extremes) for each lane.
template <typename T, bool kMagnitudes, typename Visit>
HWY_INLINE void for_each_lane(const ExtremeVectors<T, kMagnitudes>& vectors, const Visit& visit) {
  const Bits<T> d;
  HWY_ALIGN Ordered<T> min[kBitLanes<T>], max[kBitLanes<T>];
  hn::Store(vectors.min, d, min);
  hn::Store(vectors.max, d, max);
  for (int64_t lane = 0; lane < kBitLanes<T>; ++lane) visit(lane, ExtremeBits<T>{min[lane], max[lane]});
}

template <typename T, bool kMagnitudes>
void extremes_of_pieces(const Execution& execution, const Layout& layout, const T* x, ExtremeBits<T>* partial) {
  constexpr int64_t kLanes = kBitLanes<T>, kUnrolled = 4;
  for_each_piece(execution, layout, [&](int64_t index, const Piece& piece) HWY_ATTR {
    ExtremeVectors<T, kMagnitudes> vectors[kUnrolled];
#pragma GCC unroll 4
    for (auto& part : vectors) part.clear();
    ExtremeBits<T> scalars;
    for (int64_t span = 0; span < piece.spans; ++span) {
      const T* const from = x + piece.first + span * piece.stride;
      if (piece.length < kLanes) {
        for (int64_t i = 0; i < piece.length; ++i) scalars.take(scalar_bits<T, kMagnitudes>(from[i]));
        continue;
      }
      int64_t i = 0;
      for (; i + kUnrolled * kLanes <= piece.length; i += kUnrolled * kLanes) {
        for (int64_t at = 0; at < kUnrolled * kLanes; at += 64 / sizeof(T)) read_ahead(from + i + at);
#pragma GCC unroll 4
        for (int64_t part = 0; part < kUnrolled; ++part) vectors[part].take(load_bits(from + i + part * kLanes));
      }
      for (; i + kLanes <= piece.length; i += kLanes) vectors[0].take(load_bits(from + i));
      // Once more the same number changes nothing.
      if (i < piece.length) vectors[1].take(load_bits(from + piece.length - kLanes));
    }
    for (int64_t part = 1; part < kUnrolled; ++part) vectors[0].take(vectors[part]);
    if (piece.length >= kLanes) {
      for_each_lane(vectors[0], [&](int64_t, const ExtremeBits<T>& lane) { scalars.take(lane); });
    }
    partial[index] = scalars;
  });
}

// Of a block of rows. Where a vector is longer than a row, several rows are taken as one: its columns are then those of
// the channels again and again.
template <typename T, bool kMagnitudes>
void extremes_of_block(const T* x, int64_t rows, int64_t channels, ExtremeBits<T>* extremes) {
  constexpr int64_t kLanes = kBitLanes<T>, kGroups = 32;
  const int64_t rows_at_once = channels < kLanes ? kLanes : 1;
  const int64_t width = channels * rows_at_once, wide_rows = rows / rows_at_once;
  ExtremeVectors<T, kMagnitudes> vectors[kGroups];
  const int64_t groups = wide_rows == 0 ? 0 : divide_up(width, kLanes);
  for (int64_t first_group = 0; first_group < groups; first_group += kGroups) {
    const int64_t count = std::min(kGroups, groups - first_group);
    // The last group ends with the row, and overlaps the one before.
    const auto column = [&](int64_t group) { return std::min((first_group + group) * kLanes, width - kLanes); };
    for (int64_t group = 0; group < count; ++group) vectors[group].clear();
    int64_t row = 0;
    for (; row + 4 <= wide_rows; row += 4) {
      for (int64_t group = 0; group < count; ++group) {
        ExtremeVectors<T, kMagnitudes> part = vectors[group];
        const T* const from = x + row * width + column(group);
#pragma GCC unroll 4
        for (int64_t k = 0; k < 4; ++k) part.take(load_bits(from + k * width));
        vectors[group] = part;
      }
    }
    for (; row < wide_rows; ++row) {
      for (int64_t group = 0; group < count; ++group) vectors[group].take(load_bits(x + row * width + column(group)));
    }
    for (int64_t group = 0; group < count; ++group) {
      for_each_lane(vectors[group], [&](int64_t lane, const ExtremeBits<T>& of_lane) {
        const int64_t at = column(group) + lane;
        extremes[rows_at_once == 1 ? at : at % channels].take(of_lane);
      });
    }
  }
  for (int64_t i = wide_rows * width; i < rows * channels; ++i) {
    extremes[i % channels].take(scalar_bits<T, kMagnitudes>(x[i]));
  }
}

// The extremes of each channel; of magnitudes, only the greatest means anything.
template <typename T, bool kMagnitudes>
std::vector<ExtremeBits<T>> extremes_of(const Execution& execution, const Layout& layout, const T* x) {
  const int64_t channels = layout.channels;
  const bool rows = has_channel_rows(layout);
  const int64_t rows_of_block = std::max<int64_t>(256, kGrain / std::max<int64_t>(1, channels));
  const int64_t terms = rows ? divide_up(layout.outer, rows_of_block) : pieces_of_channel(layout);
  std::vector<ExtremeBits<T>> partial(terms * channels), extremes(channels);
  if (rows) {
    execution.parallel_for(0, terms, 1, [&](int64_t begin, int64_t end) HWY_ATTR {
      for (int64_t block = begin; block < end; ++block) {
        const int64_t first = block * rows_of_block;
        extremes_of_block<T, kMagnitudes>(x + first * channels, std::min(rows_of_block, layout.outer - first), channels,
                                          partial.data() + block * channels);
      }
    });
  } else {
    extremes_of_pieces<T, kMagnitudes>(execution, layout, x, partial.data());
  }
  for (int64_t term = 0; term < terms; ++term) {
    for (int64_t c = 0; c < channels; ++c) extremes[c].take(partial[term * channels + c]);
  }
  return extremes;
}

template <typename T>
void min_max_of(const Execution& execution, const Layout& layout, const T* x, float* min, float* max) {
  const std::vector<ExtremeBits<T>> extremes = extremes_of<T, false>(execution, layout, x);
  for (int64_t c = 0; c < layout.channels; ++c) {
    const bool has_nan = extremes[c].min < kMinusInfinityBits<T> || extremes[c].max > kInfinityBits<T>;
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    min[c] = has_nan ? kNan : to_float(number_of_bits<T>(extremes[c].min)) + 0.0f;
    max[c] = has_nan ? kNan : to_float(number_of_bits<T>(extremes[c].max)) + 0.0f;
  }
}

template <typename T>
void abs_max_of(const Execution& execution, const Layout& layout, const T* x, float* abs_max) {
  const std::vector<ExtremeBits<T>> extremes = extremes_of<T, true>(execution, layout, x);
  for (int64_t c = 0; c < layout.channels; ++c) {
    abs_max[c] = to_float(number_of_bits<T>(std::max<Ordered<T>>(extremes[c].max, 0)));
  }
}

ForTypes<ExtremesFunctions> extremes_functions() {
  return {{min_max_of<float>, abs_max_of<float>},
          {min_max_of<Half>, abs_max_of<Half>},
          {min_max_of<BFloat16>, abs_max_of<BFloat16>}};
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(extremes_functions);

template <typename T>
absl::Status min_max(const Execution& execution, const Layout& layout, const T* x, float* min, float* max) {
  std::get<ExtremesFunctions<T>>(HWY_DYNAMIC_DISPATCH(extremes_functions)()).min_max(execution, layout, x, min, max);
  return absl::OkStatus();
}

template <typename T>
absl::Status abs_max(const Execution& execution, const Layout& layout, const T* x, float* abs_max) {
  std::get<ExtremesFunctions<T>>(HWY_DYNAMIC_DISPATCH(extremes_functions)()).abs_max(execution, layout, x, abs_max);
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                 \
  template absl::Status min_max(const Execution&, const Layout&, const T*, float*, float*); \
  template absl::Status abs_max(const Execution&, const Layout&, const T*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
