// kernels/reduction.cuh: one state out of all elements of a channel, along a tree that the layout alone fixes.
//
//   // What a thread's lane adds up, and what lanes, threads and pieces make of it.
//   struct Total : TotalOfPiece {  // arguments.h: double value
//     static PARE_DEVICE Total none() { return {{0}}; }
//     PARE_DEVICE void add(const Total& other) { value += other.value; }
//   };
//   PARE_KERNEL(sum, Reduction reduction, const Element* x, Total* partial) {
//     reduce_pieces<Total>(reduction, [](uint32_t channel) { return 0; },
//                          [&](const Group& group, const auto&, Total (&totals)[kWidth]) {
//                            float numbers[kWidth];
//                            load(x, group, numbers);
//                            for (int lane = 0; lane < kWidth; ++lane) totals[lane].value += numbers[lane];
//                          }, partial);
//   }
//   PARE_KERNEL(sum_combine, Combination combination, const Total* partial, float* sums) {
//     combine_pieces(combination, partial, [&](uint32_t channel, const Total& sum) { sums[channel] = sum.value; });
//   }
//
// A state may have lanes of another type, from which it is made (LaneOf): Sums has floats, as double precision is slow
// on many GPUs. A lane takes at most kUnitsOfThread numbers, which keeps their sum far within kSumTolerance. Lanes that
// are not there load as 0: a visit that does something else with 0 than nothing looks at group.count.

#ifndef PARE_BACKENDS_CUDA_KERNELS_REDUCTION_CUH_
#define PARE_BACKENDS_CUDA_KERNELS_REDUCTION_CUH_

#include "backends/cuda/kernels/kernel.cuh"

namespace pare::backends::cuda {

// The threads' states added up; the result is thread 0's. All threads of the block call it.
template <typename State>
PARE_DEVICE State add_threads(const State& state) {
  __shared__ State states[kMaxThreads], sums[16];
  states[threadIdx.x] = state;
  __syncthreads();
  if (threadIdx.x < 16) {
    const uint32_t share = blockDim.x / 16;  // A block has 32 threads at least.
    State sum = states[threadIdx.x * share];
    for (uint32_t i = 1; i < share; ++i) sum.add(states[threadIdx.x * share + i]);
    sums[threadIdx.x] = sum;
  }
  __syncthreads();  // After it nobody reads `states` any more, so the next call may write them.
  State sum = sums[0];
  if (threadIdx.x == 0) {
    for (uint32_t i = 1; i < 16; ++i) sum.add(sums[i]);
  }
  return sum;
}

template <typename Lane>
PARE_DEVICE void clear(Lane (&lanes)[kWidth]) {
#pragma unroll
  for (int lane = 0; lane < kWidth; ++lane) lanes[lane] = Lane::none();
}

// A block's piece: calls visit(group, parameters_of) for this thread's units, parameters_of(lane) being the parameters
// of the channel of a lane that is there.
template <typename Parameters, typename Visit>
PARE_DEVICE void visit_runs(const Reduction& r, const Parameters& parameters, const Visit& visit) {
  const uint32_t channel = blockIdx.x % r.channels;
  const uint64_t piece = blockIdx.x / r.channels;
  const auto of_channel = parameters(channel);
  const auto parameters_of = [&](int) { return of_channel; };
  const uint64_t begin = piece * r.units_of_piece + threadIdx.x;
  const uint64_t piece_end = (piece + 1) * r.units_of_piece, end = piece_end < r.units ? piece_end : r.units;
  const uint32_t width = r.in_groups ? kWidth : 1;
  uint64_t run = begin / r.units_of_run, within = begin - run * r.units_of_run;
  const uint64_t run_step = blockDim.x / r.units_of_run, within_step = blockDim.x - run_step * r.units_of_run;
  for (uint64_t unit = begin; unit < end; unit += blockDim.x) {
    const uint64_t first = (run * r.channels + channel) * r.inner + within * width;
    const uint64_t left = r.inner - within * width;
    visit(
        Group{first, left < width ? static_cast<uint32_t>(left) : width, r.in_groups && r.is_aligned && left >= width},
        parameters_of);
    run += run_step;
    within += within_step;
    if (within >= r.units_of_run) {
      within -= r.units_of_run;
      ++run;
    }
  }
}

// A thread's place in a block's rows of some columns.
struct ColumnPlace {
  uint64_t piece, unit;  // of a row
  uint32_t row;          // of those that the block takes at once
  bool is_there;

