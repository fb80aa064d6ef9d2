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
#include "backends/cpu/streams-inl.h"
#include "backends/cpu/bytes-inl.h"
#include "backends/cpu/weight_formats-inl.h"
#include "backends/cpu/group_blocks-inl.h"
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

// The place in x of a group's first number, or of what is behind the last group.
inline int64_t first_number(const GroupedLayout& layout, int64_t index) {
  return index / layout.groups() * layout.columns + index % layout.groups() * layout.group_size;
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

constexpr int64_t codes_per_byte(WeightFormat format) { return 8 / bits_per_code(format); }

template <typename F>
HWY_INLINE void store_codes(const I* group, int64_t column, int64_t count, uint8_t* row) {
  if constexpr (codes_per_byte(F::kFormat) == 1) {
    store_bytes(group, count, row + column);
  } else {
    store_halves(group, column, count, row);
  }
}

// kLanes codes, from the start of a byte on.
template <typename F>
HWY_INLINE void store_whole_codes(const I* group, uint8_t* to) {
  if constexpr (codes_per_byte(F::kFormat) == 1) {
    store_sixteen(low_bytes(group), to);
  } else {
    store_joined(low_bytes(group), to);
  }
}

// Adds to each lane of `errors` the square of an error.
template <typename F, bool kErrors>
HWY_INLINE void codes_of_vectors(const V* numbers, const GroupParameters& p, I* codes, V* errors) {
  for (int64_t part = 0; part < kParts; ++part) {
    V difference;
    codes[part] = F::code(numbers[part], p, difference);
    if constexpr (kErrors) errors[part] = hn::Add(errors[part], hn::Mul(difference, difference));
  }
}

HWY_INLINE GroupParameters parameters_of_group(const BlockParameters& p, int64_t group) {
  return {hn::Set(Floats(), p.scale[group]), hn::Set(Floats(), p.inverse[group]),
          hn::Set(Floats(), p.zero_point[group])};
}

// Where all groups are kLanes numbers or a multiple of them, at most kPieceSize, and no row has a rest: then groups
// lie one after the other, in codes too.
bool is_plain(const GroupedLayout& layout) {
  return layout.columns % layout.group_size == 0 && layout.group_size % kLanes == 0 && layout.group_size <= kPieceSize;
}

// kLanes groups of a plain layout, all of them stored.
template <typename F, bool kErrors>
void quantize_plain_block(const float* x, int64_t group_size, const BlockParameters& p, uint8_t* codes,
                          float* squared_error) {
  constexpr int64_t kBytes = kLanes / codes_per_byte(F::kFormat);
  const int64_t ahead = 2 * kLanes * group_size;  // What the first pass reads next.
  Fours<float> sums;
  for (int64_t g = 0; g < kLanes; ++g) {
    const GroupParameters group = parameters_of_group(p, g);
    V errors[kParts];
    for (V& part : errors) part = hn::Zero(Floats());
    for (const float* const end = x + group_size; x < end; x += kLanes, codes += kBytes) {
      V numbers[kParts];
      I vectors[kParts];
      read_ahead(x, ahead * int64_t{sizeof(float)});
      for (int64_t part = 0; part < kParts; ++part) numbers[part] = load_vector(x + part * kWidth);
      codes_of_vectors<F, kErrors>(numbers, group, vectors, errors);
      store_whole_codes<F>(vectors, codes);
    }
    if constexpr (kErrors) fold_to_four(Floats(), errors, Sum(), sums.number + 4 * g);
  }
  if constexpr (kErrors) store_sums(sums, kLanes, squared_error);
}

// A group at its place. Returns the squared error.
template <typename F>
float quantize_group(const float* x, const GroupPlace& place, const GroupParameters& p, uint8_t* row) {
  double sum = 0;
  for (int64_t piece = 0; piece < place.count; piece += kPieceSize) {
    const int64_t end = std::min(place.count, piece + kPieceSize);
    V errors[kParts];
    for (V& part : errors) part = hn::Zero(Floats());
    for (int64_t i = piece; i < end; i += kLanes) {
      V numbers[kParts];
      I codes[kParts];
      load_group(x + i, end - i, 0.0f, numbers);  // Zeros have no error: they are levels.
      codes_of_vectors<F, true>(numbers, p, codes, errors);
      const int64_t column = place.first + i;
      if (end - i >= kLanes && column % codes_per_byte(F::kFormat) == 0) {
        store_whole_codes<F>(codes, row + column / codes_per_byte(F::kFormat));
      } else {
        store_codes<F>(codes, column, end - i, row);
      }
    }
    float lanes[kLanes];
    store_group(errors, kLanes, lanes);
    sum += sum_of_lanes(lanes);
  }
  return static_cast<float>(sum);
}

// A group that has no scale: the codes of zero.
template <typename F>
void zero_group(const GroupPlace& place, uint8_t* row) {
  I codes[kParts];
  for (I& part : codes) part = hn::Set(Integers(), F::kZero);
  for (int64_t i = 0; i < place.count; i += kLanes) store_codes<F>(codes, place.first + i, place.count - i, row);
}

// Any groups, those from `index` on.
template <typename F>
void quantize_block(const GroupedLayout& layout, const float* x, int64_t index, int64_t groups,
                    const BlockParameters& p, const StoredGroups& to) {
  GroupPlace place = group_place(layout, index);
  for (int64_t g = 0; g < groups; ++g) {
    uint8_t* const row = to.codes + place.row * row_bytes(F::kFormat, layout);
    float error = p.scale[g];  // 0 or NaN, if the group is not stored.
    if (p.scale[g] == 0 || std::isnan(p.scale[g])) {
      zero_group<F>(place, row);
    } else {
      error = quantize_group<F>(x, place, parameters_of_group(p, g), row);
    }
    if (to.squared_error != nullptr) to.squared_error[index + g] = error;
    x += place.count;
    advance(layout, place);
  }
}

// Successive groups, their numbers as floats, and their parameters.
struct Block {
  int64_t index, groups;
  const float* x;
  std::vector<float> converted;  // x points here, if the tensor's numbers are of another type.
  BlockParameters p;
  bool all_stored;  // And kLanes of them.
};

HWY_INLINE const float* floats_of(const float* x, int64_t, std::vector<float>&) { return x; }

template <typename T>
const float* floats_of(const T* x, int64_t count, std::vector<float>& converted) {
  converted.resize(count);
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) store_vector(load_vector(x + i), converted.data() + i);
  for (; i < count; ++i) converted[i] = to_float(x[i]);
  return converted.data();
}

