#include <cmath>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/masks.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/masks-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_MASKS_FUNCTIONS_
#define PARE_BACKENDS_CPU_MASKS_FUNCTIONS_
namespace pare::backends::cpu {

template <typename T>
struct MaskFunctions {
  void (*magnitude)(const Execution& execution, const Layout& layout, const T* x, const float* scale, float threshold,
                    uint8_t* mask, T* y);
  void (*apply)(const Execution& execution, int64_t size, const T* x, const uint8_t* mask, T* y);
};

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {
namespace {

// Loops stand in functions of their own: one over a lambda's captures would read its pointers again for each vector.
template <Output kOutput, typename T>
void apply_span(const T* x, const uint8_t* mask, int64_t count, T* y) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) keep_group<kOutput>(x + i, mask + i, y + i);
  for (; i < count; ++i) keep_element(x[i], mask[i], y + i);
}

template <typename T>
void apply(const Execution& execution, int64_t size, const T* x, const uint8_t* mask, T* y) {
  const bool streams = y != x && can_stream(size, y);
  for_each_span(execution, Layout::per_tensor(size), [&](int64_t first, int64_t count, int64_t) HWY_ATTR {
    const auto span = streams ? apply_span<Output::kStreamed, T> : apply_span<Output::kStored, T>;
    span(x + first, mask + first, count, y + first);
    end_streams(streams);
  });
}

// What a magnitude decides: "not less or equal", so that a NaN is kept.
HWY_INLINE hn::Mask<Floats> keeps(V x, V scale, V threshold) {
  return hn::Not(hn::Le(hn::Mul(hn::Abs(x), scale), threshold));
}

uint8_t keeps(float x, float scale, float threshold) { return !(std::fabs(x) * scale <= threshold); }

// One scale for all numbers, or one for each.
struct EqualScales {
  float scale;
  float at(int64_t) const { return scale; }
  HWY_INLINE V vector_at(int64_t) const { return hn::Set(Floats(), scale); }
};

struct OwnScales {
  const float* scales;
  float at(int64_t i) const { return scales[i]; }
  HWY_INLINE V vector_at(int64_t i) const { return hn::LoadU(Floats(), scales + i); }
};

template <Output kOutput, typename T, typename Scales>
void magnitude_span(const T* x, int64_t count, const Scales scales, float threshold, uint8_t* mask, T* y) {
  const V threshold_vector = hn::Set(Floats(), threshold);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    uint8_t unwanted[kLanes];
    uint8_t* const group = mask == nullptr ? unwanted : mask + i;
    for (int64_t at = 0; at < kLanes; at += kWidth) {
      const V number = load_vector(x + i + at);
      const hn::Mask<Floats> kept = keeps(number, scales.vector_at(i + at), threshold_vector);
      store_mask(kept, group + at);
      if constexpr (std::is_same_v<T, float>) {
        put<kOutput>(hn::IfThenElseZero(kept, number), y + i + at);
      }
    }
    // Other types would have to be rounded again.
    if constexpr (!std::is_same_v<T, float>) {
      if constexpr (kOutput != Output::kNone) keep_group<kOutput>(x + i, group, y + i);
    }
  }
  for (; i < count; ++i) {
    const uint8_t kept = keeps(to_float(x[i]), scales.at(i), threshold);
    if (mask != nullptr) mask[i] = kept;
    if constexpr (kOutput != Output::kNone) keep_element(x[i], kept, y + i);
  }
}

template <typename T>
void magnitude(const Execution& execution, const Layout& any_layout, const T* x, const float* scale, float threshold,
               uint8_t* mask, T* y) {
  const bool streams = y != x && can_stream(any_layout.size(), y);
  const auto span = [&](int64_t first, int64_t count, const auto& scales) HWY_ATTR {
    uint8_t* const mask_span = mask == nullptr ? nullptr : mask + first;
    if (y == nullptr) {
      magnitude_span<Output::kNone>(x + first, count, scales, threshold, mask_span, y);
    } else if (streams && is_stream_place(y + first)) {
      magnitude_span<Output::kStreamed>(x + first, count, scales, threshold, mask_span, y + first);
      end_streams(true);
    } else {
      magnitude_span<Output::kStored>(x + first, count, scales, threshold, mask_span, y + first);
    }
  };
  const Layout layout = scale == nullptr ? Layout::per_tensor(any_layout.size()) : any_layout;
  if (has_channel_rows(layout)) {
    for_each_row_block(execution, layout, [&](int64_t, int64_t first, int64_t rows) HWY_ATTR {
      for (int64_t row = first; row < first + rows; ++row) {
        span(row * layout.channels, layout.channels, OwnScales{scale});
      }
    });
  } else {
    for_each_span(execution, layout, [&](int64_t first, int64_t count, int64_t channel) HWY_ATTR {
      span(first, count, EqualScales{scale == nullptr ? 1.0f : scale[channel]});
    });
  }
}

ForTypes<MaskFunctions> functions() {
  return {{magnitude<float>, apply<float>}, {magnitude<Half>, apply<Half>}, {magnitude<BFloat16>, apply<BFloat16>}};
}

}  // namespace
}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(functions);

template <typename T>
absl::Status magnitude_mask(const Execution& execution, const Layout& layout, const T* x, const float* scale,
                            float threshold, uint8_t* mask, T* y) {
  const auto kernel = std::get<MaskFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
  kernel.magnitude(execution, layout, x, scale, threshold, mask, y);
  return absl::OkStatus();
}

template <typename T>
absl::Status apply_mask(const Execution& execution, int64_t size, const T* x, const uint8_t* mask, T* y) {
  std::get<MaskFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)()).apply(execution, size, x, mask, y);
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                           \
  template absl::Status magnitude_mask(const Execution&, const Layout&, const T*, const float*, float, uint8_t*, T*); \
  template absl::Status apply_mask(const Execution&, int64_t, const T*, const uint8_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
