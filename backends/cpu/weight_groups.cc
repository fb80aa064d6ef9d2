#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/weight_groups.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/bytes-inl.h"
#include "backends/cpu/weight_formats-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_WEIGHT_GROUPS_FUNCTIONS_
#define PARE_BACKENDS_CPU_WEIGHT_GROUPS_FUNCTIONS_
namespace pare::backends::cpu {

// The arrays of quantize_groups.
struct StoredGroups {
  uint8_t* codes;
  float* scales;
  uint8_t* zero_points;  // May be null.
  float* squared_error;  // May be null.
};

template <typename T>
struct WeightGroupsFunctions {
  void (*quantize)(const Execution& execution, const GroupedLayout& layout, WeightFormat format, const T* x,
                   const StoredGroups& to);
  void (*dequantize)(const Execution& execution, const GroupedLayout& layout, WeightFormat format, const uint8_t* codes,
                     const float* scales, const uint8_t* zero_points, T* y);
};

// Goes from group to group, in the order of scales.
class GroupWalk {
 public:
  GroupWalk(const GroupedLayout& layout, int64_t index)
      : layout_(layout), row_(index / layout.groups()), first_(index % layout.groups() * layout.group_size) {}

  int64_t row() const { return row_; }
  int64_t first() const { return first_; }  // Column.
  int64_t count() const { return std::min(layout_.group_size, layout_.columns - first_); }
  int64_t element() const { return row_ * layout_.columns + first_; }

  void advance() {
    first_ += layout_.group_size;
    if (first_ >= layout_.columns) {
      first_ = 0;
      ++row_;
    }
  }