// The first pass: chooses the scales of the groups [begin, end), and stores them.
template <typename F, typename T>
void prepare_block(const GroupedLayout& layout, const T* x, int64_t begin, int64_t end, const StoredGroups& to,
                   Block& block) {
  block.index = begin;
  block.groups = end - begin;
  const int64_t first = first_number(layout, begin);
  block.x = floats_of(x + first, first_number(layout, end) - first, block.converted);
  BlockKeys keys;
  const float* numbers = block.x;
  if (is_plain(layout)) {
    for (int64_t g = 0; g < block.groups; ++g)
      keys_of_group<F>(numbers + g * layout.group_size, layout.group_size, g, keys);
  } else {
    GroupPlace place = group_place(layout, begin);
    for (int64_t g = 0; g < block.groups; ++g, advance(layout, place)) {
      keys_of_group<F>(numbers, place.count, g, keys);
      numbers += place.count;
    }
  }
  if (block.groups < kLanes) clear_keys<F>(block.groups, keys);
  block.all_stored = parameters_of_block<F>(keys, block.p);
  std::copy_n(block.p.scale, block.groups, to.scales + begin);
  if (to.zero_points == nullptr) return;
  for (int64_t g = 0; g < block.groups; ++g) to.zero_points[begin + g] = static_cast<uint8_t>(block.p.zero_point[g]);
}

// The second pass: the codes.
template <typename F>
void finish_block(const GroupedLayout& layout, const Block& block, const StoredGroups& to) {
  if (!block.all_stored || !is_plain(layout)) {
    quantize_block<F>(layout, block.x, block.index, block.groups, block.p, to);
    return;
  }
  uint8_t* const codes = to.codes + block.index * layout.group_size / codes_per_byte(F::kFormat);
  if (to.squared_error == nullptr) {
    quantize_plain_block<F, false>(block.x, layout.group_size, block.p, codes, nullptr);
  } else {
    quantize_plain_block<F, true>(block.x, layout.group_size, block.p, codes, to.squared_error + block.index);
  }
}

// The first pass is a block ahead: while it waits for its scales, which are made one step after the other, the second
// pass has other work to do.
template <typename F, typename T>
void quantize_format(const Execution& execution, const GroupedLayout& layout, const T* x, const StoredGroups& to) {
  const int64_t size = std::clamp<int64_t>(kBlockSize / layout.group_size, 1, kLanes);
  for_each_group_range(execution, layout, F::kFormat, [&](int64_t begin, int64_t end) {
    Block blocks[2];
    prepare_block<F>(layout, x, begin, std::min(end, begin + size), to, blocks[0]);
    for (int64_t k = 0, index = begin; index < end; ++k, index += size) {
      const int64_t next = index + size;
      if (next < end) prepare_block<F>(layout, x, next, std::min(end, next + size), to, blocks[(k + 1) % 2]);
      finish_block<F>(layout, blocks[k % 2], to);
    }
  });
}

// A group of a row's codes.
template <typename F, Output kOutput, typename T>
HWY_INLINE void numbers_of_group(const uint8_t* row, const GroupPlace& place, float scale_number, float zero_number,
                                 T* to) {
  const V scale = hn::Set(Floats(), scale_number), zero_point = hn::Set(Floats(), zero_number);
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
    put_group<kOutput>(numbers, place.count - i, to + i);
  }
}

template <typename F, typename T>
void dequantize_format(const Execution& execution, const GroupedLayout& layout, const uint8_t* codes,
                       const float* scales, const uint8_t* zero_points, T* y) {
  const int64_t bytes_of_row = row_bytes(F::kFormat, layout);
  const bool streams = std::is_same_v<T, float> && can_stream(layout.size(), y);
  for_each_group_range(execution, layout, F::kFormat, [&](int64_t begin, int64_t end) HWY_ATTR {
    GroupPlace place = group_place(layout, begin);
    for (int64_t index = begin; index < end; ++index, advance(layout, place)) {
      const uint8_t* const row = codes + place.row * bytes_of_row;
      T* const to = y + place.row * layout.columns + place.first;
      const float zero_point = zero_points == nullptr ? 0.0f : zero_points[index];
      if constexpr (std::is_same_v<T, float>) {
        if (streams && is_stream_place(to)) {
          numbers_of_group<F, Output::kStreamed>(row, place, scales[index], zero_point, to);
          continue;
        }
      }
      numbers_of_group<F, Output::kStored>(row, place, scales[index], zero_point, to);
    }
    end_streams(streams);
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
  with_format(format, [&](auto f) { quantize_format<decltype(f)>(execution, layout, x, to); });
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
