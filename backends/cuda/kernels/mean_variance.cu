#include "backends/cuda/kernels/reduction.cuh"

namespace pare::backends::cuda {

// In double precision a number's square is exact and their sum is good to far more digits than the variance of floats
// needs, so that the mean's square may be taken off.
struct Moments : MomentsOfPiece {
  static PARE_DEVICE Moments none() { return {{0, 0}}; }
  PARE_DEVICE void add(const Moments& other) {
    sum += other.sum;
    squares += other.squares;
  }
};

PARE_KERNEL(mean_variance, Reduction reduction, const Element* x, Moments* partial) {
  reduce_pieces<Moments>(
      reduction, [](uint32_t) { return 0; },
      [&](const Group& group, const auto&, Moments(&moments)[kWidth]) {
        float numbers[kWidth];
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          const double number = numbers[lane];
          moments[lane].add({{number, number * number}});
        }
      },
      partial);
}

PARE_KERNEL(mean_variance_combine, Combination combination, const Moments* partial, double size, float* mean,
            float* variance) {
  combine_pieces(combination, partial, [&](uint32_t channel, const Moments& moments) {
    const double center = moments.sum / size, spread = moments.squares / size - center * center;
    mean[channel] = static_cast<float>(center);
    variance[channel] = static_cast<float>(spread < 0 ? 0 : spread);
  });
}

}  // namespace pare::backends::cuda
