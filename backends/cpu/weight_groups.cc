#include <algorithm>
#include <cmath>
#include <cstdint>
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

// Where a group's numbers lie.
struct GroupPlace {
  int64_t row, first, count;  // Columns [first, first + count).
};

inline GroupPlace group_place(const GroupedLayout& layout, int64_t index) {
  const int64_t first = index % layout.groups() * layout.group_size;
  return {index / layout.groups(), first, std::min(layout.group_size, layout.columns - first)};
}

// The place of the next group, in the order of scales.
inline void advance(const GroupedLayout& layout, GroupPlace& place) {
  place.first += layout.group_size;
  if (place.first >= layout.columns) {
    place.first = 0;
    ++place.row;
  }
  place.count = std::min(layout.group_size, layout.columns - place.first);
}

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
  // Those of the groups from `first` on.
  void clear(int64_t first) { std::fill(number + 4 * first, number + 4 * kLanes, Number{0}); }

  Number number[4 * kLanes];
};

// What is kept of a block's numbers: of each group, four keys whose greatest is the group's.
struct BlockKeys {
  // A number's bits, the sign behind the others: the order of magnitudes, the negative one of two before the other.
  Fours<uint32_t> extreme;
  // The bits of -x and x, as integers: those of numbers from 0 on have their order, all others are less than 0's.
  Fours<int32_t> below, above;
};

// Calls visit(part of a group, vector) for all of the numbers, and for zeros behind them.
template <typename Visit>
HWY_INLINE void for_each_vector(const float* x, int64_t count, const Visit& visit) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t part = 0; part < kParts; ++part) visit(part, load_vector(x + i + part * kWidth));
  }
  if (i == count) return;
  V rest[kParts];
  load_group(x + i, count - i, 0.0f, rest);
  for (int64_t part = 0; part < kParts; ++part) visit(part, rest[part]);
}

template <typename F>
HWY_INLINE void keys_of_group(const float* x, int64_t count, int64_t group, BlockKeys& keys) {
  if constexpr (F::kTwoSided) {
    const Integers d;
    const I sign = hn::Set(d, std::numeric_limits<int32_t>::min());
    I below[kParts], above[kParts];
    for (int64_t part = 0; part < kParts; ++part) below[part] = above[part] = hn::Zero(d);
    for_each_vector(x, count, [&](int64_t part, V numbers) HWY_ATTR {
      const I bits = hn::BitCast(d, numbers);
      above[part] = hn::Max(above[part], bits);
      below[part] = hn::Max(below[part], hn::Xor(bits, sign));
    });
    fold_to_four(d, below, Maximum(), keys.below.number + 4 * group);
    fold_to_four(d, above, Maximum(), keys.above.number + 4 * group);
  } else {
    const Words d;
    hn::Vec<Words> extreme[kParts];
    for (auto& part : extreme) part = hn::Zero(d);
    for_each_vector(x, count, [&](int64_t part, V numbers) HWY_ATTR {
      extreme[part] = hn::Max(extreme[part], hn::RotateRight<31>(hn::BitCast(d, numbers)));
    });
    fold_to_four(d, extreme, Maximum(), keys.extreme.number + 4 * group);
  }
}

// Those of the groups from `first` on, which there are not.
template <typename F>
void clear_keys(int64_t first, BlockKeys& keys) {
  if constexpr (F::kTwoSided) {
    keys.below.clear(first);
    keys.above.clear(first);
  } else {
    keys.extreme.clear(first);
  }
}

// The greatest of the four keys of each of kWidth groups from `group` on.
template <class D>
HWY_INLINE hn::Vec<D> greatest_keys(D d, const Fours<hn::TFromD<D>>& fours, int64_t group) {
  hn::Vec<D> keys[4];
  hn::LoadInterleaved4(d, fours.number + 4 * group, keys[0], keys[1], keys[2], keys[3]);
  return hn::Max(hn::Max(keys[0], keys[1]), hn::Max(keys[2], keys[3]));
}

