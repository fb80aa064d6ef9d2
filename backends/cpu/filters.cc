#include <algorithm>
#include <cmath>
#include <cstdint>
#include <tuple>
#include <vector>

#include "backends/cpu/channelwise.h"
#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/filters.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/channelwise-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_FILTERS_FUNCTIONS_
#define PARE_BACKENDS_CPU_FILTERS_FUNCTIONS_
namespace pare::backends::cpu {

template <typename T>
struct FilterFunctions {
  void (*norms)(const Execution& execution, const Layout& layout, const T* x, float* partial);
  void (*pack)(const Execution& execution, const Layout& layout, const T* x, float* packed);
};

// Distances take a lane a channel. Panel p holds the channels from 16 p on, packed as [places, 16] and filled up with
// zeros, where a place is an element of a channel: from the layout's outer and inner dimensions, in their order.
inline int64_t places_of(const Layout& layout) { return layout.outer * layout.inner; }
inline int64_t panels_of(const Layout& layout) { return divide_up(layout.channels, kLanesOfGroup); }

// The sum over a pair of channels goes over the places in order: so many are added in float, then those sums in double.
// It does not depend on how the pairs are divided into tiles.
inline constexpr int64_t kPlacesOfChunk = 128;

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {
namespace {

struct Norms {
  static constexpr int kInputs = 1, kParameters = 0, kSums = 2;
  static constexpr bool kHasOutput = false;
  static HWY_INLINE V apply(const V* x, const V*, V* sums) {
    sums[0] = hn::Add(sums[0], hn::Abs(x[0]));
    sums[1] = hn::Add(sums[1], hn::Mul(x[0], x[0]));
    return x[0];
  }
};

template <typename T>
void norms(const Execution& execution, const Layout& layout, const T* x, float* partial) {
  run_channelwise<Norms, T>(execution, layout, {{x}, {}, nullptr}, partial);
}

// packed starts as zeros.
template <typename T>
void pack(const Execution& execution, const Layout& layout, const T* x, float* packed) {
  const int64_t places = places_of(layout), row = layout.channels * layout.inner;
  // A task is the part of a panel from one outer index.
  const int64_t grain = std::max<int64_t>(1, kGrain / (kLanes * layout.inner));
  execution.parallel_for(0, panels_of(layout) * layout.outer, grain, [&](int64_t begin, int64_t end) HWY_ATTR {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t panel = task / layout.outer, outer = task % layout.outer, channel = panel * kLanes;
      const int64_t count = std::min(kLanes, layout.channels - channel);
      const T* const from = x + outer * row + channel * layout.inner;
      float* const to = packed + (panel * places + outer * layout.inner) * kLanes;
      if (layout.inner == 1) {
        V group[kParts];
        load_group(from, count, 0.0f, group);
        store_group(group, kLanes, to);
        continue;
      }
      // Blocks of 16 places, so that what is written stays in cache until all of its channels are there.
      for (int64_t first = 0; first < layout.inner; first += kLanes) {
        const int64_t last = std::min(layout.inner, first + kLanes);
        for (int64_t lane = 0; lane < count; ++lane) {
          HWY_ALIGN float numbers[kLanes];
          V group[kParts];
          load_group(from + lane * layout.inner + first, last - first, 0.0f, group);
          for (int64_t part = 0; part < kParts; ++part) hn::Store(group[part], Floats(), numbers + part * kWidth);
          for (int64_t place = first; place < last; ++place) to[place * kLanes + lane] = numbers[place - first];
        }
      }
    }
  });
}

// So many channels of one panel at a time against a vector of another's: their sums lie in registers.
constexpr int64_t kRows = 8;

// Adds to sums[kRows][kLanes] those over a chunk of places, for the channels from `rows` and those from `columns` on.
HWY_INLINE void add_chunk(const float* rows, const float* columns, int64_t places, double* sums) {
  const Floats d;
  HWY_ALIGN float lanes[kLanes];
  for (int64_t part = 0; part < kParts; ++part) {
    V chunk[kRows];
    HWY_UNROLL(8)
    for (int64_t row = 0; row < kRows; ++row) chunk[row] = hn::Zero(d);
    for (int64_t place = 0; place < places; ++place) {
      const V column = hn::Load(d, columns + place * kLanes + part * kWidth);
      HWY_UNROLL(8)
      for (int64_t row = 0; row < kRows; ++row) {
        const V difference = hn::Sub(hn::Set(d, rows[place * kLanes + row]), column);
        chunk[row] = hn::Add(chunk[row], hn::Mul(difference, difference));
      }
    }
    for (int64_t row = 0; row < kRows; ++row) {
      hn::Store(chunk[row], d, lanes);
      for (int64_t lane = 0; lane < kWidth; ++lane) sums[row * kLanes + part * kWidth + lane] += lanes[lane];
    }
  }
}

// Tiles of kPanelsOfTile * kPanelsOfTile pairs of panels: a chunk of them stays in the second cache.
constexpr int64_t kPanelsOfTile = 2;

void distances(const Execution& execution, const Layout& layout, const float* packed, float* result) {
  const int64_t places = places_of(layout), panels = panels_of(layout), channels = layout.channels;
  const int64_t tiles = divide_up(panels, kPanelsOfTile);
  constexpr int64_t kTile = kPanelsOfTile * kLanes;
  // Tiles on and below the diagonal, row by row.
  const int64_t grain = std::max<int64_t>(1, kGrain / (kTile * kTile * std::max<int64_t>(1, places)));
  execution.parallel_for(0, tiles * (tiles + 1) / 2, grain, [&](int64_t begin, int64_t end) HWY_ATTR {
    std::vector<double> sums(kTile * kTile);
    for (int64_t index = begin; index < end; ++index) {
      auto tile_row = static_cast<int64_t>((std::sqrt(8.0 * static_cast<double>(index) + 1) - 1) / 2);
      while (tile_row * (tile_row + 1) / 2 > index) --tile_row;
      while ((tile_row + 1) * (tile_row + 2) / 2 <= index) ++tile_row;
      const int64_t tile_column = index - tile_row * (tile_row + 1) / 2;
      const int64_t first_row = tile_row * kTile, first_column = tile_column * kTile;
      std::fill(sums.begin(), sums.end(), 0.0);
      // Sums of kRows rows and kLanes columns lie together.
      for (int64_t place = 0; place < places; place += kPlacesOfChunk) {
        const int64_t count = std::min(kPlacesOfChunk, places - place);
        double* block = sums.data();
        for (int64_t row = first_row; row < first_row + kTile; row += kRows) {
          for (int64_t column = first_column; column < first_column + kTile;
               column += kLanes, block += kRows * kLanes) {
            if (row >= channels || column >= channels || column >= row + kRows) continue;
            add_chunk(packed + (row / kLanes * places + place) * kLanes + row % kLanes,
                      packed + (column / kLanes * places + place) * kLanes, count, block);
          }
        }
      }
      for (int64_t row = first_row; row < std::min(channels, first_row + kTile); ++row) {
        for (int64_t column = first_column; column < std::min(row, first_column + kTile); ++column) {
          const int64_t r = row - first_row, c = column - first_column;
          const int64_t block = r / kRows * kPanelsOfTile + c / kLanes;
          const double sum = sums[(block * kRows + r % kRows) * kLanes + c % kLanes];
          const float distance = std::sqrt(static_cast<float>(sum));
          result[row * channels + column] = distance;
          result[column * channels + row] = distance;
        }
      }
    }
  });
  for (int64_t channel = 0; channel < channels; ++channel) result[channel * channels + channel] = 0;
}

ForTypes<FilterFunctions> functions() {
  return {{norms<float>, pack<float>}, {norms<Half>, pack<Half>}, {norms<BFloat16>, pack<BFloat16>}};
}

}  // namespace
}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(functions);
HWY_EXPORT(distances);

