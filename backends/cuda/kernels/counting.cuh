// kernels/counting.cuh: adds the elements of each channel to bins of 64 bits, in a block's own memory first where its
// piece is of one channel and the bins fit.
//
//   count_bins(reduction, x, counts_of_channel, parameters, bin_of, counts);   // bin_of(number, parameters) < 0: none

#ifndef PARE_BACKENDS_CUDA_KERNELS_COUNTING_CUH_
#define PARE_BACKENDS_CUDA_KERNELS_COUNTING_CUH_

#include "backends/cuda/kernels/reduction.cuh"

namespace pare::backends::cuda {

constexpr uint32_t kLocalCounts = 4098;

PARE_DEVICE void add_count(int64_t* count, uint32_t number) {
  // Two's complement: adding is the same as without a sign.
  atomicAdd(reinterpret_cast<unsigned long long*>(count), static_cast<unsigned long long>(number));
}

// A thread's numbers often fall into one bin many times in a row: they are added at once.
template <typename Add>
struct RunOfBins {
  Add add;
  int64_t bin = -1;
  uint32_t number = 0;

  PARE_DEVICE explicit RunOfBins(const Add& to) : add(to) {}
  PARE_DEVICE void count(int64_t next) {
    if (next != bin) {
      end();
      bin = next;
    }
    ++number;
  }
  PARE_DEVICE void end() {
    if (number > 0 && bin >= 0) add(bin, number);
    number = 0;
  }
};

// counts: `size` of each channel. parameters(channel) has what bin_of needs.
template <typename Parameters, typename BinOf>
PARE_DEVICE void count_bins(const Reduction& r, const Element* x, uint32_t size, const Parameters& parameters,
                            const BinOf& bin_of, int64_t* counts) {
  __shared__ uint32_t local[kLocalCounts];
  if (r.by_columns) {
    const ColumnPlace at(r);
    const uint32_t lanes = r.in_groups ? kWidth : 1;
    int64_t* of_lane[kWidth];
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) of_lane[lane] = counts + (at.unit * lanes + lane) / r.inner * size;
    visit_columns(r, parameters, [&](const Group& group, const auto& parameters_of) {
      float numbers[kWidth];
      load(x, group, numbers);
#pragma unroll
      for (int lane = 0; lane < kWidth; ++lane) {
        if (lane >= group.count) continue;
        const int64_t bin = bin_of(numbers[lane], parameters_of(lane));
        if (bin >= 0) add_count(of_lane[lane] + bin, 1);
      }
    });
    return;
  }
  const bool is_local = size <= kLocalCounts;
  int64_t* const of_channel = counts + uint64_t{blockIdx.x % r.channels} * size;
  if (is_local) {
    for (uint32_t bin = threadIdx.x; bin < size; bin += blockDim.x) local[bin] = 0;
    __syncthreads();
  }
  const auto add = [&](int64_t bin, uint32_t number) {
    if (is_local) {
      atomicAdd(&local[bin], number);
    } else {
      add_count(of_channel + bin, number);
    }
  };
  RunOfBins run(add);
  visit_runs(r, parameters, [&](const Group& group, const auto& parameters_of) {
    float numbers[kWidth];
    load(x, group, numbers);
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) {
      if (lane < group.count) run.count(bin_of(numbers[lane], parameters_of(lane)));
    }
  });
  run.end();
  if (is_local) {
    __syncthreads();
    for (uint32_t bin = threadIdx.x; bin < size; bin += blockDim.x) {
      if (local[bin] != 0) add_count(of_channel + bin, local[bin]);
    }
  }
}

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_KERNELS_COUNTING_CUH_
