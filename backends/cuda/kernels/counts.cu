#include "backends/cuda/kernels/reduction.cuh"

namespace pare::backends::cuda {

struct Count : CountOfPiece {
  static PARE_DEVICE Count none() { return {{0}}; }
  PARE_DEVICE void add(const Count& other) { number += other.number; }
};

template <typename Predicate>
PARE_DEVICE void count_where(const Reduction& reduction, const Element* x, const Predicate& predicate, Count* partial) {
  reduce_pieces<Count>(
      reduction, [](uint32_t) { return 0; },
      [&](const Group& group, const auto&, Count(&counts)[kWidth]) {
        float numbers[kWidth];
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) counts[lane].number += lane < group.count && predicate(numbers[lane]);
      },
      partial);
}

PARE_KERNEL(count_zeros, Reduction reduction, const Element* x, Count* partial) {
  count_where(
      reduction, x, [](float number) { return number == 0; }, partial);
}

PARE_KERNEL(count_above, Reduction reduction, const Element* x, float threshold, Count* partial) {
  count_where(
      reduction, x, [&](float number) { return number > threshold; }, partial);
}

PARE_KERNEL(count_combine, Combination combination, const Count* partial, int64_t* counts) {
  combine_pieces(combination, partial,
                 [&](uint32_t channel, const Count& count) { counts[channel] = static_cast<int64_t>(count.number); });
}

}  // namespace pare::backends::cuda
