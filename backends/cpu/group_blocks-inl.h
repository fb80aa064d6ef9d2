// backends/cpu/group_blocks-inl.h: the scales of sixteen groups of numbers at a time, a group in each lane, and the
// sums of their errors.
//
//   BlockKeys keys;
//   for (int64_t g = 0; g < groups; ++g) keys_of_group<F>(x + ..., count, g, keys);
//   clear_keys<F>(groups, keys);
//   BlockParameters p;
//   const bool all = parameters_of_block<F>(keys, p);
//
// F is a Format of weight_formats-inl.h. One group alone would wait for the end of every step before the next. Compiled
// once an instruction set, like lanes-inl.h.

#if defined(PARE_BACKENDS_CPU_GROUP_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PARE_BACKENDS_CPU_GROUP_BLOCKS_INL_H_
#undef PARE_BACKENDS_CPU_GROUP_BLOCKS_INL_H_
#else
#define PARE_BACKENDS_CPU_GROUP_BLOCKS_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <limits>

#include "backends/cpu/bytes-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/weight_formats-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

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
  GroupExtremes e = {};
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

// The parameters of a block's groups.
struct BlockParameters {
  float scale[kLanes], inverse[kLanes], zero_point[kLanes];
};

// Whether all kLanes groups are there and stored.
template <typename F>
HWY_INLINE bool parameters_of_block(const BlockKeys& keys, BlockParameters& p) {
  const V infinity = hn::Set(Floats(), std::numeric_limits<float>::infinity());
  bool all = true;
  for (int64_t group = 0; group < kLanes; group += kWidth) {
    const GroupParameters vectors = parameters_of_groups<F>(extremes_of_groups<F>(keys, group));
    hn::StoreU(vectors.scale, Floats(), p.scale + group);
    hn::StoreU(vectors.inverse, Floats(), p.inverse + group);
    hn::StoreU(vectors.zero_point, Floats(), p.zero_point + group);
    const V magnitude = hn::Abs(vectors.scale);
    all &= hn::AllTrue(Floats(), hn::And(hn::Gt(magnitude, hn::Zero(Floats())), hn::Lt(magnitude, infinity)));
  }
  return all;
}

// The sums of the first `count` groups: the last steps of sum_of_lanes.
HWY_INLINE void store_sums(const Fours<float>& fours, int64_t count, float* to) {
  V sums[kParts];
  for (int64_t part = 0; part < kParts; ++part) {
    V terms[4];
    hn::LoadInterleaved4(Floats(), fours.number + 4 * part * kWidth, terms[0], terms[1], terms[2], terms[3]);
    sums[part] = hn::Add(hn::Add(terms[0], terms[2]), hn::Add(terms[1], terms[3]));
  }
  store_group(sums, count, to);
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_GROUP_BLOCKS_INL_H_
