// backends/cuda/call.h: one call of a kernel: its tensors on the device, its launches, its errors.
//
//   template <typename T>
//   absl::Status negate(const Execution&, const Layout& layout, const T* x, T* y) {
//     Call call;
//     x = call.input(x, layout.size());
//     y = call.output(y, layout.size());
//     call.launch<T>(sources::negate, "negate", call.blocks_for(layout.size()), kMaxThreads, layout.size(), x, y);
//     return call.finish();
//   }
//
// A pointer is the device's or host memory, and one call may mix them. Host memory goes through a copy, and finish()
// then waits for the results; a call with device pointers only is started, and does not wait. The same host memory
// given twice is one tensor: in place works as it does on the device. After an error everything else is ignored, and
// finish() returns it.

#ifndef PARE_BACKENDS_CUDA_CALL_H_
#define PARE_BACKENDS_CUDA_CALL_H_

#include <cstdint>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "backends/cuda/driver.h"
#include "backends/cuda/launch_plan.h"
#include "backends/half.h"

namespace pare::backends::cuda {

template <typename T>
inline constexpr ElementType kElementType = ElementType::kFloat;
template <>
inline constexpr ElementType kElementType<Half> = ElementType::kHalf;
template <>
inline constexpr ElementType kElementType<BFloat16> = ElementType::kBFloat16;

class Call {
 public:
  Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call();

  // The tensor where the kernel finds it: only read, only written (all of it), or both. Null stays null.
  template <typename T>
  const T* input(const T* pointer, int64_t count) {
    return static_cast<const T*>(bind(const_cast<T*>(pointer), count * sizeof(T), true, false));
  }
  template <typename T>
  T* output(T* pointer, int64_t count) {
    return static_cast<T*>(bind(pointer, count * sizeof(T), false, true));
  }
  template <typename T>
  T* in_out(T* pointer, int64_t count) {
    return static_cast<T*>(bind(pointer, count * sizeof(T), true, true));
  }

  // Memory until the end of the call, of undefined content.
  template <typename T>
  T* scratch(uint64_t count) {
    return static_cast<T*>(take_scratch(count * sizeof(T)));
  }

  int multiprocessors() const { return device_.multiprocessors; }
  uint32_t blocks_for(uint64_t items) const { return loop_blocks(items, device_.multiprocessors); }

  // Starts a kernel of a source for elements of T. Nothing for 0 blocks. Arguments are the kernel's parameters, of
  // exactly their types.
  template <typename T, typename... A>
  void launch(const Source& source, const char* kernel, uint64_t blocks, uint32_t threads, A... arguments) {
    static_assert((std::is_trivially_copyable_v<A> && ...));
    const Argument list[] = {Argument{&arguments, sizeof(A)}...};
    start({&source, kernel, kElementType<T>}, blocks, threads, list);
  }

  // Kernels count channels in 32 bits. Error: ResourceExhausted.
  void check_channels(const Layout& layout);

  // For the kernel's own errors; the first one counts.
  void fail(absl::Status status) { status_.Update(status); }

  // Brings results to host memory where the caller wants them there.
  absl::Status finish();

 private:
  struct Mirror {
    void* host;
    int64_t bytes;
    void* device;
    bool is_written;
  };

  void* bind(void* pointer, int64_t bytes, bool read, bool written);
  void* take_scratch(uint64_t bytes);
  void start(const KernelName& kernel, uint64_t blocks, uint32_t threads, absl::Span<const Argument> arguments);

  absl::Status status_;
  Driver* driver_ = nullptr;
  DeviceProperties device_;
  std::vector<Mirror> mirrors_;
  std::vector<void*> scratch_;
};

// A kernel a group of elements, each by itself: nothing for an empty tensor.
template <typename T, typename... A>
void launch_elementwise(Call& call, const Source& source, const char* kernel, const Elementwise& elements,
                        A... arguments) {
  call.check_channels({1, static_cast<int64_t>(elements.runs.divisor), 1});
  const uint64_t group = 16 / sizeof(T);
  call.launch<T>(source, kernel, call.blocks_for((elements.size + group - 1) / group), kMaxThreads, elements,
                 arguments...);
}

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_CALL_H_
