#include <cstdint>
#include <tuple>
#include <vector>

#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/fake_quantize.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_FAKE_QUANTIZE_FUNCTIONS_
#define PARE_BACKENDS_CPU_FAKE_QUANTIZE_FUNCTIONS_
namespace pare::backends::cpu {

template <typename T>
struct FakeQuantizeFunctions {
  void (*forward)(const Execution& execution, const Layout& layout, const T* x, const QuantizationGrid& grid, T* y);
  void (*backward)(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                   const QuantizationGrid& grid, T* dx, const FakeQuantizeSums& partial);
};

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

template <typename T>
void forward_span(const T* x, int64_t count, const GridVectors& grid, T* y) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t part = 0; part < kParts; ++part) {
      const int64_t at = i + part * kWidth;
      store_vector(fake_quantized(load_vector(x + at), grid), y + at);
    }
  }
  if (i == count) return;
  V group[kParts];
  load_group(x + i, count - i, 0.0f, group);
  for (V& part : group) part = fake_quantized(part, grid);
  store_group(group, count - i, y + i);
}

template <typename T>
void forward_rows(const T* x, int64_t rows, int64_t channels, const QuantizationGrid& grid, T* y) {
  for (int64_t channel = 0; channel < channels; channel += kLanes) {
    const int64_t count = channels - channel;
    GridVectors grids[kParts];
    grids_of_channels(grid, channel, count, grids);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = row * channels + channel;
      V group[kParts];
      load_group(x + at, count, 0.0f, group);
      for (int64_t part = 0; part < kParts; ++part) group[part] = fake_quantized(group[part], grids[part]);
      store_group(group, count, y + at);
    }
  }
}

template <typename T>
void forward(const Execution& execution, const Layout& layout, const T* x, const QuantizationGrid& grid, T* y) {
  if (has_channel_rows(layout)) {
    for_each_row_block(execution, layout, [&](int64_t, int64_t first, int64_t rows) HWY_ATTR {
      const int64_t at = first * layout.channels;
      forward_rows(x + at, rows, layout.channels, grid, y + at);
    });
  } else {
    for_each_span(execution, layout, [&](int64_t first, int64_t count, int64_t channel) HWY_ATTR {
      forward_span(x + first, count, grid_of_channel(grid, channel), y + first);
    });
  }
}

// The sums of a part of a group, a lane each.
struct SumVectors {
  V inside, above, below;
};

HWY_INLINE SumVectors no_sums() {
  const Floats d;
  return {hn::Zero(d), hn::Zero(d), hn::Zero(d)};
}

// Adds to the sums and returns dx.
HWY_INLINE V backward_vector(V dy, V x, const GridVectors& grid, SumVectors& sums) {
  const auto is_above = hn::Gt(x, hn::Mul(grid.step, grid.highest));
  const auto is_below = hn::Lt(x, hn::Mul(grid.step, grid.lowest));
  const V dx = hn::IfThenZeroElse(hn::Or(is_above, is_below), dy);
  const V error = hn::Mul(dy, hn::Sub(fake_quantized(x, grid), x));
  sums.inside = hn::Add(sums.inside, hn::IfThenZeroElse(hn::Or(is_above, is_below), error));
  sums.above = hn::Add(sums.above, hn::IfThenElseZero(is_above, dy));
  sums.below = hn::Add(sums.below, hn::IfThenElseZero(is_below, dy));
  return dx;
}

template <typename T>
void backward_span(const T* dy, const T* x, int64_t count, const GridVectors& grid, T* dx, SumVectors* sums) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t part = 0; part < kParts; ++part) {
      const int64_t at = i + part * kWidth;
      const V result = backward_vector(load_vector(dy + at), load_vector(x + at), grid, sums[part]);
      if (dx != nullptr) store_vector(result, dx + at);
    }
  }
  if (i == count) return;
  // Zeros add nothing to any sum.
  V dy_group[kParts], x_group[kParts];
  load_group(dy + i, count - i, 0.0f, dy_group);
  load_group(x + i, count - i, 0.0f, x_group);
  for (int64_t part = 0; part < kParts; ++part) {
    dy_group[part] = backward_vector(dy_group[part], x_group[part], grid, sums[part]);
  }
  if (dx != nullptr) store_group(dy_group, count - i, dx + i);
}

