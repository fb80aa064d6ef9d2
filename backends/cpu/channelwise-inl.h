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
// Sums come as partial ones: the k-th of channel c and sum s is partial[(s * partial_sums(layout) + k) *
// channels + c]. add_terms makes the sums of them within kSumTolerance. The tree depends on the layout only. See
// lanes-inl.h for how this file is compiled.

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
#include "backends/cpu/streams-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

static_assert(kLanes == kLanesOfGroup);

template <typename F, typename T>
struct Operands {
  std::array<const T*, F::kInputs> inputs;
  std::array<const float*, F::kParameters> parameters;
  T* output;  // Null if it is not wanted. May be an input.
};

// Zero in the lanes of a part of a group that are not in [first, last).
HWY_INLINE V only_lanes(V x, int64_t part, int64_t first, int64_t last) {
  const Integers d;
  const auto lane = hn::Iota(d, static_cast<int32_t>(part * kWidth));
  const auto is_kept = hn::And(hn::Gt(lane, hn::Set(d, static_cast<int32_t>(first - 1))),
                               hn::Lt(lane, hn::Set(d, static_cast<int32_t>(last))));
  return hn::IfThenElseZero(hn::RebindMask(Floats(), is_kept), x);
}

// sum + x where the mask says so.
template <class Mask>
HWY_INLINE V add_if(Mask mask, V sum, V x) {
  return hn::IfThenElse(mask, hn::Add(sum, x), sum);
}

