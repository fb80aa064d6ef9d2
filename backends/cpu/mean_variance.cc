#include <algorithm>
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
#define HWY_TARGET_INCLUDE "backends/cpu/mean_variance.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/streams-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_MEAN_VARIANCE_FUNCTIONS_
#define PARE_BACKENDS_CPU_MEAN_VARIANCE_FUNCTIONS_
namespace pare::backends::cpu {

// What is known of a part of a channel: how many numbers, their mean, and the sum of their squared distances to it.
struct Moments {
  double size = 0, mean = 0, squares = 0;
};

// From a first guess of the mean, and the sums of the distances to it and of their squares. Corrected like this, an
// inexact guess costs nothing (Chan et al. 1983, eq. 1.7).
inline Moments moments_around(float guess, double size, double distances, double squares) {
  return {size, guess + distances / size, squares - distances * distances / size};
}

template <typename T>
struct MeanVarianceFunctions {
  // The moments of all pieces, or of all blocks of rows: [terms, channels].
  std::vector<Moments> (*moments)(const Execution& execution, const Layout& layout, const T* x);
};

// Rows in a block: as many as a sum's piece may have numbers in a lane, 4 rows being added first.
inline constexpr int64_t kRowsOfMoments = 512;

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

// Sums go over four groups of lanes in turn, so that an addition need not wait for the one before.
inline constexpr int64_t kGroups = 4;

struct Lanes {
  HWY_INLINE Lanes() {}

  V parts[kGroups * kParts];

