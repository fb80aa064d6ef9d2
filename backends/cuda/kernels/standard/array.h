// kernels/standard/array.h: what our definitions take of <array>, for NVRTC, which has no standard library.

#ifndef PARE_BACKENDS_CUDA_KERNELS_STANDARD_ARRAY_H_
#define PARE_BACKENDS_CUDA_KERNELS_STANDARD_ARRAY_H_

namespace std {

template <typename T, unsigned long long kSize>
struct array {
  T elements[kSize];

  constexpr T& operator[](unsigned long long i) { return elements[i]; }
  constexpr const T& operator[](unsigned long long i) const { return elements[i]; }
};

}  // namespace std

#endif  // PARE_BACKENDS_CUDA_KERNELS_STANDARD_ARRAY_H_