// The sums of a group, a lane each.
template <typename F>
struct GroupSums {
  HWY_INLINE GroupSums() {}

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
  HWY_INLINE GroupInputs() {}

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
  HWY_INLINE GroupParameters() {}

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
  for (int input = 0; input < F::kInputs; ++input) read_ahead(operands.inputs[input] + at);
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

// The whole groups of a run, added to kChains sums in turn. A function of its own, so that all of it is in
// registers.
template <typename F, Output kOutput, typename T>
HWY_NOINLINE void apply_groups(const Operands<F, T>& all_operands, int64_t first, int64_t groups,
                               const GroupParameters<F>& all_parameters, GroupSums<F>* sums) {
  const Operands<F, T> operands = all_operands;
  const GroupParameters<F> parameters = all_parameters;
  GroupSums<F> chains[kChains];
  HWY_UNROLL(2)
  for (int64_t chain = 0; chain < kChains; ++chain) {
    if constexpr (F::kSums > 0) chains[chain] = sums[chain];
  }
  for (; groups >= kChains; groups -= kChains, first += kChains * kLanes) {
    HWY_UNROLL(2)
    for (int64_t chain = 0; chain < kChains; ++chain) {
      apply_at<F, kOutput>(operands, first + chain * kLanes, parameters, chains[chain]);
    }
  }
  HWY_UNROLL(2)
  for (int64_t chain = 0; chain + 1 < kChains; ++chain) {
    if (chain < groups) apply_at<F, kOutput>(operands, first + chain * kLanes, parameters, chains[chain]);
  }
  HWY_UNROLL(2)
  for (int64_t chain = 0; chain < kChains; ++chain) {
    if constexpr (F::kSums > 0) sums[chain] = chains[chain];
  }
}

// A run of one channel. sums: kChains of them; null if F has none.
template <typename F, Output kOutput, typename T>
void apply_run(const Operands<F, T>& operands, int64_t first, int64_t count, const GroupParameters<F>& parameters,
               GroupSums<F>* sums) {
  // The end of a long run is a whole group too, most of it done twice. It is read before it may be overwritten.
  const int64_t rest = count % kLanes, repeated = count > kLanes ? kLanes - rest : 0;
  const int64_t last_at = first + count - rest - repeated;
  GroupInputs<F, T> last;
  if (rest != 0) last.load(operands, last_at, rest + repeated);
  apply_groups<F, kOutput>(operands, first, count / kLanes, parameters, sums);
  if (rest != 0) {
    GroupSums<F> rest_sums;
    rest_sums.clear();
    apply_group<F, kOutput>(last, parameters, operands.output + last_at, rest + repeated, rest_sums);
    if constexpr (F::kSums > 0) {
      rest_sums.keep_lanes(repeated, rest + repeated);
      sums[0].add(rest_sums);
    }
  }
}

// The way that suits the run: streams need an aligned place.
template <typename F, typename T>
HWY_INLINE void apply_channel_run(const Operands<F, T>& operands, bool streams, int64_t first, int64_t count,
                                  const GroupParameters<F>& parameters, GroupSums<F>* sums) {
  if (operands.output == nullptr) {
    if constexpr (F::kSums > 0) apply_run<F, Output::kNone>(operands, first, count, parameters, sums);
    return;
  }
  if constexpr (F::kHasOutput && std::is_same_v<T, float>) {
    if (streams && is_stream_place(operands.output + first)) {
      apply_run<F, Output::kStreamed>(operands, first, count, parameters, sums);
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
void run_elementwise(const Execution& execution, const Layout& layout, const Operands<F, T>& operands, bool streams) {
  // Spans of runs, and as many of them as are worth a thread.
  const int64_t spans = divide_up(layout.inner, kGrain), grain = std::max<int64_t>(1, kGrain / layout.inner);
  execution.parallel_for(0, layout.outer * layout.channels * spans, grain, [&](int64_t begin, int64_t end) HWY_ATTR {
    for (int64_t span = begin; span < end; ++span) {
      const int64_t run = span / spans, start = span % spans * kGrain;
      apply_channel_run<F>(operands, streams, run * layout.inner + start, std::min(kGrain, layout.inner - start),
                           parameters_of_channel(operands, run % layout.channels), nullptr);
    }
    end_streams(streams);
  });
}

template <typename F>
HWY_INLINE float sum_of_group(const GroupSums<F>& sums, int s) {
  HWY_ALIGN float lanes[kLanes];
  for (int64_t part = 0; part < kParts; ++part) hn::Store(sums.of[part][s], Floats(), lanes + part * kWidth);
  return sum_of_lanes(lanes);
}

template <typename F, typename T>
void run_by_chunks(const Execution& execution, const Layout& layout, const Operands<F, T>& operands, bool streams,
                   float* partial) {
  const RunChunks chunks = run_chunks(layout);
  const int64_t channels = layout.channels, pieces = chunks.pieces();
  const int64_t grain = std::max<int64_t>(1, kGrain / divide_up(layout.size(), channels * pieces));
  // So many channels' chunks go side by side, in the order of memory.
  constexpr int64_t kGroup = 16;
  execution.parallel_for(0, channels * pieces, grain, [&](int64_t begin, int64_t end) HWY_ATTR {
    GroupSums<F> sums[kGroup][kChains], totals[kGroup];
    for (int64_t index = begin; index < end;) {
      const int64_t piece = index / channels, channel = index % channels;
      const int64_t group = chunks.parts > 1 ? 1 : std::min({kGroup, channels - channel, end - index});
      for (int64_t g = 0; g < group; ++g) totals[g].clear();
      const int64_t last_chunk = std::min(chunks.count, (piece + 1) * kChunksOfPiece);
      for (int64_t chunk = piece * kChunksOfPiece; chunk < last_chunk; ++chunk) {
        const int64_t start = chunk % chunks.parts * chunks.length;
        const int64_t length = std::min(chunks.length, layout.inner - start);
        const int64_t first_run = chunk / chunks.parts * chunks.runs;
        const int64_t last_run = std::min(first_run + chunks.runs, layout.outer);
        for (int64_t g = 0; g < group; ++g) {
          for (GroupSums<F>& chain : sums[g]) chain.clear();
        }
        for (int64_t run = first_run; run < last_run; ++run) {
          for (int64_t g = 0; g < group; ++g) {
            const int64_t first = (run * channels + channel + g) * layout.inner + start;
            apply_channel_run(operands, streams, first, length, parameters_of_channel(operands, channel + g), sums[g]);
          }
        }
        for (int64_t g = 0; g < group; ++g) {
          for (const GroupSums<F>& chain : sums[g]) totals[g].add(chain);
        }
      }
      for (int64_t g = 0; g < group; ++g) {
        for (int s = 0; s < F::kSums; ++s) partial[s * channels * pieces + index + g] = sum_of_group(totals[g], s);
      }
      index += group;
    }
    end_streams(streams);
  });
}

// Where the parameters and the sums of a period's places are.
template <typename F>
struct Places {
  std::array<const float*, F::kParameters> parameters;
  std::array<float*, F::kSums> sums;
};

template <typename F>
HWY_INLINE GroupParameters<F> parameters_of_places(const Places<F>& places, int64_t place) {
  GroupParameters<F> result;
  HWY_UNROLL(4)
  for (int64_t part = 0; part < kParts; ++part) {
    HWY_UNROLL(4)
    for (int p = 0; p < F::kParameters; ++p) {
      result.of[part][p] = hn::LoadU(Floats(), places.parameters[p] + place + part * kWidth);
    }
  }
  return result;
}

template <typename F>
HWY_INLINE GroupSums<F> sums_of_places(const Places<F>& places, int64_t place) {
  GroupSums<F> result;
  HWY_UNROLL(4)
  for (int64_t part = 0; part < kParts; ++part) {
    HWY_UNROLL(4)
    for (int s = 0; s < F::kSums; ++s) {
      result.of[part][s] = hn::LoadU(Floats(), places.sums[s] + place + part * kWidth);
    }
  }
  return result;
}

template <typename F>
HWY_INLINE void store_sums(const GroupSums<F>& sums, const Places<F>& places, int64_t place) {
  HWY_UNROLL(4)
  for (int64_t part = 0; part < kParts; ++part) {
    HWY_UNROLL(4)
    for (int s = 0; s < F::kSums; ++s) {
      hn::StoreU(sums.of[part][s], Floats(), places.sums[s] + place + part * kWidth);
    }
  }
}

// The first `groups` whole groups of the period that begins at `first`.
template <typename F, Output kOutput, typename T>
HWY_NOINLINE void apply_places(const Operands<F, T>& all_operands, int64_t first, int64_t groups,
                               const Places<F>& all_places) {
  const Operands<F, T> operands = all_operands;
  const Places<F> places = all_places;
  for (int64_t place = 0; place < groups * kLanes; place += kLanes) {
    const GroupParameters<F> parameters = parameters_of_places(places, place);
    GroupSums<F> sums = sums_of_places(places, place);
    apply_at<F, kOutput>(operands, first + place, parameters, sums);
    store_sums(sums, places, place);
  }
}

// The first `count` elements of the period that begins at `first`.
template <typename F, Output kOutput, typename T>
void apply_period(const Operands<F, T>& operands, int64_t first, int64_t count, const Places<F>& places) {
  const int64_t rest = count % kLanes, place = count - rest;
  apply_places<F, kOutput>(operands, first, count / kLanes, places);
  if (rest == 0) return;
  GroupInputs<F, T> inputs;
  GroupSums<F> sums = sums_of_places(places, place), rest_sums;
  inputs.load(operands, first + place, rest);
  rest_sums.clear();
  apply_group<F, kOutput>(inputs, parameters_of_places(places, place), operands.output + first + place, rest,
                          rest_sums);
  rest_sums.keep_lanes(0, rest);
  sums.add(rest_sums);
  store_sums(sums, places, place);
}

template <typename F, Output kOutput, typename T>
void run_by_periods(const Execution& execution, const Layout& layout, const Operands<F, T>& operands, float* partial) {
  const int64_t size = layout.size(), period = period_of(layout), channels = layout.channels;
  std::vector<float> repeated[std::max(F::kParameters, 1)];
  Places<F> shared;
  for (int p = 0; p < F::kParameters; ++p) {
    repeated[p] = repeated_over_period(layout, period, operands.parameters[p]);
    shared.parameters[p] = repeated[p].data();
  }
  const int64_t block_size = F::kSums == 0 ? period : period * periods_of_block(period);
  const int64_t blocks = divide_up(size, block_size), grain = std::max<int64_t>(1, kGrain / block_size);
  execution.parallel_for(0, blocks, grain, [&](int64_t begin, int64_t end) HWY_ATTR {
    std::vector<float> place_sums(F::kSums * period);
    Places<F> places = shared;
    for (int s = 0; s < F::kSums; ++s) places.sums[s] = place_sums.data() + s * period;
    std::vector<double> totals(F::kSums == 0 ? 0 : channels);
    for (int64_t block = begin; block < end; ++block) {
      std::fill(place_sums.begin(), place_sums.end(), 0.0f);
      const int64_t block_end = std::min(size, (block + 1) * block_size);
      for (int64_t first = block * block_size; first < block_end; first += period) {
        apply_period<F, kOutput>(operands, first, std::min(period, block_end - first), places);
      }
      for (int s = 0; s < F::kSums; ++s) {
        std::fill(totals.begin(), totals.end(), 0.0);
        for_each_place(layout, period,
                       [&](int64_t place, int64_t channel) { totals[channel] += places.sums[s][place]; });
        std::copy(totals.begin(), totals.end(), partial + (s * blocks + block) * channels);
      }
    }
    end_streams(kOutput == Output::kStreamed);
  });
}

// partial: room for F::kSums * partial_sums(layout) * layout.channels numbers.
template <typename F, typename T>
void run_channelwise(const Execution& execution, const Layout& layout, const Operands<F, T>& operands, float* partial) {
  if (layout.size() == 0) return;
  const bool streams =
      std::is_same_v<T, float> && layout.size() * int64_t{sizeof(T)} >= kStreamedBytes &&
      std::find(operands.inputs.begin(), operands.inputs.end(), operands.output) == operands.inputs.end();
  if (!is_periodic(layout)) {
    if constexpr (F::kSums == 0) {
      run_elementwise(execution, merged(layout), operands, streams);
    } else {
      run_by_chunks(execution, merged(layout), operands, streams, partial);
    }
    return;
  }
  if (operands.output == nullptr) {
    if constexpr (F::kSums > 0) run_by_periods<F, Output::kNone>(execution, layout, operands, partial);
    return;
  }
  if constexpr (F::kHasOutput && std::is_same_v<T, float>) {
    if (streams && is_stream_place(operands.output)) {
      return run_by_periods<F, Output::kStreamed>(execution, layout, operands, partial);
    }
  }
  if constexpr (F::kHasOutput) run_by_periods<F, Output::kStored>(execution, layout, operands, partial);
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_CHANNELWISE_INL_H_