 private:
  const GroupedLayout& layout_;
  int64_t row_, first_;
};

// Calls visit(begin, end) for ranges of groups that share no byte of codes, from many threads.
template <typename Visit>
void for_each_group_range(const Execution& execution, const GroupedLayout& layout, WeightFormat format,
                          const Visit& visit) {
  if (layout.size() == 0) return;
  const bool share_bytes = bits_per_code(format) == 4 && layout.group_size % 2 != 0;
  const int64_t groups = share_bytes ? layout.groups() : 1;  // That stay together.
  const int64_t numbers = share_bytes ? layout.columns : std::min(layout.group_size, layout.columns);
  const int64_t grain = std::max<int64_t>(1, kGrain / numbers);
  execution.parallel_for(0, layout.rows * layout.groups() / groups, grain,
                         [&](int64_t begin, int64_t end) { visit(begin * groups, end * groups); });
}

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {
namespace {  // Other kernels have functions of the same names.

// So many numbers are read once for the scales, and again, from the cache, for the codes; at most kLanes groups.
constexpr int64_t kBlockSize = 4096;

struct Maximum {
  template <class Vector>
  HWY_INLINE Vector operator()(Vector a, Vector b) const {
    return hn::Max(a, b);
  }
};

struct Sum {
  template <class Vector>
  HWY_INLINE Vector operator()(Vector a, Vector b) const {
    return hn::Add(a, b);
  }
};

template <class D, class Vector, class Operation>
HWY_INLINE void store_folded(D d, Vector v, Operation operation, hn::TFromD<D>* to) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    hn::StoreU(v, d, to);
  } else {
    // Found by their arguments' namespace: Highway has no halves of vectors where they have one lane.
    const hn::Half<D> half;
    store_folded(half, operation(LowerHalf(half, v), UpperHalf(half, v)), operation, to);
  }
}

// Stores four numbers that are made of kLanes: the first steps of sum_of_lanes.
template <class D, class Vector, class Operation>
HWY_INLINE void fold_to_four(D d, Vector* group, Operation operation, hn::TFromD<D>* to) {
  int64_t parts = kParts;
  while (parts > 1 && parts * kWidth > 4) {
    parts /= 2;
    for (int64_t part = 0; part < parts; ++part) group[part] = operation(group[part], group[part + parts]);
  }
  for (int64_t part = 0; part < parts; ++part) store_folded(d, group[part], operation, to + part * kWidth);
}

// Four numbers of each group of a block, as fold_to_four stores them.
template <typename Number>
struct Fours {
  HWY_ALIGN Number number[4 * kLanes] = {};
};

// The extremes' bits as integers, which have the numbers' order from 0 on; all below 0 are less.
template <typename T>
HWY_INLINE void extremes_of_group(const T* x, int64_t count, int32_t* below, int32_t* above) {
  const Integers d;
  const I sign = hn::Set(d, std::numeric_limits<int32_t>::min());
  I least[kParts], greatest[kParts];
  for (int64_t part = 0; part < kParts; ++part) least[part] = greatest[part] = hn::Zero(d);
  for (int64_t i = 0; i < count; i += kLanes) {
    V numbers[kParts];
    load_group(x + i, count - i, 0.0f, numbers);
    for (int64_t part = 0; part < kParts; ++part) {
      const I bits = hn::BitCast(d, numbers[part]);
      greatest[part] = hn::Max(greatest[part], bits);
      least[part] = hn::Max(least[part], hn::Xor(bits, sign));
    }
  }
  fold_to_four(d, least, Maximum(), below);
  fold_to_four(d, greatest, Maximum(), above);
}

template <typename F>
HWY_INLINE void store_codes(const I* group, int64_t column, int64_t count, uint8_t* row) {
  if constexpr (bits_per_code(F::kFormat) == 8) {
    store_bytes(group, count, row + column);
  } else {
    store_halves(group, column, count, row);
  }
}

// The columns [first, first + count) of a group. Adds to a lane of `errors` each error's square.
template <typename F, bool kErrors, typename T>
HWY_INLINE void codes_of_group(const T* x, int64_t first, int64_t count, const GroupParameters& p, uint8_t* row,
                               V* errors) {
  for (int64_t i = 0; i < count; i += kLanes) {
    V numbers[kParts];
    I codes[kParts];
    // Zeros have no error: they are levels.
    load_group(x + i, count - i, 0.0f, numbers);
    for (int64_t part = 0; part < kParts; ++part) {
      V difference;
      codes[part] = F::code(numbers[part], p, difference);
      if constexpr (kErrors) errors[part] = hn::Add(errors[part], hn::Mul(difference, difference));
    }
    store_codes<F>(codes, first + i, count - i, row);
  }
}

// The codes of zero in the columns [first, first + count).
template <typename F>
void zero_codes(int64_t first, int64_t count, uint8_t* row) {
  I codes[kParts];
  for (I& part : codes) part = hn::Set(Integers(), F::kZero);
  for (int64_t i = 0; i < count; i += kLanes) store_codes<F>(codes, first + i, count - i, row);
}

// The parameters of a block's groups, a group in each lane.
struct BlockParameters {
  float scale[kLanes], inverse[kLanes], zero_point[kLanes];
};

template <typename F>
HWY_INLINE BlockParameters parameters_of_block(const Fours<int32_t>& below, const Fours<int32_t>& above) {
  const Integers d;
  BlockParameters p;
  for (int64_t part = 0; part < kParts; ++part) {
    const int64_t at = part * kWidth;
    I least[4], greatest[4];
    hn::LoadInterleaved4(d, below.number + 4 * at, least[0], least[1], least[2], least[3]);
    hn::LoadInterleaved4(d, above.number + 4 * at, greatest[0], greatest[1], greatest[2], greatest[3]);
    const GroupParameters vectors =
        parameters_of_groups<F>(hn::Max(hn::Max(least[0], least[1]), hn::Max(least[2], least[3])),
                                hn::Max(hn::Max(greatest[0], greatest[1]), hn::Max(greatest[2], greatest[3])));
    hn::StoreU(vectors.scale, Floats(), p.scale + at);
    hn::StoreU(vectors.inverse, Floats(), p.inverse + at);
    hn::StoreU(vectors.zero_point, Floats(), p.zero_point + at);
  }
  return p;
}

// The sums of a block's groups, the last steps of sum_of_lanes, each after what was summed before.
HWY_INLINE void store_sums(const Fours<float>& fours, const double* before, int64_t count, float* to) {
  float sums[kLanes];
  for (int64_t part = 0; part < kParts; ++part) {
    V terms[4];
    hn::LoadInterleaved4(Floats(), fours.number + 4 * part * kWidth, terms[0], terms[1], terms[2], terms[3]);
    hn::StoreU(hn::Add(hn::Add(terms[0], terms[2]), hn::Add(terms[1], terms[3])), Floats(), sums + part * kWidth);
  }
  for (int64_t g = 0; g < count; ++g) to[g] = static_cast<float>(before[g] + sums[g]);
}

template <typename F, bool kErrors, typename T>
void quantize_block(const GroupedLayout& layout, GroupWalk walk, int64_t index, int64_t groups, const T* x,
                    const StoredGroups& to) {
  const int64_t bytes_of_row = row_bytes(F::kFormat, layout);
  Fours<int32_t> below, above;
  GroupWalk first_walk = walk;
  for (int64_t g = 0; g < groups; ++g, first_walk.advance()) {
    extremes_of_group(x + first_walk.element(), first_walk.count(), below.number + 4 * g, above.number + 4 * g);
  }
  const BlockParameters p = parameters_of_block<F>(below, above);
  Fours<float> last_errors;
  double errors[kLanes] = {};
  for (int64_t g = 0; g < groups; ++g, walk.advance()) {
    uint8_t* const row = to.codes + walk.row() * bytes_of_row;
    to.scales[index + g] = p.scale[g];
    if (to.zero_points != nullptr) to.zero_points[index + g] = static_cast<uint8_t>(p.zero_point[g]);
    if (p.scale[g] == 0 || std::isnan(p.scale[g])) {
      zero_codes<F>(walk.first(), walk.count(), row);
      errors[g] = p.scale[g];
      continue;
    }
    const GroupParameters group{hn::Set(Floats(), p.scale[g]), hn::Set(Floats(), p.inverse[g]),
                                hn::Set(Floats(), p.zero_point[g])};
    for (int64_t piece = 0; piece < walk.count(); piece += kPieceSize) {
      const int64_t count = std::min(kPieceSize, walk.count() - piece);
      V lanes[kParts];
      for (V& part : lanes) part = hn::Zero(Floats());
      codes_of_group<F, kErrors>(x + walk.element() + piece, walk.first() + piece, count, group, row, lanes);
      if constexpr (kErrors) {
        if (piece + count == walk.count()) {
          fold_to_four(Floats(), lanes, Sum(), last_errors.number + 4 * g);
        } else {
          float sums[kLanes];
          store_group(lanes, kLanes, sums);
          errors[g] += sum_of_lanes(sums);
        }
      }
    }
  }
  if constexpr (kErrors) store_sums(last_errors, errors, groups, to.squared_error + index);
}

template <typename F, bool kErrors, typename T>
void quantize_format(const Execution& execution, const GroupedLayout& layout, const T* x, const StoredGroups& to) {
  const int64_t groups_of_block = std::clamp<int64_t>(kBlockSize / layout.group_size, 1, kLanes);
  for_each_group_range(execution, layout, F::kFormat, [&](int64_t begin, int64_t end) {
    GroupWalk walk(layout, begin);
    for (int64_t index = begin; index < end; index += groups_of_block) {
      const int64_t groups = std::min(groups_of_block, end - index);
      quantize_block<F, kErrors>(layout, walk, index, groups, x, to);
      for (int64_t g = 0; g < groups; ++g) walk.advance();
    }
  });
}

template <typename F, typename T>
void dequantize_format(const Execution& execution, const GroupedLayout& layout, const uint8_t* codes,
                       const float* scales, const uint8_t* zero_points, T* y) {
  const int64_t bytes_of_row = row_bytes(F::kFormat, layout);
  for_each_group_range(execution, layout, F::kFormat, [&](int64_t begin, int64_t end) HWY_ATTR {
    GroupWalk walk(layout, begin);
    for (int64_t index = begin; index < end; ++index, walk.advance()) {
      const uint8_t* const row = codes + walk.row() * bytes_of_row;
      const V scale = hn::Set(Floats(), scales[index]);
      const V zero_point = hn::Set(Floats(), zero_points == nullptr ? 0.0f : zero_points[index]);
      for (int64_t i = 0; i < walk.count(); i += kLanes) {
        I group[kParts];
        V numbers[kParts];
        if constexpr (bits_per_code(F::kFormat) == 8) {
          load_bytes(row + walk.first() + i, walk.count() - i, group);
        } else {
          load_halves(row, walk.first() + i, walk.count() - i, group);
        }
        for (int64_t part = 0; part < kParts; ++part) {
          numbers[part] = hn::Mul(scale, F::value(group[part], zero_point));
        }
        store_group(numbers, walk.count() - i, y + walk.element() + i);
      }
    }
  });
}

// Calls visit(Format<format>()).
template <typename Visit>
void with_format(WeightFormat format, const Visit& visit) {
  switch (format) {
    case WeightFormat::kInt4Symmetric:
      return visit(Format<WeightFormat::kInt4Symmetric>());
    case WeightFormat::kInt4Asymmetric:
      return visit(Format<WeightFormat::kInt4Asymmetric>());
    case WeightFormat::kNf4:
      return visit(Format<WeightFormat::kNf4>());
    case WeightFormat::kFp8E4M3:
      return visit(Format<WeightFormat::kFp8E4M3>());
    case WeightFormat::kMxfp4:
      return visit(Format<WeightFormat::kMxfp4>());
  }
}

template <typename T>
void quantize(const Execution& execution, const GroupedLayout& layout, WeightFormat format, const T* x,
              const StoredGroups& to) {
  with_format(format, [&](auto f) {
    if (to.squared_error == nullptr) {
      quantize_format<decltype(f), false>(execution, layout, x, to);
    } else {
      quantize_format<decltype(f), true>(execution, layout, x, to);
    }
  });
}

template <typename T>
void dequantize(const Execution& execution, const GroupedLayout& layout, WeightFormat format, const uint8_t* codes,
                const float* scales, const uint8_t* zero_points, T* y) {
  with_format(format,
              [&](auto f) { dequantize_format<decltype(f)>(execution, layout, codes, scales, zero_points, y); });
}

ForTypes<WeightGroupsFunctions> functions() {
  return {{quantize<float>, dequantize<float>},
          {quantize<Half>, dequantize<Half>},
          {quantize<BFloat16>, dequantize<BFloat16>}};
}

}  // namespace
}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(functions);

template <typename T>
absl::Status quantize_groups(const Execution& execution, const GroupedLayout& layout, WeightFormat format, const T* x,
                             uint8_t* codes, float* scales, uint8_t* zero_points, float* squared_error) {
  const auto kernel = std::get<WeightGroupsFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
  kernel.quantize(execution, layout, format, x, {codes, scales, zero_points, squared_error});
  return absl::OkStatus();
}

template <typename T>
absl::Status dequantize_groups(const Execution& execution, const GroupedLayout& layout, WeightFormat format,
                               const uint8_t* codes, const float* scales, const uint8_t* zero_points, T* y) {
  const auto kernel = std::get<WeightGroupsFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
  kernel.dequantize(execution, layout, format, codes, scales, zero_points, y);
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                       \
  template absl::Status quantize_groups(const Execution&, const GroupedLayout&, WeightFormat, const T*, uint8_t*, \
                                        float*, uint8_t*, float*);                                                \
  template absl::Status dequantize_groups(const Execution&, const GroupedLayout&, WeightFormat, const uint8_t*,   \
                                          const float*, const uint8_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
