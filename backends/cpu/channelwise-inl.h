// backends/cpu/channelwise-inl.h: runs over a tensor whose channels have numbers of their own: elementwise results,
// sums a channel, or both in one pass.
//
//   struct Scale {
//     static constexpr int kInputs = 1, kParameters = 1, kSums = 0;
//     static constexpr bool kHasOutput = true;
//     static HWY_INLINE V apply(const V* x, const V* scale, V* sums) { return hn::Mul(x[0], scale[0]); }
//   };
//   run_channelwise<Scale>(execution, layout, Operands<Scale, T>{{x}, {scale}, y}, nullptr);
//
// apply returns the output for a vector of each input and of each parameter (of which there is one number a channel),
// and adds to kSums sums. What it adds for the lanes behind the end of the data is thrown away.
//
// Sums come as partial ones: the k-th of channel c and sum s is partial[(s * partial_sums(layout) + k) * channels + c].
// Each is a float, added up in float over at most 128 numbers a lane, so add_terms stays within kSumTolerance. The tree
// depends on the layout only. See lanes-inl.h for how this file is compiled.

#if defined(PARE_BACKENDS_CPU_CHANNELWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PARE_BACKENDS_CPU_CHANNELWISE_INL_H_
#undef PARE_BACKENDS_CPU_CHANNELWISE_INL_H_
#else
#define PARE_BACKENDS_CPU_CHANNELWISE_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "backends/cpu/channelwise.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/partition.h"
#include "hwy/cache_control.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

static_assert(kLanes == kLanesOfGroup);

template <typename F, typename T>
struct Operands {
  std::array<const T*, F::kInputs> inputs;
  std::array<const float*, F::kParameters> parameters;
  T* output;  // Null if it is not wanted. May be an input.
};

enum class Output { kNone, kStored, kStreamed };

// From this size on, an output goes to memory past the caches: it would not stay there anyway, and what stands at its
// place need not be read first.
inline constexpr int64_t kStreamedBytes = int64_t{16} << 20;

template <Output kOutput, typename T>
HWY_INLINE void put(V y, T* to) {
  if constexpr (kOutput == Output::kStreamed) {
    hn::Stream(y, Floats(), to);
  } else if constexpr (kOutput == Output::kStored) {
    store_vector(y, to);
  }
}

// Zero in the lanes of a part of a group that are not in [first, last).
HWY_INLINE V only_lanes(V x, int64_t part, int64_t first, int64_t last) {
  const Integers d;
  const auto lane = hn::Iota(d, static_cast<int32_t>(part * kWidth));
  const auto is_kept = hn::And(hn::Gt(lane, hn::Set(d, static_cast<int32_t>(first - 1))),
                               hn::Lt(lane, hn::Set(d, static_cast<int32_t>(last))));
  return hn::IfThenElseZero(hn::RebindMask(Floats(), is_kept), x);
}

// The sums of a group, a lane each.
template <typename F>
struct GroupSums {
  V of[kParts][std::max(F::kSums, 1)];

  HWY_INLINE void clear() {
    for (int64_t part = 0; part < kParts; ++part) {
      for (V& sum : of[part]) sum = hn::Zero(Floats());
    }
  }
  HWY_INLINE void add(const GroupSums& other) {
    for (int64_t part = 0; part < kParts; ++part) {
      for (int s = 0; s < F::kSums; ++s) of[part][s] = hn::Add(of[part][s], other.of[part][s]);
    }
  }
  HWY_INLINE void keep_lanes(int64_t first, int64_t last) {
    for (int64_t part = 0; part < kParts; ++part) {
      for (V& sum : of[part]) sum = only_lanes(sum, part, first, last);
    }
  }
};

// A group of each input.
template <typename F, typename T>
struct GroupInputs {
  V of[kParts][F::kInputs];

  HWY_INLINE void load(const Operands<F, T>& operands, int64_t at, int64_t count) {
    for (int input = 0; input < F::kInputs; ++input) {
      V group[kParts];
      load_group(operands.inputs[input] + at, count, 0.0f, group);
      for (int64_t part = 0; part < kParts; ++part) of[part][input] = group[part];
    }
  }
};

// A vector of each parameter for each part of a group.
template <typename F>
struct GroupParameters {
  V of[kParts][std::max(F::kParameters, 1)];
};

// A group's end or all of it: loads, applies, stores.
template <typename F, Output kOutput, typename T>
HWY_INLINE void apply_group(const GroupInputs<F, T>& inputs, const GroupParameters<F>& parameters, T* output,
                            int64_t count, GroupSums<F>& sums) {
  V y[kParts];
  for (int64_t part = 0; part < kParts; ++part) {
    y[part] = F::apply(inputs.of[part], parameters.of[part], sums.of[part]);
  }
  if constexpr (kOutput != Output::kNone) store_group(y, count, output);
}

