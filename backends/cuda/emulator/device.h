// emulator/device.h: the words of CUDA C++ that our kernels use, for the host's compiler. The emulator runs a kernel's
// blocks one after the other, and a block's threads as fibers of one thread of the host: right, and slow.
//
// Only for the sources of kernels, compiled with PARE_CUDA_EMULATOR; see emulator.h.

#ifndef PARE_BACKENDS_CUDA_EMULATOR_DEVICE_H_
#define PARE_BACKENDS_CUDA_EMULATOR_DEVICE_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#define PARE_DEVICE inline
#define __shared__ static  // One block runs at a time.
#define __syncthreads() ::pare::backends::cuda::emulation::synchronize_block()
#define __syncwarp() ::pare::backends::cuda::emulation::synchronize_warp()

#define PARE_KERNEL(name, ...)                                                                      \
  static void name(__VA_ARGS__);                                                                    \
  [[maybe_unused]] static const bool name##_is_known = ::pare::backends::cuda::emulation::remember( \
      PARE_CUDA_EMULATOR, #name, ::pare::backends::cuda::emulation::entry_of(name));                \
  static void name(__VA_ARGS__)

namespace pare::backends::cuda::emulation {

struct Index {
  uint32_t x;
};

void synchronize_block();
void synchronize_warp();
// The value that another lane of the warp gives; all of them call it.
uint64_t exchange(uint64_t value, uint32_t lane);

// A kernel with its parameters' types taken off.
struct Entry {
  void (*run)(void* function, void** arguments);
  void* function;
  std::vector<size_t> argument_bytes;
};

template <typename... A>
Entry entry_of(void (*function)(A...)) {
  const auto run = [](void* any_function, void** arguments) {
    [&]<size_t... I>(std::index_sequence<I...>) {
      reinterpret_cast<void (*)(A...)>(any_function)(*static_cast<A*>(arguments[I])...);
    }
    (std::index_sequence_for<A...>());
  };
  return {run, reinterpret_cast<void*>(function), {sizeof(A)...}};
}

bool remember(std::string_view type, std::string_view name, Entry entry);

}  // namespace pare::backends::cuda::emulation

// As in CUDA, without a namespace.
extern ::pare::backends::cuda::emulation::Index threadIdx, blockIdx, blockDim, gridDim;

template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = ::pare::backends::cuda::emulation::exchange(bits, (threadIdx.x % 32) ^ mask);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

template <typename T>
T atomicAdd(T* sum, T number) {
  return std::exchange(*sum, *sum + number);
}

#endif  // PARE_BACKENDS_CUDA_EMULATOR_DEVICE_H_