template <typename T>
absl::Status filter_norms(const Execution& execution, const Layout& layout, const T* x, float* l1, float* l2) {
  const int64_t terms = partial_sums(layout), size = terms * layout.channels;
  std::vector<float> partial(2 * size);
  std::get<FilterFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)()).norms(execution, layout, x, partial.data());
  if (l1 != nullptr) add_terms(partial.data(), terms, layout.channels, l1);
  if (l2 != nullptr) {
    add_terms(partial.data() + size, terms, layout.channels, l2);
    for (int64_t channel = 0; channel < layout.channels; ++channel) l2[channel] = std::sqrt(l2[channel]);
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status pairwise_distances(const Execution& execution, const Layout& layout, const T* x, float* result) {
  // Begins where a vector may be loaded aligned.
  std::vector<float> memory((panels_of(layout) * places_of(layout) + 1) * kLanesOfGroup);
  constexpr uintptr_t kAlignment = kLanesOfGroup * sizeof(float);
  const uintptr_t offset = reinterpret_cast<uintptr_t>(memory.data()) % kAlignment;
  float* const packed = memory.data() + (kAlignment - offset) % kAlignment / sizeof(float);
  if (layout.size() > 0) {
    std::get<FilterFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)()).pack(execution, layout, x, packed);
  }
  HWY_DYNAMIC_DISPATCH(distances)(execution, layout, packed, result);
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                      \
  template absl::Status filter_norms(const Execution&, const Layout&, const T*, float*, float*); \
  template absl::Status pairwise_distances(const Execution&, const Layout&, const T*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
