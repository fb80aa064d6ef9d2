#include <algorithm>
#include <atomic>
#include <cstdint>
#include <tuple>
#include <vector>

#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/counts.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/streams-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_COUNTS_FUNCTIONS_
#define PARE_BACKENDS_CPU_COUNTS_FUNCTIONS_
namespace pare::backends::cpu {

template <typename T>
struct CountFunctions {
  void (*zeros)(const Execution& execution, const Layout& layout, const T* x, int64_t* counts);
  void (*above)(const Execution& execution, const Layout& layout, const T* x, float threshold, int64_t* counts);
};

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {
namespace {

// What is counted, of a vector and of a number.
struct Zeros {
  HWY_INLINE hn::Mask<Floats> holds(V x) const { return hn::Eq(x, hn::Zero(Floats())); }
  bool holds(float x) const { return x == 0; }
};

struct Above {
  float threshold;
  HWY_INLINE hn::Mask<Floats> holds(V x) const { return hn::Gt(x, hn::Set(Floats(), threshold)); }
  bool holds(float x) const { return x > threshold; }
};

// Adds 1 to each lane where the predicate holds: a true lane is -1.
template <typename T, typename Predicate>
HWY_INLINE void count_vector(const T* x, Predicate predicate, hn::Vec<Integers>& counts) {
  const auto holds = hn::RebindMask(Integers(), predicate.holds(load_vector(x)));
  counts = hn::Sub(counts, hn::VecFromMask(Integers(), holds));
}

// At most so many numbers, so that no lane's count overflows.
inline constexpr int64_t kMostOfSpan = int64_t{1} << 30;

template <typename T, typename Predicate>
int64_t count_of_span(const T* x, int64_t count, Predicate predicate) {
  int64_t result = 0, i = 0;
  if (count >= kLanes) {
    constexpr int64_t kStep = 4 * kLanes;  // Several sums, which need not wait for each other.
    hn::Vec<Integers> sums[kStep / kWidth];
    for (auto& sum : sums) sum = hn::Zero(Integers());
    for (; i + kStep <= count; i += kStep) {
      for (int64_t at = 0; at < kStep; at += kLanes) read_ahead(x + i + at);
      for (int64_t part = 0; part < kStep / kWidth; ++part) count_vector(x + i + part * kWidth, predicate, sums[part]);
    }
    for (; i + kWidth <= count; i += kWidth) count_vector(x + i, predicate, sums[0]);
    for (int64_t part = 1; part < kStep / kWidth; ++part) sums[0] = hn::Add(sums[0], sums[part]);
    result = hn::GetLane(hn::SumOfLanes(Integers(), sums[0]));
  }
  for (; i < count; ++i) result += predicate.holds(to_float(x[i]));
  return result;
}

// Counts of one row, whose numbers are of a channel each.
template <typename T, typename Predicate>
void count_row(const T* x, int64_t channels, Predicate predicate, int32_t* counts) {
  int64_t i = 0;
  for (; i + kWidth <= channels; i += kWidth) {
    auto sums = hn::LoadU(Integers(), counts + i);
    count_vector(x + i, predicate, sums);
    hn::StoreU(sums, Integers(), counts + i);
  }
  for (; i < channels; ++i) counts[i] += predicate.holds(to_float(x[i]));
}

template <typename T, typename Predicate>
void count(const Execution& execution, const Layout& any_layout, const T* x, Predicate predicate, int64_t* counts) {
  const Layout layout = merged(any_layout);
  std::fill_n(counts, layout.channels, int64_t{0});
  if (layout.size() == 0) return;
  const auto add = [&](int64_t channel, int64_t number) {
    std::atomic_ref(counts[channel]).fetch_add(number, std::memory_order_relaxed);
  };
  if (layout.channels == 1) {
    execution.parallel_for(0, layout.inner, kGrain, [&](int64_t begin, int64_t end) HWY_ATTR {
      for (; begin < end; begin += kMostOfSpan) {
        add(0, count_of_span(x + begin, std::min(kMostOfSpan, end - begin), predicate));
      }
    });
  } else if (has_channel_rows(layout)) {
    for_each_row_block(execution, layout, [&](int64_t, int64_t first, int64_t rows) HWY_ATTR {
      std::vector<int32_t> sums(layout.channels);
      for (int64_t row = first; row < first + rows; ++row) {
        count_row(x + row * layout.channels, layout.channels, predicate, sums.data());
      }
      for (int64_t channel = 0; channel < layout.channels; ++channel) add(channel, sums[channel]);
    });
  } else if (layout.inner >= kPieceSize) {
    // In the order of memory, as pieces are not.
    for_each_span(execution, layout, [&](int64_t first, int64_t length, int64_t channel) HWY_ATTR {
      add(channel, count_of_span(x + first, length, predicate));
    });
  } else {
    for_each_piece(execution, layout, [&](int64_t, const Piece& piece) HWY_ATTR {
      int64_t sum = 0;
      for (int64_t span = 0; span < piece.spans; ++span) {
        sum += count_of_span(x + piece.first + span * piece.stride, piece.length, predicate);
      }
      add(piece.channel, sum);
    });
  }
}

template <typename T>
void zeros(const Execution& execution, const Layout& layout, const T* x, int64_t* counts) {
  count(execution, layout, x, Zeros{}, counts);
}

template <typename T>
void above(const Execution& execution, const Layout& layout, const T* x, float threshold, int64_t* counts) {
  count(execution, layout, x, Above{threshold}, counts);
}

ForTypes<CountFunctions> functions() {
  return {{zeros<float>, above<float>}, {zeros<Half>, above<Half>}, {zeros<BFloat16>, above<BFloat16>}};
}

}  // namespace
}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(functions);

template <typename T>
absl::Status count_zeros(const Execution& execution, const Layout& layout, const T* x, int64_t* counts) {
  std::get<CountFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)()).zeros(execution, layout, x, counts);
  return absl::OkStatus();
}

template <typename T>
absl::Status count_above(const Execution& execution, const Layout& layout, const T* x, float threshold,
                         int64_t* counts) {
  std::get<CountFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)()).above(execution, layout, x, threshold, counts);
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                               \
  template absl::Status count_zeros(const Execution&, const Layout&, const T*, int64_t*); \
  template absl::Status count_above(const Execution&, const Layout&, const T*, float, int64_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
