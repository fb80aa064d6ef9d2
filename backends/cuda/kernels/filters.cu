#include "backends/cuda/kernels/reduction.cuh"

namespace pare::backends::cuda {

PARE_KERNEL(filter_norms, Reduction reduction, const Element* x, Sums<2>* partial) {
  reduce_pieces<Sums<2>>(
      reduction, [](uint32_t) { return 0; },
      [&](const Group& group, const auto&, LaneSums<2>(&sums)[kWidth]) {
        float numbers[kWidth];
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          sums[lane].of[0] += magnitude_of(numbers[lane]);
          sums[lane].of[1] += numbers[lane] * numbers[lane];
        }
      },
      partial);
}

// Either may be null.
PARE_KERNEL(filter_norms_combine, Combination combination, const Sums<2>* partial, float* l1, float* l2) {
  combine_pieces(combination, partial, [&](uint32_t channel, const Sums<2>& sums) {
    if (l1 != nullptr) l1[channel] = static_cast<float>(sums.of[0]);
    if (l2 != nullptr) l2[channel] = sqrtf(static_cast<float>(sums.of[1]));
  });
}

// A block of 256 threads makes 16 by 16 distances, of the tiles at or below the diagonal: block b is tile (row, column)
// with b = row * (row + 1) / 2 + column.
PARE_KERNEL(pairwise_distances, const Element* x, uint64_t outer, uint32_t channels, uint64_t inner, float* distances) {
  constexpr int kTile = 16;
  __shared__ float a[kTile][kTile + 1], b[kTile][kTile + 1];
  uint32_t row = static_cast<uint32_t>((sqrtf(8.0f * blockIdx.x + 1) - 1) / 2);
  while (uint64_t{row} * (row + 1) / 2 > blockIdx.x) --row;
  while (uint64_t{row + 1} * (row + 2) / 2 <= blockIdx.x) ++row;
  const uint32_t column = blockIdx.x - static_cast<uint32_t>(uint64_t{row} * (row + 1) / 2);
  const uint32_t first = threadIdx.x / kTile, second = threadIdx.x % kTile;
  const uint64_t places = outer * inner;
  double squares = 0;
  for (uint64_t start = 0; start < places; start += kTile) {
    const uint64_t place = start + second;
    const uint64_t o = place / inner, offset = o * channels * inner + (place - o * inner);
    const uint32_t channel_a = row * kTile + first, channel_b = column * kTile + first;
    a[first][second] = place < places && channel_a < channels ? number_of(x[offset + channel_a * inner]) : 0;
    b[first][second] = place < places && channel_b < channels ? number_of(x[offset + channel_b * inner]) : 0;
    __syncthreads();
    float sum = 0;
#pragma unroll
    for (int k = 0; k < kTile; ++k) {
      const float difference = a[first][k] - b[second][k];
      sum += difference * difference;
    }
    squares += sum;
    __syncthreads();
  }
  const uint32_t i = row * kTile + first, j = column * kTile + second;
  if (i >= channels || j >= channels) return;
  const float distance = i == j ? 0.0f : sqrtf(static_cast<float>(squares));
  distances[uint64_t{i} * channels + j] = distance;
  distances[uint64_t{j} * channels + i] = distance;
}

}  // namespace pare::backends::cuda
