#include "backends/cuda/kernels/reduction.cuh"
#include "backends/selection_key.h"

namespace pare::backends::cuda {

// Keys, so that a NaN is the least and the greatest.
struct Extremes : ExtremesOfPiece {
  static PARE_DEVICE Extremes none() { return {{selection_key(kInfinity), selection_key(-kInfinity)}}; }
  PARE_DEVICE void add(const Extremes& other) {
    least = other.least < least ? other.least : least;
    greatest = other.greatest > greatest ? other.greatest : greatest;
  }
};

PARE_KERNEL(min_max, Reduction reduction, const Element* x, Extremes* partial) {
  reduce_pieces<Extremes>(
      reduction, [](uint32_t) { return 0; },
      [&](const Group& group, const auto&, Extremes(&extremes)[kWidth]) {
        float numbers[kWidth];
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          if (lane >= group.count) continue;
          const uint32_t key = selection_key(numbers[lane]);
          extremes[lane].add({{key == kNanKey ? 0 : key, key}});
        }
      },
      partial);
}

PARE_KERNEL(min_max_combine, Combination combination, const Extremes* partial, float* min, float* max) {
  combine_pieces(combination, partial, [&](uint32_t channel, const Extremes& extremes) {
    min[channel] = number_of_key(extremes.least);
    max[channel] = number_of_key(extremes.greatest);
  });
}

// The bits of magnitudes grow with them, and NaN's are the greatest.
struct GreatestMagnitude : MagnitudeOfPiece {
  static PARE_DEVICE GreatestMagnitude none() { return {{0}}; }
  PARE_DEVICE void add(const GreatestMagnitude& other) { bits = other.bits > bits ? other.bits : bits; }
};

PARE_KERNEL(abs_max, Reduction reduction, const Element* x, GreatestMagnitude* partial) {
  reduce_pieces<GreatestMagnitude>(
      reduction, [](uint32_t) { return 0; },
      [&](const Group& group, const auto&, GreatestMagnitude(&greatest)[kWidth]) {
        float numbers[kWidth];
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) greatest[lane].add({{magnitude_bits(numbers[lane])}});
      },
      partial);
}

PARE_KERNEL(abs_max_combine, Combination combination, const GreatestMagnitude* partial, float* abs_max) {
  combine_pieces(combination, partial, [&](uint32_t channel, const GreatestMagnitude& greatest) {
    abs_max[channel] = float_of_bits(greatest.bits);
  });
}

}  // namespace pare::backends::cuda
