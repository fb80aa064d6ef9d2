#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"
#include "hwy/cache_control.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/codes.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/streams-inl.h"
#include "backends/cpu/bytes-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_CODES_FUNCTIONS_
#define PARE_BACKENDS_CPU_CODES_FUNCTIONS_
namespace pare::backends::cpu {

template <typename T>
struct CodesFunctions {
  // partial holds the squared error of piece or block k in channel c at k * channels + c; it may be null.
  void (*quantize)(const Execution& execution, const Layout& layout, const T* x, const QuantizationGrid& grid,
                   const int32_t* zero_point, uint8_t* codes, float* partial);
  void (*dequantize_signed)(const Execution& execution, const Layout& layout, const uint8_t* codes, const float* step,
                            const int32_t* zero_point, T* y);
  void (*dequantize_unsigned)(const Execution& execution, const Layout& layout, const uint8_t* codes, const float* step,
                              const int32_t* zero_point, T* y);
};

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {
namespace {  // Other kernels have functions of the same names.

// The zero points of the `count` channels from `first` on.
HWY_INLINE void zero_points_of_channels(const int32_t* zero_point, int64_t first, int64_t count, I* group) {
  HWY_ALIGN int32_t padded[kLanes] = {};
  std::copy_n(zero_point + first, std::min(count, kLanes), padded);
  for (int64_t part = 0; part < kParts; ++part) group[part] = hn::Load(Integers(), padded + part * kWidth);
}

// The code in the low byte, and, if asked for, its error's square in a lane of `errors`. Clamped before it is rounded,
// which is the same since the limits are integers: so the sum with kRounder is exact, and its last bits are the level.
// Which of Max and Min's arguments a NaN gives does not matter: it becomes zero.
template <bool kErrors>
HWY_INLINE I code_of_vector(V x, const GridVectors& grid, I zero_point, V& errors) {
  const V rounder = hn::Set(Floats(), kRounder), scaled = hn::Mul(x, grid.inverse_step);
  const V clamped = hn::Min(hn::Max(scaled, grid.lowest), grid.highest);
  const V sum = hn::Add(hn::IfThenZeroElse(hn::IsNaN(scaled), clamped), rounder);
  if constexpr (kErrors) {
    const V difference = hn::Sub(hn::Mul(grid.step, hn::Sub(sum, rounder)), x);
    errors = hn::Add(errors, hn::Mul(difference, difference));
  }
  return hn::Add(hn::BitCast(Integers(), sum), zero_point);
}

template <bool kErrors, typename T>
HWY_INLINE void codes_of_span(const T* x, int64_t count, const GridVectors& grid, I zero_point, uint8_t* codes,
                              V* errors) {
  I group[kParts];
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t part = 0; part < kParts; ++part) {
      group[part] = code_of_vector<kErrors>(load_vector(x + i + part * kWidth), grid, zero_point, errors[part]);
    }
    store_bytes(group, kLanes, codes + i);
  }
  if (i == count) return;
  // Zeros have no error: they are levels.
  V rest[kParts];
  load_group(x + i, count - i, 0.0f, rest);
  for (int64_t part = 0; part < kParts; ++part) {
    group[part] = code_of_vector<kErrors>(rest[part], grid, zero_point, errors[part]);
  }
  store_bytes(group, count - i, codes + i);
}

// Some rows at a time, so that memory is read almost in order. partial, if wanted, starts as zeros.
template <bool kErrors, typename T>
void codes_of_rows(const T* x, int64_t rows, int64_t channels, const QuantizationGrid& grid, const int32_t* zero_point,
                   uint8_t* codes, float* partial) {
  for (int64_t channel = 0; channel < channels; channel += kLanes) {
    const int64_t count = channels - channel;
    GridVectors grids[kParts] = {};
    I zero_points[kParts];
    V errors[kParts];
    grids_of_channels(grid, channel, count, grids);
    zero_points_of_channels(zero_point, channel, count, zero_points);
    if constexpr (kErrors) load_group(partial + channel, count, 0.0f, errors);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = row * channels + channel;
      hwy::Prefetch(x + at + rows * channels);  // Rows apart, the machine does not do it by itself.
      V numbers[kParts];
      I group[kParts];
      load_group(x + at, count, 0.0f, numbers);
      for (int64_t part = 0; part < kParts; ++part) {
        group[part] = code_of_vector<kErrors>(numbers[part], grids[part], zero_points[part], errors[part]);
      }
      store_bytes(group, count, codes + at);
    }
    if constexpr (kErrors) store_group(errors, count, partial + channel);
  }
}

template <bool kErrors, typename T>
void codes_of_channel_rows(const Execution& execution, const Layout& layout, const T* x, const QuantizationGrid& grid,
                           const int32_t* zero_point, uint8_t* codes, float* partial) {
  for_each_row_block(execution, layout, [&](int64_t block, int64_t first, int64_t rows) HWY_ATTR {
    const int64_t step = std::max<int64_t>(4, 512 / layout.channels);
    for (int64_t row = 0; row < rows; row += step) {
      const int64_t at = (first + row) * layout.channels;
      codes_of_rows<kErrors>(x + at, std::min(step, rows - row), layout.channels, grid, zero_point, codes + at,
                             kErrors ? partial + block * layout.channels : nullptr);
    }
  });
}