  HWY_INLINE void clear() {
#pragma GCC unroll 16
    for (V& part : parts) part = hn::Zero(Floats());
  }
  HWY_INLINE float sum() const {
    HWY_ALIGN float lanes[kLanes];
    for (int64_t part = 0; part < kParts; ++part) {
      const V sum = hn::Add(hn::Add(parts[part], parts[kParts + part]),
                            hn::Add(parts[2 * kParts + part], parts[3 * kParts + part]));
      hn::Store(sum, Floats(), lanes + part * kWidth);
    }
    return sum_of_lanes(lanes);
  }
};

// Calls visit(part, numbers) for `count` numbers: visit adds to place `part` of its Lanes. What is missing at the end
// is `padding`. Asks for as many numbers that lie a piece behind, if `reads_ahead`.
template <bool reads_ahead, typename Visit>
HWY_INLINE void for_each_vector(const float* x, int64_t count, float padding, const Visit& visit) {
  int64_t i = 0;
  for (; i + kGroups * kLanes <= count; i += kGroups * kLanes) {
#pragma GCC unroll 4
    for (int64_t group = 0; group < kGroups; ++group) {
      if constexpr (reads_ahead) read_ahead(x + i + group * kLanes, kPieceSize * sizeof(float));
#pragma GCC unroll 4
      for (int64_t part = 0; part < kParts; ++part) {
        visit(group * kParts + part, load_vector(x + i + group * kLanes + part * kWidth));
      }
    }
  }
  // Constant places, so that the sums stay in registers.
#pragma GCC unroll 4
  for (int64_t group = 0; group < kGroups; ++group) {
    const int64_t at = i + group * kLanes;
    if (at >= count) return;
    V numbers[kParts];
    load_group(x + at, count - at, padding, numbers);
#pragma GCC unroll 4
    for (int64_t part = 0; part < kParts; ++part) visit(group * kParts + part, numbers[part]);
  }
}

// The first guess is the mean of the first half. It lies within a standard deviation of the mean, whatever the numbers
// are, so the sums around it are at most twice what they would be around the mean itself, and lanes of 32 terms leave
// room for that within kSumTolerance.
HWY_INLINE Moments moments_of_numbers(const float* x, int64_t count) {
  Lanes sums, squares;
  sums.clear();
  const int64_t half = (count + 1) / 2;
  for_each_vector<false>(
      x, half, 0.0f, [&](int64_t part, V numbers) HWY_ATTR { sums.parts[part] = hn::Add(sums.parts[part], numbers); });
  const float guess = sums.sum() / static_cast<float>(half);
  const V guess_vector = hn::Set(Floats(), guess);
  sums.clear();
  squares.clear();
  for_each_vector<true>(x, count, guess, [&](int64_t part, V numbers) HWY_ATTR {
    const V distance = hn::Sub(numbers, guess_vector);
    sums.parts[part] = hn::Add(sums.parts[part], distance);
    squares.parts[part] = hn::Add(squares.parts[part], hn::Mul(distance, distance));
  });
  return moments_around(guess, static_cast<double>(count), sums.sum(), squares.sum());
}

template <typename T>
HWY_INLINE void copy_as_floats(const T* x, int64_t count, float* numbers) {
  if constexpr (std::is_same_v<T, float>) {
    std::memcpy(numbers, x, count * sizeof(float));
  } else {
    int64_t i = 0;
    for (; i + kWidth <= count; i += kWidth) store_vector(load_vector(x + i), numbers + i);
    for (; i < count; ++i) numbers[i] = to_float(x[i]);
  }
}

// A piece is read from memory once: the second time it is still in the cache nearest to the processor. Conversions and
// short spans go through a copy there.
template <typename T>
void moments_of_pieces(const Execution& execution, const Layout& layout, const T* x, Moments* moments) {
  for_each_piece(execution, layout, [&](int64_t index, const Piece& piece) HWY_ATTR {
    if constexpr (std::is_same_v<T, float>) {
      if (piece.spans == 1) {
        moments[index] = moments_of_numbers(x + piece.first, piece.length);
        return;
      }
    }
    HWY_ALIGN float numbers[kPieceSize];
    for (int64_t span = 0; span < piece.spans; ++span) {
      copy_as_floats(x + piece.first + span * piece.stride, piece.length, numbers + span * piece.length);
    }
    moments[index] = moments_of_numbers(numbers, piece.spans * piece.length);
  });
}

// term(row 0) + ... + term(row rows - 1) of a vector of columns, for up to four rows `stride` apart.
template <typename T, typename Term>
HWY_INLINE V sum_of_rows(const T* x, int64_t stride, int64_t rows, const Term& term) {
  const V first = term(load_vector(x));
  if (rows == 1) return first;
  const V two = hn::Add(first, term(load_vector(x + stride)));
  if (rows == 2) return two;
  const V third = term(load_vector(x + 2 * stride));
  return hn::Add(two, rows == 3 ? third : hn::Add(third, term(load_vector(x + 3 * stride))));
}

// Of a block of rows. Where a group of lanes is longer than a row, kLanes rows are taken as one: column i of it belongs
// to channel i % channels. The columns are gone through in strips, twice each: the second time they are in the cache.
template <typename T>
void moments_of_block(const T* x, int64_t rows, int64_t channels, Moments* moments) {
  constexpr int64_t kStrip = 16, kColumns = kStrip * kLanes;
  const int64_t rows_at_once = channels < kLanes ? kLanes : 1;
  const int64_t width = channels * rows_at_once, wide_rows = rows / rows_at_once;
  const int64_t groups = divide_up(width, kLanes);
  for (int64_t first_group = 0; first_group < groups; first_group += kStrip) {
    const int64_t parts = std::min(kStrip, groups - first_group) * kParts;
    // The last group ends with the row, and repeats some columns of the one before.
    const auto column_of = [&](int64_t part) {
      return std::min((first_group + part / kParts) * kLanes, width - kLanes) + part % kParts * kWidth;
    };
    const int64_t first_column = column_of(0);
    const int64_t columns = std::min(first_column + kColumns, width) - first_column;
    const int64_t strip_channels = rows_at_once == 1 ? columns : channels;
    V sums[kStrip * kParts], squares[kStrip * kParts];
    HWY_ALIGN float lanes[kColumns];
    double channel_sums[kColumns] = {}, channel_squares[kColumns] = {};
    const auto add_columns = [&](const V* vectors, double* results) HWY_ATTR {
      for (int64_t part = 0; part < parts; ++part) {
        hn::StoreU(vectors[part], Floats(), lanes + column_of(part) - first_column);
      }
      for (int64_t column = 0; column < columns; ++column) results[column % strip_channels] += lanes[column];
    };

    for (int64_t part = 0; part < parts; ++part) sums[part] = hn::Zero(Floats());
    for (int64_t row = 0; row < wide_rows; row += 4) {
      for (int64_t part = 0; part < parts; ++part) {
        sums[part] = hn::Add(sums[part], sum_of_rows(x + row * width + column_of(part), width, wide_rows - row,
                                                     [](V numbers) HWY_ATTR { return numbers; }));
      }
    }
    if (wide_rows > 0) add_columns(sums, channel_sums);
    // Rows that do not fill a wide one.
    const auto for_each_left = [&](const auto& visit) {
      for (int64_t i = wide_rows * width; i < rows * channels; ++i) visit(i % channels, to_float(x[i]));
    };
    for_each_left([&](int64_t channel, float number) { channel_sums[channel] += number; });

    float guesses[kColumns];
    HWY_ALIGN float column_guesses[kColumns];
    for (int64_t channel = 0; channel < strip_channels; ++channel) {
      guesses[channel] = static_cast<float>(channel_sums[channel] / static_cast<double>(rows));
      channel_sums[channel] = 0;
    }
    for (int64_t column = 0; column < columns; ++column) column_guesses[column] = guesses[column % strip_channels];

    for (int64_t part = 0; part < parts; ++part) sums[part] = squares[part] = hn::Zero(Floats());
    for (int64_t row = 0; row < wide_rows; row += 4) {
      for (int64_t part = 0; part < parts; ++part) {
        const T* const from = x + row * width + column_of(part);
        const V guess = hn::LoadU(Floats(), column_guesses + column_of(part) - first_column);
        V sum = hn::Zero(Floats());
        squares[part] = hn::Add(squares[part], sum_of_rows(from, width, wide_rows - row, [&](V numbers) HWY_ATTR {
                                  const V distance = hn::Sub(numbers, guess);
                                  sum = hn::Add(sum, distance);
                                  return hn::Mul(distance, distance);
                                }));
        sums[part] = hn::Add(sums[part], sum);
      }
    }
    if (wide_rows > 0) {
      add_columns(sums, channel_sums);
      add_columns(squares, channel_squares);
    }
    for_each_left([&](int64_t channel, float number) {
      const double distance = double{number} - guesses[channel];
      channel_sums[channel] += distance;
      channel_squares[channel] += distance * distance;
    });
    for (int64_t channel = 0; channel < strip_channels; ++channel) {
      moments[rows_at_once == 1 ? first_column + channel : channel] =
          moments_around(guesses[channel], static_cast<double>(rows), channel_sums[channel], channel_squares[channel]);
    }
  }
}

template <typename T>
std::vector<Moments> moments(const Execution& execution, const Layout& layout, const T* x) {
  const int64_t channels = layout.channels;
  if (!has_channel_rows(layout)) {
    std::vector<Moments> partial(pieces_of_channel(layout) * channels);
    moments_of_pieces(execution, layout, x, partial.data());
    return partial;
  }
  const int64_t blocks = divide_up(layout.outer, kRowsOfMoments);
  std::vector<Moments> partial(blocks * channels);
  const int64_t grain = std::max<int64_t>(1, kGrain / (kRowsOfMoments * channels));
  execution.parallel_for(0, blocks, grain, [&](int64_t begin, int64_t end) HWY_ATTR {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kRowsOfMoments;
      moments_of_block(x + first * channels, std::min(kRowsOfMoments, layout.outer - first), channels,
                       partial.data() + block * channels);
    }
  });
  return partial;
}

