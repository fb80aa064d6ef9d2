// kernels/kernel.cuh: what every kernel's source begins with: the type of its tensors, groups of 16 bytes, and the
// words by which one source is compiled by NVRTC and nvcc for a GPU, and by the host's compiler for the emulator.
//
//   #include "backends/cuda/kernels/kernel.cuh"
//   PARE_KERNEL(negate, uint64_t size, const Element* x, Element* y) {
//     for (uint64_t i = first_index(); i < size; i += all_threads()) y[i] = from_float<Element>(-to_float(x[i]));
//   }
//
// A source is compiled once a type: PARE_ELEMENT is Half, BFloat16 or, if it is not defined, float. Floating point is
// as written: the device's compiler gets --fmad=false and no fast mathematics.

#ifndef PARE_BACKENDS_CUDA_KERNELS_KERNEL_CUH_
#define PARE_BACKENDS_CUDA_KERNELS_KERNEL_CUH_

#include <bit>
#include <cstdint>

#include "backends/cuda/arguments.h"
#include "backends/half.h"

#ifdef PARE_CUDA_EMULATOR
#include "backends/cuda/emulator/device.h"
#else
#define PARE_DEVICE __device__ __forceinline__
#define PARE_KERNEL(name, ...) extern "C" __global__ void __launch_bounds__(256) name(__VA_ARGS__)
#endif

#ifndef PARE_ELEMENT
#define PARE_ELEMENT float
#endif

namespace pare::backends::cuda {

using Element = PARE_ELEMENT;

// Elements of a group.
constexpr int kWidth = 16 / sizeof(Element);

constexpr float kInfinity = std::bit_cast<float>(0x7F800000);

PARE_DEVICE float float_of_bits(uint32_t bits) { return std::bit_cast<float>(bits); }
PARE_DEVICE uint32_t magnitude_bits(float x) { return std::bit_cast<uint32_t>(x) & 0x7FFFFFFF; }
PARE_DEVICE float magnitude_of(float x) { return float_of_bits(magnitude_bits(x)); }
PARE_DEVICE bool is_nan(float x) { return x != x; }

PARE_DEVICE uint64_t first_index() { return uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
PARE_DEVICE uint64_t all_threads() { return uint64_t{gridDim.x} * blockDim.x; }

PARE_DEVICE uint64_t quotient(uint64_t n, const Divider& by) {
  return by.is_small ? divide(static_cast<uint32_t>(n), by.fast) : n / by.divisor;
}

// The device's own conversions where they give the same as backends/half.h in fewer instructions.
template <typename T>
PARE_DEVICE float number_of(T x) {
  return to_float(x);
}
template <typename T>
PARE_DEVICE T element_of(float x) {
  return from_float<T>(x);
}
#ifndef PARE_CUDA_EMULATOR
template <>
PARE_DEVICE float number_of<Half>(Half x) {
  float number;
  asm("cvt.f32.f16 %0, %1;" : "=f"(number) : "h"(x.bits));
  return number;
}
template <>
PARE_DEVICE Half element_of<Half>(float x) {
  Half element;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(element.bits) : "f"(x));
  return element;
}
#endif

// kWidth elements side by side, or fewer at the tensor's end.
struct Group {
  uint64_t first;
  uint32_t count;
  bool is_whole;  // all of them are there, at a multiple of their size
};

template <typename T>
struct alignas(kWidth * sizeof(T) > 16 ? 16 : kWidth * sizeof(T)) Pack {
  T at[kWidth];
};

// Each number of the group, of a tensor of T; 0 for those that are not there.
template <typename T>
PARE_DEVICE void load(const T* x, const Group& group, float (&numbers)[kWidth]) {
  if (group.is_whole) {
    const Pack<T> pack = *reinterpret_cast<const Pack<T>*>(x + group.first);
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) numbers[lane] = number_of(pack.at[lane]);
  } else {
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) {
      numbers[lane] = lane < group.count ? number_of(x[group.first + lane]) : 0.0f;
    }
  }
}

template <typename T>
PARE_DEVICE void store(T* y, const Group& group, const float (&numbers)[kWidth]) {
  if (group.is_whole) {
    Pack<T> pack;
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) pack.at[lane] = element_of<T>(numbers[lane]);
    *reinterpret_cast<Pack<T>*>(y + group.first) = pack;
  } else {
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) {
      if (lane < group.count) y[group.first + lane] = element_of<T>(numbers[lane]);
    }
  }
}

// The same for bytes, as they are.
PARE_DEVICE void load_bytes(const uint8_t* x, const Group& group, uint8_t (&bytes)[kWidth]) {
  if (group.is_whole) {
    const Pack<uint8_t> pack = *reinterpret_cast<const Pack<uint8_t>*>(x + group.first);
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) bytes[lane] = pack.at[lane];
  } else {
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) bytes[lane] = lane < group.count ? x[group.first + lane] : 0;
  }
}

PARE_DEVICE void store_bytes(uint8_t* y, const Group& group, const uint8_t (&bytes)[kWidth]) {
  if (group.is_whole) {
    Pack<uint8_t> pack;
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) pack.at[lane] = bytes[lane];
    *reinterpret_cast<Pack<uint8_t>*>(y + group.first) = pack;
  } else {
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) {
      if (lane < group.count) y[group.first + lane] = bytes[lane];
    }
  }
}

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_KERNELS_KERNEL_CUH_