void store_sums(const SumVectors* sums, int64_t count, float* inside, float* above, float* below) {
  V groups[3][kParts];
  for (int64_t part = 0; part < kParts; ++part) {
    groups[0][part] = sums[part].inside;
    groups[1][part] = sums[part].above;
    groups[2][part] = sums[part].below;
  }
  store_group(groups[0], count, inside);
  store_group(groups[1], count, above);
  store_group(groups[2], count, below);
}

template <typename T>
void backward_rows(const T* dy, const T* x, int64_t rows, int64_t channels, const QuantizationGrid& grid, T* dx,
                   const FakeQuantizeSums& partial) {
  for (int64_t channel = 0; channel < channels; channel += kLanes) {
    const int64_t count = channels - channel;
    GridVectors grids[kParts];
    SumVectors sums[kParts];
    grids_of_channels(grid, channel, count, grids);
    for (SumVectors& part : sums) part = no_sums();
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = row * channels + channel;
      V dy_group[kParts], x_group[kParts];
      load_group(dy + at, count, 0.0f, dy_group);
      load_group(x + at, count, 0.0f, x_group);
      for (int64_t part = 0; part < kParts; ++part) {
        dy_group[part] = backward_vector(dy_group[part], x_group[part], grids[part], sums[part]);
      }
      if (dx != nullptr) store_group(dy_group, count, dx + at);
    }
    store_sums(sums, count, partial.inside + channel, partial.above + channel, partial.below + channel);
  }
}

// partial holds the sums of piece or block k in channel c at k * channels + c.
template <typename T>
void backward(const Execution& execution, const Layout& layout, const T* dy, const T* x, const QuantizationGrid& grid,
              T* dx, const FakeQuantizeSums& partial) {
  if (has_channel_rows(layout)) {
    for_each_row_block(execution, layout, [&](int64_t block, int64_t first, int64_t rows) HWY_ATTR {
      const int64_t at = first * layout.channels, sums_at = block * layout.channels;
      backward_rows(dy + at, x + at, rows, layout.channels, grid, dx == nullptr ? nullptr : dx + at,
                    {partial.inside + sums_at, partial.above + sums_at, partial.below + sums_at});
    });
    return;
  }
  for_each_piece(execution, layout, [&](int64_t index, const Piece& piece) HWY_ATTR {
    const GridVectors grid_vectors = grid_of_channel(grid, piece.channel);
    SumVectors sums[kParts];
    for (SumVectors& part : sums) part = no_sums();
    for (int64_t span = 0; span < piece.spans; ++span) {
      const int64_t at = piece.first + span * piece.stride;
      backward_span(dy + at, x + at, piece.length, grid_vectors, dx == nullptr ? nullptr : dx + at, sums);
    }
    float lanes[3][kLanes];
    store_sums(sums, kLanes, lanes[0], lanes[1], lanes[2]);
    partial.inside[index] = sum_of_lanes(lanes[0]);
    partial.above[index] = sum_of_lanes(lanes[1]);
    partial.below[index] = sum_of_lanes(lanes[2]);
  });
}

ForTypes<FakeQuantizeFunctions> functions() {
  return {{forward<float>, backward<float>}, {forward<Half>, backward<Half>}, {forward<BFloat16>, backward<BFloat16>}};
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(functions);

template <typename T>
absl::Status fake_quantize_forward(const Execution& execution, const Layout& layout, const T* x,
                                   const QuantizationGrid& grid, T* y) {
  const auto kernel = std::get<FakeQuantizeFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
  kernel.forward(execution, layout, x, grid, y);
  return absl::OkStatus();
}

template <typename T>
absl::Status fake_quantize_backward(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                                    const QuantizationGrid& grid, T* dx, const FakeQuantizeSums* sums) {
  const int64_t terms = has_channel_rows(layout) ? row_blocks(layout) : pieces_of_channel(layout);
  const int64_t size = terms * layout.channels;
  std::vector<float> partial(3 * size);
  const auto kernel = std::get<FakeQuantizeFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
  kernel.backward(execution, layout, dy, x, grid, dx,
                  {partial.data(), partial.data() + size, partial.data() + 2 * size});
  if (sums == nullptr) return absl::OkStatus();
  float* const results[] = {sums->inside, sums->above, sums->below};
  for (int64_t kind = 0; kind < 3; ++kind)
    add_terms(partial.data() + kind * size, terms, layout.channels, results[kind]);
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                            \
  template absl::Status fake_quantize_forward(const Execution&, const Layout&, const T*, const QuantizationGrid&, T*); \
  template absl::Status fake_quantize_backward(const Execution&, const Layout&, const T*, const T*,                    \
                                               const QuantizationGrid&, T*, const FakeQuantizeSums*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
