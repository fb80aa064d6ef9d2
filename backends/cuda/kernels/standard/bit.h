// kernels/standard/bit.h: what our definitions take of <bit>, for NVRTC, which has no standard library.

#ifndef PARE_BACKENDS_CUDA_KERNELS_STANDARD_BIT_H_
#define PARE_BACKENDS_CUDA_KERNELS_STANDARD_BIT_H_

namespace std {

template <typename To, typename From>
constexpr To bit_cast(const From& from) {
  return __builtin_bit_cast(To, from);
}

template <typename T>
constexpr int bit_width(T x) {
  int width = 0;
  for (; x != 0; x = x >> 1) ++width;
  return width;
}

}  // namespace std

#endif  // PARE_BACKENDS_CUDA_KERNELS_STANDARD_BIT_H_
