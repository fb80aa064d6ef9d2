#include <algorithm>
#include <cstdint>
#include <tuple>

#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/n_of_m.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/masks-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_N_OF_M_FUNCTIONS_
#define PARE_BACKENDS_CPU_N_OF_M_FUNCTIONS_
namespace pare::backends::cpu {

template <typename T>
struct NOfMFunctions {
  void (*mask)(const Execution& execution, const Layout& layout, const T* x, int n, int m, uint8_t* mask);
};

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {
namespace {

using Keys = hn::Vec<Integers>;

// An integer that grows with the magnitude; one for all NaN, which is the greatest but leaves room for one more.
template <typename T>
HWY_INLINE Keys keys_of(const T* x) {
  const V magnitude = hn::Abs(load_vector(x));
  const auto is_nan = hn::RebindMask(Integers(), hn::IsNaN(magnitude));
  return hn::IfThenElse(is_nan, hn::Set(Integers(), 0x7F800001), hn::BitCast(Integers(), magnitude));
}

// What is kept: of which fewer than n others come before it.
HWY_INLINE void store_kept(Keys others_before, int n, uint8_t* mask) {
  const auto kept = hn::Gt(hn::Set(Integers(), n), others_before);
  store_mask(hn::RebindMask(Floats(), kept), mask);
}

// A vector of one lane has no neighbours.
#if HWY_TARGET != HWY_SCALAR

// Where each lane finds the others of its group of m <= kWidth successive numbers: as many groups as a vector holds
// whole. Lanes behind them find themselves.
class Neighbours {
 public:
  explicit Neighbours(int64_t m) : m_(m), used_(kWidth / m * m) {
    for (int64_t distance = 1; distance < m; ++distance) {
      for (int64_t lane = 0; lane < kWidth; ++lane) {
        const int64_t member = lane % m, other = (member + distance) % m;
        place_[distance - 1][lane] = static_cast<int32_t>(lane < used_ ? lane - member + other : lane);
        is_earlier_[distance - 1][lane] = other < member;
      }
    }
  }

  int64_t used() const { return used_; }

  // How many of its group come before each number: are greater, or equal and earlier.
  HWY_INLINE Keys count_before(Keys keys) const {
    Keys before = hn::Zero(Integers());
    for (int64_t i = 0; i < m_ - 1; ++i) {
      const Keys others = hn::TableLookupLanes(keys, hn::SetTableIndices(Integers(), place_[i]));
      const auto is_before = hn::Gt(hn::Add(others, hn::Load(Integers(), is_earlier_[i])), keys);
      before = hn::Sub(before, hn::VecFromMask(Integers(), is_before));
    }
    return before;
  }

 private:
  const int64_t m_, used_;
  alignas(64) int32_t place_[kWidth - 1][kWidth];
  alignas(64) int32_t is_earlier_[kWidth - 1][kWidth];
};

template <typename T>
void mask_successive(const Execution& execution, int64_t size, const T* x, int n, int m, uint8_t* mask) {
  const Neighbours neighbours(m);
  const auto mask_vector = [&](const T* numbers, uint8_t* to)
                               HWY_ATTR { store_kept(neighbours.count_before(keys_of(numbers)), n, to); };
  execution.parallel_for(0, size / m, kGrain / m, [&](int64_t begin, int64_t end) HWY_ATTR {
    const int64_t last = end * m;
    int64_t i = begin * m;
    for (; i + kWidth <= last; i += neighbours.used()) mask_vector(x + i, mask + i);
    while (i < last) {
      const int64_t count = std::min(neighbours.used(), last - i);
      T padded[kWidth] = {};
      uint8_t padded_mask[kWidth];
      std::copy_n(x + i, count, padded);
      mask_vector(padded, padded_mask);
      std::copy_n(padded_mask, count, mask + i);
      i += count;
    }
  });
}

#endif  // HWY_TARGET != HWY_SCALAR

// One group's numbers: the rows of its channels, of as many numbers each, one behind the other.
class Group {
 public:
  static constexpr int64_t kMostNumbers = 1024;

  // members * width <= kMostNumbers.
  void reset(int64_t members, int64_t width) {
    members_ = members;
    width_ = width;
  }

  // Takes over `count` of the numbers, from place `at` on. Each is stored twice: once more behind all of them, and
  // greater by 1, so that every element finds its neighbour `distance` rows on at `distance * width`, and loses to an
  // equal one if that is earlier, which means wrapped.
  template <typename T>
  HWY_INLINE void fill(int64_t at, const T* x, int64_t count) {
    int32_t* const keys = keys_ + at;
    int32_t* const wrapped = keys + members_ * width_;
    if (count < kWidth) {
      T padded[kWidth] = {};
      std::copy_n(x, count, padded);
      HWY_ALIGN int32_t padded_keys[2][kWidth];
      fill_vector(padded, padded_keys[0], padded_keys[1]);
      std::copy_n(padded_keys[0], count, keys);
      std::copy_n(padded_keys[1], count, wrapped);
      return;
    }
    for (int64_t i = 0; i < count - kWidth; i += kWidth) fill_vector(x + i, keys + i, wrapped + i);
    fill_vector(x + count - kWidth, keys + count - kWidth, wrapped + count - kWidth);
  }

  // The masks of all rows, one behind the other.
  HWY_INLINE const uint8_t* mask(int n) {
    for (int64_t i = 0; i < members_ * width_; i += kWidth) {
      const Keys keys = hn::LoadU(Integers(), keys_ + i);
      Keys before = hn::Zero(Integers());
      for (int64_t distance = 1; distance < members_; ++distance) {
        const Keys others = hn::LoadU(Integers(), keys_ + i + distance * width_);
        before = hn::Sub(before, hn::VecFromMask(Integers(), hn::Gt(others, keys)));
      }
      store_kept(before, n, mask_ + i);
    }
    return mask_;
  }

 private:
  template <typename T>
  static HWY_INLINE void fill_vector(const T* x, int32_t* keys, int32_t* wrapped) {
    const Keys vector = keys_of(x);
    hn::StoreU(vector, Integers(), keys);
    hn::StoreU(hn::Add(vector, hn::Set(Integers(), 1)), Integers(), wrapped);
  }

  int64_t members_ = 0, width_ = 0;
  // The last vector may look at what lies behind.
  alignas(64) int32_t keys_[2 * kMostNumbers + kLanes] = {};
  alignas(64) uint8_t mask_[kMostNumbers + kLanes] = {};
};

template <typename T>
void mask_groups(const Execution& execution, const Layout& layout, const T* x, int n, int m, uint8_t* mask) {
  const int64_t groups = divide_up(layout.channels, m);
  const int64_t grain = std::max<int64_t>(1, kGrain / (m * layout.inner));
  execution.parallel_for(0, layout.outer * groups, grain, [&](int64_t begin, int64_t end) HWY_ATTR {
    Group group;
    for (int64_t index = begin; index < end; ++index) {
      const int64_t channel = index % groups * m, members = std::min<int64_t>(m, layout.channels - channel);
      const int64_t most = Group::kMostNumbers / members;
      for (int64_t start = 0; start < layout.inner; start += most) {
        const int64_t width = std::min(most, layout.inner - start);
        const int64_t first = (index / groups * layout.channels + channel) * layout.inner + start;
        // Whole rows lie one behind the other in the tensor, too.
        const int64_t run = width == layout.inner ? members * width : width;
        group.reset(members, width);
        for (int64_t at = 0; at < members * width; at += run) {
          group.fill(at, x + first + at / width * layout.inner, run);
        }
        const uint8_t* const kept = group.mask(n);
        for (int64_t at = 0; at < members * width; at += run) {
          std::copy_n(kept + at, run, mask + first + at / width * layout.inner);
        }
      }
    }
  });
}

template <typename T>
void mask_n_of_m(const Execution& execution, const Layout& layout, const T* x, int n, int m, uint8_t* mask) {
  if (layout.size() == 0) return;
#if HWY_TARGET != HWY_SCALAR
  if (layout.inner == 1 && layout.channels % m == 0 && m <= kWidth) {
    mask_successive(execution, layout.size(), x, n, m, mask);
    return;
  }
#endif
  mask_groups(execution, layout, x, n, m, mask);
}

ForTypes<NOfMFunctions> functions() { return {{mask_n_of_m<float>}, {mask_n_of_m<Half>}, {mask_n_of_m<BFloat16>}}; }

}  // namespace
}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(functions);

template <typename T>
absl::Status n_of_m_mask(const Execution& execution, const Layout& layout, const T* x, int n, int m, uint8_t* mask) {
  std::get<NOfMFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)()).mask(execution, layout, x, n, m, mask);
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status n_of_m_mask(const Execution&, const Layout&, const T*, int, int, uint8_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