// A whole group, without a detour.
template <typename F, Output kOutput, typename T>
HWY_INLINE void apply_at(const Operands<F, T>& operands, int64_t at, const GroupParameters<F>& parameters,
                         GroupSums<F>& sums) {
  HWY_UNROLL(4)
  for (int64_t part = 0; part < kParts; ++part) {
    V inputs[F::kInputs];
    HWY_UNROLL(4)
    for (int input = 0; input < F::kInputs; ++input) {
      inputs[input] = load_vector(operands.inputs[input] + at + part * kWidth);
    }
    const V y = F::apply(inputs, parameters.of[part], sums.of[part]);
    if constexpr (kOutput != Output::kNone) put<kOutput>(y, operands.output + at + part * kWidth);
  }
}

// A run of one channel. Adds to kChains sums in turn, so that additions need not wait for each other.
inline constexpr int64_t kChains = 2;

template <typename F, Output kOutput, typename T>
void apply_run(const Operands<F, T>& operands, int64_t first, int64_t count, const GroupParameters<F>& parameters,
               GroupSums<F>* sums) {
  // The end of a long run is a whole group too, most of it done twice. It is read before it may be overwritten.
  const int64_t rest = count % kLanes, repeated = count > kLanes ? kLanes - rest : 0;
  const int64_t last_at = first + count - rest - repeated;
  GroupInputs<F, T> last;
  if (rest != 0) last.load(operands, last_at, rest + repeated);
  GroupSums<F> chains[kChains];
  for (int64_t chain = 0; chain < kChains; ++chain) chains[chain] = sums[chain];
  int64_t i = 0;
  for (; i + kChains * kLanes <= count; i += kChains * kLanes) {
    HWY_UNROLL(4)
    for (int64_t chain = 0; chain < kChains; ++chain) {
      apply_at<F, kOutput>(operands, first + i + chain * kLanes, parameters, chains[chain]);
    }
  }
  if (i + kLanes <= count) apply_at<F, kOutput>(operands, first + i, parameters, chains[0]);
  if (rest != 0) {
    GroupSums<F> rest_sums;
    rest_sums.clear();
    apply_group<F, kOutput>(last, parameters, operands.output + last_at, rest + repeated, rest_sums);
    rest_sums.keep_lanes(repeated, rest + repeated);
    chains[0].add(rest_sums);
  }
  for (int64_t chain = 0; chain < kChains; ++chain) sums[chain] = chains[chain];
}

// The way that suits the run: streams need an aligned place.
template <typename F, typename T>
HWY_INLINE void apply_run(const Operands<F, T>& operands, bool streams, int64_t first, int64_t count,
                          const GroupParameters<F>& parameters, GroupSums<F>* sums) {
  if (operands.output == nullptr) {
    if constexpr (F::kSums > 0) apply_run<F, Output::kNone>(operands, first, count, parameters, sums);
    return;
  }
  if constexpr (F::kHasOutput && std::is_same_v<T, float>) {
    if (streams && reinterpret_cast<uintptr_t>(operands.output + first) % (kLanes * sizeof(float)) == 0) {
      apply_run<F, Output::kStreamed>(operands, first, count, parameters, sums);
      hwy::FlushStream();
      return;
    }
  }
  if constexpr (F::kHasOutput) apply_run<F, Output::kStored>(operands, first, count, parameters, sums);
}

template <typename F, typename T>
HWY_INLINE GroupParameters<F> parameters_of_channel(const Operands<F, T>& operands, int64_t channel) {
  GroupParameters<F> result;
  for (int64_t part = 0; part < kParts; ++part) {
    for (int p = 0; p < F::kParameters; ++p) result.of[part][p] = hn::Set(Floats(), operands.parameters[p][channel]);
  }
  return result;
}

template <typename F, typename T>
void run_by_runs(const Execution& execution, const Layout& layout, const Operands<F, T>& operands, bool streams,
                 float* partial) {
  if constexpr (F::kSums == 0) {
    for_each_span(execution, layout, [&](int64_t first, int64_t count, int64_t channel) HWY_ATTR {
      GroupSums<F> none[kChains];
      for (GroupSums<F>& chain : none) chain.clear();
      apply_run(operands, streams, first, count, parameters_of_channel(operands, channel), none);
    });
  } else {
    const int64_t stride = partial_sums(layout) * layout.channels;
    for_each_piece(execution, layout, [&](int64_t index, const Piece& piece) HWY_ATTR {
      const GroupParameters<F> parameters = parameters_of_channel(operands, piece.channel);
      GroupSums<F> sums[kChains];
      for (GroupSums<F>& chain : sums) chain.clear();
      for (int64_t span = 0; span < piece.spans; ++span) {
        apply_run(operands, streams, piece.first + span * piece.stride, piece.length, parameters, sums);
      }
      for (int64_t chain = 1; chain < kChains; ++chain) sums[0].add(sums[chain]);
      for (int s = 0; s < F::kSums; ++s) {
        HWY_ALIGN float lanes[kLanes];
        for (int64_t part = 0; part < kParts; ++part) hn::Store(sums[0].of[part][s], Floats(), lanes + part * kWidth);
        partial[s * stride + index] = sum_of_lanes(lanes);
      }
    });
  }
}

