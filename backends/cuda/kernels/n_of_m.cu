#include "backends/cuda/kernels/kernel.cuh"

namespace pare::backends::cuda {

// Magnitudes in their order, a NaN the greatest.
PARE_DEVICE uint32_t magnitude_key(float x) { return is_nan(x) ? 0xFFFFFFFF : magnitude_bits(x); }

// `count` channels, at most kMost of them, `inner` elements apart from `first` on.
template <int kMost>
PARE_DEVICE void mask_group(const Element* x, uint64_t first, uint64_t inner, int count, int n, uint8_t* mask) {
  uint32_t keys[kMost];
#pragma unroll
  for (int i = 0; i < kMost; ++i) keys[i] = i < count ? magnitude_key(number_of(x[first + i * inner])) : 0;
#pragma unroll
  for (int i = 0; i < kMost; ++i) {
    if (i >= count) break;
    int before = 0;
#pragma unroll
    for (int other = 0; other < kMost; ++other) {
      if (other < count) before += keys[other] > keys[i] || (keys[other] == keys[i] && other < i);
    }
    mask[first + i * inner] = before < n ? 1 : 0;
  }
}

// A thread a group of m channels at the same place. groups: of the channels.
PARE_KERNEL(n_of_m_mask, const Element* x, uint64_t outer, uint64_t channels, Divider inner, Divider groups, int n,
            int m, uint8_t* mask) {
  for (uint64_t i = first_index(); i < outer * groups.divisor * inner.divisor; i += all_threads()) {
    const uint64_t row = quotient(i, inner), o = quotient(row, groups);
    const uint64_t channel = (row - o * groups.divisor) * m, left = channels - channel;
    const uint64_t first = (o * channels + channel) * inner.divisor + (i - row * inner.divisor);
    const int count = left < m ? static_cast<int>(left) : m;
    if (m <= 4) {
      mask_group<4>(x, first, inner.divisor, count, n, mask);
    } else if (m <= 8) {
      mask_group<8>(x, first, inner.divisor, count, n, mask);
    } else if (m <= 16) {
      mask_group<16>(x, first, inner.divisor, count, n, mask);
    } else {
      mask_group<32>(x, first, inner.divisor, count, n, mask);
    }
  }
}

}  // namespace pare::backends::cuda