ForTypes<MeanVarianceFunctions> mean_variance_functions() {
  return {{moments<float>}, {moments<Half>}, {moments<BFloat16>}};
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(mean_variance_functions);

template <typename T>
absl::Status mean_variance(const Execution& execution, const Layout& layout, const T* x, float* mean, float* variance) {
  const auto kernel = std::get<MeanVarianceFunctions<T>>(HWY_DYNAMIC_DISPATCH(mean_variance_functions)());
  const std::vector<Moments> partial = kernel.moments(execution, layout, x);
  // The mean of all first, then each part's distance from it. 0 / 0 is what no number has.
  const int64_t channels = layout.channels;
  std::vector<Moments> total(channels);
  const auto for_each_part = [&](const auto& visit) {
    for (size_t first = 0; first < partial.size(); first += channels) {
      for (int64_t c = 0; c < channels; ++c) visit(partial[first + c], total[c]);
    }
  };
  for_each_part([](const Moments& part, Moments& channel) {
    channel.size += part.size;
    channel.mean += part.size * part.mean;
  });
  for (Moments& channel : total) channel.mean /= channel.size;
  for_each_part([](const Moments& part, Moments& channel) {
    const double distance = part.mean - channel.mean;
    channel.squares += part.squares + part.size * distance * distance;
  });
  for (int64_t c = 0; c < channels; ++c) {
    mean[c] = static_cast<float>(total[c].mean);
    variance[c] = static_cast<float>(std::max(total[c].squares / total[c].size, 0.0));
  }
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status mean_variance(const Execution&, const Layout&, const T*, float*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