  PARE_DEVICE explicit ColumnPlace(const Reduction& r) : piece(blockIdx.x / r.tiles), row(threadIdx.x / r.width) {
    unit = (blockIdx.x - piece * r.tiles) * r.width + (threadIdx.x - row * r.width);
    is_there = row < r.rows_at_once && unit < r.units_of_row;
  }
};

template <typename Parameters, typename Visit>
PARE_DEVICE void visit_columns(const Reduction& r, const Parameters& parameters, const Visit& visit) {
  const ColumnPlace at(r);
  if (!at.is_there) return;
  const uint32_t lanes = r.in_groups ? kWidth : 1;
  const uint64_t columns = uint64_t{r.channels} * r.inner;
  const uint64_t last = (at.piece + 1) * r.rows_of_piece, end = last < r.outer ? last : r.outer;
  uint32_t channels[kWidth];
#pragma unroll
  for (int lane = 0; lane < kWidth; ++lane) {
    channels[lane] = lane < lanes ? static_cast<uint32_t>((at.unit * lanes + lane) / r.inner) : 0;
  }
  const auto parameters_of = [&](int lane) { return parameters(channels[lane]); };
  for (uint64_t row = at.piece * r.rows_of_piece + at.row; row < end; row += r.rows_at_once) {
    visit(Group{row * columns + at.unit * lanes, lanes, r.in_groups && r.is_aligned}, parameters_of);
  }
}

template <typename State, typename Lane>
PARE_DEVICE void write_run(const Lane (&lanes)[kWidth], State* partial) {
  State state = State(lanes[0]);
#pragma unroll
  for (int lane = 1; lane < kWidth; ++lane) state.add(State(lanes[lane]));
  const State sum = add_threads(state);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

template <typename State, typename Lane>
PARE_DEVICE void write_columns(const Reduction& r, const Lane (&lanes)[kWidth], State* partial) {
  __shared__ State shared[kMaxThreads];
  const ColumnPlace at(r);
  const uint32_t lane_count = r.in_groups ? kWidth : 1;
  const uint64_t columns = uint64_t{r.channels} * r.inner;
#pragma unroll
  for (int lane = 0; lane < kWidth; ++lane) {
    if (lane >= lane_count) break;
    __syncthreads();
    shared[threadIdx.x] = State(lanes[lane]);
    // Halves of the rows at once onto each other.
    for (uint32_t rows = r.rows_at_once; rows > 1;) {
      const uint32_t half = (rows + 1) / 2;
      __syncthreads();
      if (at.is_there && at.row + half < rows) shared[threadIdx.x].add(shared[threadIdx.x + half * r.width]);
      rows = half;
    }
    if (at.is_there && at.row == 0) partial[at.piece * columns + at.unit * lane_count + lane] = shared[threadIdx.x];
  }
}

template <typename State>
struct LaneOf {
  using Type = State;
};

// Writes a state a piece: see Combination for where. One block a piece: pieces * channels of them, or pieces * tiles.
template <typename State, typename Parameters, typename Visit>
PARE_DEVICE void reduce_pieces(const Reduction& reduction, const Parameters& parameters, const Visit& visit,
                               State* partial) {
  typename LaneOf<State>::Type lanes[kWidth];
  clear(lanes);
  const auto add = [&](const Group& group, const auto& parameters_of) { visit(group, parameters_of, lanes); };
  if (reduction.by_columns) {
    visit_columns(reduction, parameters, add);
    write_columns(reduction, lanes, partial);
  } else {
    visit_runs(reduction, parameters, add);
    write_run(lanes, partial);
  }
}

// Calls write(channel, state) for every channel, from one thread. A block takes one channel after the other.
template <typename State, typename Write>
PARE_DEVICE void combine_pieces(const Combination& c, const State* partial, const Write& write) {
  for (uint32_t channel = blockIdx.x; channel < c.channels; channel += gridDim.x) {
    State state = State::none();
    for (uint64_t k = threadIdx.x; k < c.count; k += blockDim.x) {
      const uint64_t piece = k / c.inner;
      state.add(partial[piece * c.row + uint64_t{channel} * c.inner + (k - piece * c.inner)]);
    }
    const State sum = add_threads(state);
    if (threadIdx.x == 0) write(channel, sum);
  }
}

// N sums, of a lane and of all.
template <int N>
struct LaneSums {
  float of[N];

  static PARE_DEVICE LaneSums none() {
    LaneSums sums;
#pragma unroll
    for (int i = 0; i < N; ++i) sums.of[i] = 0;
    return sums;
  }
};

template <int N>
struct Sums : SumsOfPiece<N> {
  Sums() = default;
  PARE_DEVICE explicit Sums(const LaneSums<N>& lane) {
#pragma unroll
    for (int i = 0; i < N; ++i) this->of[i] = lane.of[i];
  }
  static PARE_DEVICE Sums none() { return Sums(LaneSums<N>::none()); }
  PARE_DEVICE void add(const Sums& other) {
#pragma unroll
    for (int i = 0; i < N; ++i) this->of[i] += other.of[i];
  }
};

template <int N>
struct LaneOf<Sums<N>> {
  using Type = LaneSums<N>;
};

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_KERNELS_REDUCTION_CUH_