template <typename T>
void quantize(const Execution& execution, const Layout& layout, const T* x, const QuantizationGrid& grid,
              const int32_t* zero_point, uint8_t* codes, float* partial) {
  if (has_channel_rows(layout)) {
    const auto kernel = partial == nullptr ? codes_of_channel_rows<false, T> : codes_of_channel_rows<true, T>;
    kernel(execution, layout, x, grid, zero_point, codes, partial);
  } else if (partial == nullptr) {
    for_each_span(execution, layout, [&](int64_t first, int64_t count, int64_t channel) HWY_ATTR {
      V errors[kParts] = {};
      codes_of_span<false>(x + first, count, grid_of_channel(grid, channel), hn::Set(Integers(), zero_point[channel]),
                           codes + first, errors);
    });
  } else {
    for_each_piece(execution, layout, [&](int64_t index, const Piece& piece) HWY_ATTR {
      const GridVectors vectors = grid_of_channel(grid, piece.channel);
      const I zero = hn::Set(Integers(), zero_point[piece.channel]);
      V errors[kParts];
      for (V& part : errors) part = hn::Zero(Floats());
      for (int64_t span = 0; span < piece.spans; ++span) {
        const int64_t at = piece.first + span * piece.stride;
        codes_of_span<true>(x + at, piece.length, vectors, zero, codes + at, errors);
      }
      float lanes[kLanes];
      store_group(errors, kLanes, lanes);
      partial[index] = sum_of_lanes(lanes);
    });
  }
}

HWY_INLINE V number_of_code(I code, V step, I zero_point) {
  return hn::Mul(step, hn::ConvertTo(Floats(), hn::Sub(code, zero_point)));
}

template <bool kSigned, Output kOutput, typename T>
void numbers_of_span(const uint8_t* codes, int64_t count, float step, int32_t zero_point, T* y) {
  const V step_vector = hn::Set(Floats(), step);
  const I zero = hn::Set(Integers(), zero_point);
  for (int64_t i = 0; i < count; i += kLanes) {
    I group[kParts];
    V numbers[kParts];
    load_bytes<kSigned>(codes + i, count - i, group);
    for (int64_t part = 0; part < kParts; ++part) numbers[part] = number_of_code(group[part], step_vector, zero);
    put_group<kOutput>(numbers, count - i, y + i);
  }
}

template <bool kSigned, typename T>
void dequantize(const Execution& execution, const Layout& layout, const uint8_t* codes, const float* step,
                const int32_t* zero_point, T* y) {
  if (!has_channel_rows(layout)) {
    const bool streams = can_stream(layout.size(), y);
    for_each_span(execution, layout, [&](int64_t first, int64_t count, int64_t channel) HWY_ATTR {
      if constexpr (std::is_same_v<T, float>) {
        if (streams && is_stream_place(y + first)) {
          numbers_of_span<kSigned, Output::kStreamed>(codes + first, count, step[channel], zero_point[channel],
                                                      y + first);
          return end_streams(true);
        }
      }
      numbers_of_span<kSigned, Output::kStored>(codes + first, count, step[channel], zero_point[channel], y + first);
    });
    return;
  }
  for_each_row_block(execution, layout, [&](int64_t, int64_t first, int64_t rows) HWY_ATTR {
    for (int64_t channel = 0; channel < layout.channels; channel += kLanes) {
      const int64_t count = layout.channels - channel;
      V steps[kParts];
      I zero_points[kParts];
      load_group(step + channel, count, 1.0f, steps);
      zero_points_of_channels(zero_point, channel, count, zero_points);
      for (int64_t row = first; row < first + rows; ++row) {
        const int64_t at = row * layout.channels + channel;
        I group[kParts];
        V numbers[kParts];
        load_bytes<kSigned>(codes + at, count, group);
        for (int64_t part = 0; part < kParts; ++part) {
          numbers[part] = number_of_code(group[part], steps[part], zero_points[part]);
        }
        store_group(numbers, count, y + at);
      }
    }
  });
}

template <typename T>
CodesFunctions<T> functions_for() {
  return {quantize<T>, dequantize<true, T>, dequantize<false, T>};
}

ForTypes<CodesFunctions> functions() {
  return {functions_for<float>(), functions_for<Half>(), functions_for<BFloat16>()};
}

}  // namespace
}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(functions);

template <typename T>
absl::Status quantize_to_codes(const Execution& execution, const Layout& layout, const T* x,
                               const QuantizationGrid& grid, const int32_t* zero_point, uint8_t* codes,
                               float* squared_error) {
  const auto kernel = std::get<CodesFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
  if (squared_error == nullptr) {
    kernel.quantize(execution, layout, x, grid, zero_point, codes, nullptr);
    return absl::OkStatus();
  }
  const int64_t terms = has_channel_rows(layout) ? row_blocks(layout) : pieces_of_channel(layout);
  // One more, so that there is a place for sums where there is none to add up.
  std::vector<float> partial(terms * layout.channels + 1);
  kernel.quantize(execution, layout, x, grid, zero_point, codes, partial.data());
  add_terms(partial.data(), terms, layout.channels, squared_error);
  return absl::OkStatus();
}

template <typename T>
absl::Status dequantize_codes(const Execution& execution, const Layout& layout, const uint8_t* codes, bool is_signed,
                              const float* step, const int32_t* zero_point, T* y) {
  const auto kernel = std::get<CodesFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
  (is_signed ? kernel.dequantize_signed : kernel.dequantize_unsigned)(execution, layout, codes, step, zero_point, y);
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                   \
  template absl::Status quantize_to_codes(const Execution&, const Layout&, const T*, const QuantizationGrid&, \
                                          const int32_t*, uint8_t*, float*);                                  \
  template absl::Status dequantize_codes(const Execution&, const Layout&, const uint8_t*, bool, const float*, \
                                         const int32_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