// The groups of [first, last), a period or its beginning, with the period's parameters and sums.
template <typename F, Output kOutput, typename T>
void apply_places(const Operands<F, T>& operands, int64_t first, int64_t last,
                  const std::array<const float*, F::kParameters>& parameters,
                  const std::array<float*, F::kSums>& sums) {
  for (int64_t at = first; at < last; at += kLanes) {
    const int64_t place = at - first;
    GroupParameters<F> group_parameters;
    GroupSums<F> group_sums;
    HWY_UNROLL(4)
    for (int64_t part = 0; part < kParts; ++part) {
      HWY_UNROLL(4)
      for (int p = 0; p < F::kParameters; ++p) {
        group_parameters.of[part][p] = hn::LoadU(Floats(), parameters[p] + place + part * kWidth);
      }
      HWY_UNROLL(4)
      for (int s = 0; s < F::kSums; ++s) {
        group_sums.of[part][s] = hn::LoadU(Floats(), sums[s] + place + part * kWidth);
      }
    }
    if (last - at >= kLanes) {
      apply_at<F, kOutput>(operands, at, group_parameters, group_sums);
    } else {
      GroupInputs<F, T> inputs;
      GroupSums<F> rest_sums;
      inputs.load(operands, at, last - at);
      rest_sums.clear();
      apply_group<F, kOutput>(inputs, group_parameters, operands.output + at, last - at, rest_sums);
      rest_sums.keep_lanes(0, last - at);
      group_sums.add(rest_sums);
    }
    HWY_UNROLL(4)
    for (int64_t part = 0; part < kParts; ++part) {
      HWY_UNROLL(4)
      for (int s = 0; s < F::kSums; ++s) {
        hn::StoreU(group_sums.of[part][s], Floats(), sums[s] + place + part * kWidth);
      }
    }
  }
}

template <typename F, Output kOutput, typename T>
void run_by_periods(const Execution& execution, const Layout& layout, const Operands<F, T>& operands, float* partial) {
  const int64_t size = layout.size(), period = period_of(layout), channels = layout.channels;
  std::vector<float> repeated[std::max(F::kParameters, 1)];
  std::array<const float*, F::kParameters> parameters;
  for (int p = 0; p < F::kParameters; ++p) {
    repeated[p] = repeated_over_period(layout, period, operands.parameters[p]);
    parameters[p] = repeated[p].data();
  }
  const int64_t block_size = F::kSums == 0 ? period : period * periods_of_block(period);
  const int64_t blocks = divide_up(size, block_size), grain = std::max<int64_t>(1, kGrain / block_size);
  execution.parallel_for(0, blocks, grain, [&](int64_t begin, int64_t end) HWY_ATTR {
    std::vector<float> place_sums(F::kSums * period);
    std::array<float*, F::kSums> sums;
    for (int s = 0; s < F::kSums; ++s) sums[s] = place_sums.data() + s * period;
    std::vector<double> totals(F::kSums == 0 ? 0 : channels);
    for (int64_t block = begin; block < end; ++block) {
      std::fill(place_sums.begin(), place_sums.end(), 0.0f);
      const int64_t block_end = std::min(size, (block + 1) * block_size);
      for (int64_t first = block * block_size; first < block_end; first += period) {
        apply_places<F, kOutput>(operands, first, std::min(block_end, first + period), parameters, sums);
      }
      for (int s = 0; s < F::kSums; ++s) {
        std::fill(totals.begin(), totals.end(), 0.0);
        for_each_place(layout, period, [&](int64_t place, int64_t channel) { totals[channel] += sums[s][place]; });
        std::copy(totals.begin(), totals.end(), partial + (s * blocks + block) * channels);
      }
    }
    if constexpr (kOutput == Output::kStreamed) hwy::FlushStream();
  });
}

// partial: room for F::kSums * partial_sums(layout) * layout.channels numbers.
template <typename F, typename T>
void run_channelwise(const Execution& execution, const Layout& layout, const Operands<F, T>& operands, float* partial) {
  if (layout.size() == 0) return;
  const bool streams =
      std::is_same_v<T, float> && layout.size() * int64_t{sizeof(T)} >= kStreamedBytes &&
      std::find(operands.inputs.begin(), operands.inputs.end(), operands.output) == operands.inputs.end();
  if (!is_periodic(layout)) return run_by_runs(execution, layout, operands, streams, partial);
  if (operands.output == nullptr) {
    if constexpr (F::kSums > 0) run_by_periods<F, Output::kNone>(execution, layout, operands, partial);
    return;
  }
  if constexpr (F::kHasOutput && std::is_same_v<T, float>) {
    if (streams && reinterpret_cast<uintptr_t>(operands.output) % (kLanes * sizeof(float)) == 0) {
      return run_by_periods<F, Output::kStreamed>(execution, layout, operands, partial);
    }
  }
  if constexpr (F::kHasOutput) run_by_periods<F, Output::kStored>(execution, layout, operands, partial);
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_CHANNELWISE_INL_H_