template <typename F>
HWY_INLINE GroupExtremes extremes_of_groups(const BlockKeys& keys, int64_t group) {
  GroupExtremes e;
  if constexpr (F::kTwoSided) {
    const I below = greatest_keys(Integers(), keys.below, group), above = greatest_keys(Integers(), keys.above, group);
    e.below = hn::BitCast(Floats(), below);
    e.above = hn::BitCast(Floats(), above);
    e.extreme = hn::BitCast(Floats(), hn::Max(below, above));  // Its magnitude is enough.
  } else {
    e.extreme = hn::BitCast(Floats(), hn::RotateRight<1>(greatest_keys(Words(), keys.extreme, group)));
    e.below = e.above = e.extreme;
  }
  return e;
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
template <typename F, bool kErrors>
HWY_INLINE void codes_of_group(const float* x, int64_t first, int64_t count, const GroupParameters& p, uint8_t* row,
                               V* errors) {
  const auto codes_of = [&](const V* numbers, I* codes) HWY_ATTR {
    for (int64_t part = 0; part < kParts; ++part) {
      V difference;
      codes[part] = F::code(numbers[part], p, difference);
      if constexpr (kErrors) errors[part] = hn::Add(errors[part], hn::Mul(difference, difference));
    }
  };
  V numbers[kParts];
  I codes[kParts];
  int64_t i = 0;
  constexpr int64_t kPerByte = 8 / bits_per_code(F::kFormat);
  if (first % kPerByte == 0) {
    uint8_t* to = row + first / kPerByte;
    for (; i + kLanes <= count; i += kLanes, to += kLanes / kPerByte) {
      for (int64_t part = 0; part < kParts; ++part) numbers[part] = load_vector(x + i + part * kWidth);
      codes_of(numbers, codes);
      if constexpr (kPerByte == 1) {
        store_sixteen(low_bytes(codes), to);
      } else {
        store_joined(low_bytes(codes), to);
      }
    }
  }
  for (; i < count; i += kLanes) {
    // Zeros have no error: they are levels.
    load_group(x + i, count - i, 0.0f, numbers);
    codes_of(numbers, codes);
    store_codes<F>(codes, first + i, count - i, row);
  }
}

// The codes of zero in the columns [first, first + count).
template <typename F>
HWY_NOINLINE void zero_codes(int64_t first, int64_t count, uint8_t* row) {
  I codes[kParts];
  for (I& part : codes) part = hn::Set(Integers(), F::kZero);
  for (int64_t i = 0; i < count; i += kLanes) store_codes<F>(codes, first + i, count - i, row);
}

// The parameters of a block's groups, a group in each lane.
struct BlockParameters {
  float scale[kLanes], inverse[kLanes], zero_point[kLanes];
};

template <typename F>
HWY_INLINE BlockParameters parameters_of_block(const BlockKeys& keys) {
  BlockParameters p;
  for (int64_t group = 0; group < kLanes; group += kWidth) {
    const GroupParameters vectors = parameters_of_groups<F>(extremes_of_groups<F>(keys, group));
    hn::StoreU(vectors.scale, Floats(), p.scale + group);
    hn::StoreU(vectors.inverse, Floats(), p.inverse + group);
    hn::StoreU(vectors.zero_point, Floats(), p.zero_point + group);
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

// Groups at `places`, those from `index` on; x are their numbers.
template <typename F, bool kErrors>
void quantize_block(const GroupedLayout& layout, const GroupPlace* places, int64_t index, int64_t groups,
                    const float* x, const StoredGroups& to) {
  BlockKeys keys;
  if (groups < kLanes) clear_keys<F>(groups, keys);
  const float* numbers = x;
  for (int64_t g = 0; g < groups; ++g) {
    keys_of_group<F>(numbers, places[g].count, g, keys);
    numbers += places[g].count;
  }
  const BlockParameters p = parameters_of_block<F>(keys);
  std::copy_n(p.scale, groups, to.scales + index);
  if (to.zero_points != nullptr) {
    for (int64_t g = 0; g < groups; ++g) to.zero_points[index + g] = static_cast<uint8_t>(p.zero_point[g]);
  }
  const int64_t bytes_of_row = row_bytes(F::kFormat, layout);
  Fours<float> last_errors;
  double errors[kLanes] = {};
  if constexpr (kErrors) last_errors.clear(groups);
  numbers = x;
  for (int64_t g = 0; g < groups; numbers += places[g].count, ++g) {
    const int64_t first = places[g].first, count = places[g].count;
    uint8_t* const row = to.codes + places[g].row * bytes_of_row;
    if (p.scale[g] == 0 || std::isnan(p.scale[g])) {
      zero_codes<F>(first, count, row);
      if constexpr (kErrors) std::fill_n(last_errors.number + 4 * g, 4, p.scale[g]);
      continue;
    }
    const GroupParameters group{hn::Set(Floats(), p.scale[g]), hn::Set(Floats(), p.inverse[g]),
                                hn::Set(Floats(), p.zero_point[g])};
    for (int64_t piece = 0; piece < count; piece += kPieceSize) {
      const int64_t rest = count - piece;
      V lanes[kParts];
      for (V& part : lanes) part = hn::Zero(Floats());
      codes_of_group<F, kErrors>(numbers + piece, first + piece, std::min(kPieceSize, rest), group, row, lanes);
      if constexpr (kErrors) {
        if (rest <= kPieceSize) {
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

template <typename T>
void to_floats(const T* x, int64_t count, float* to) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) store_vector(load_vector(x + i), to + i);
  for (; i < count; ++i) to[i] = to_float(x[i]);
}

template <typename F, bool kErrors, typename T>
void quantize_format(const Execution& execution, const GroupedLayout& layout, const T* x, const StoredGroups& to) {
  const int64_t groups_of_block = std::clamp<int64_t>(kBlockSize / layout.group_size, 1, kLanes);
  for_each_group_range(execution, layout, F::kFormat, [&](int64_t begin, int64_t end) {
    GroupPlace place = group_place(layout, begin);
    std::vector<float> floats;
    for (int64_t index = begin; index < end; index += groups_of_block) {
      const int64_t groups = std::min(groups_of_block, end - index);
      GroupPlace places[kLanes];
      int64_t count = 0;
      for (int64_t g = 0; g < groups; ++g) {
        places[g] = place;
        count += place.count;
        advance(layout, place);
      }
      const T* const numbers = x + places[0].row * layout.columns + places[0].first;
      if constexpr (std::is_same_v<T, float>) {
        quantize_block<F, kErrors>(layout, places, index, groups, numbers, to);
      } else {
        floats.resize(count);
        to_floats(numbers, count, floats.data());
        quantize_block<F, kErrors>(layout, places, index, groups, floats.data(), to);
      }
    }
  });
}

template <typename F, typename T>
void dequantize_format(const Execution& execution, const GroupedLayout& layout, const uint8_t* codes,
                       const float* scales, const uint8_t* zero_points, T* y) {
  const int64_t bytes_of_row = row_bytes(F::kFormat, layout);
  for_each_group_range(execution, layout, F::kFormat, [&](int64_t begin, int64_t end) HWY_ATTR {
    GroupPlace place = group_place(layout, begin);
    for (int64_t index = begin; index < end; ++index, advance(layout, place)) {
      const uint8_t* const row = codes + place.row * bytes_of_row;
      T* const to = y + place.row * layout.columns + place.first;
      const V scale = hn::Set(Floats(), scales[index]);
      const V zero_point = hn::Set(Floats(), zero_points == nullptr ? 0.0f : zero_points[index]);
      for (int64_t i = 0; i < place.count; i += kLanes) {
        I group[kParts];
        V numbers[kParts];
        if constexpr (bits_per_code(F::kFormat) == 8) {
          load_bytes(row + place.first + i, place.count - i, group);
        } else {
          load_halves(row, place.first + i, place.count - i, group);
        }
        for (int64_t part = 0; part < kParts; ++part) {
          numbers[part] = hn::Mul(scale, F::value(group[part], zero_point));
        }
        store_group(numbers, place.count - i, to + i);
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
